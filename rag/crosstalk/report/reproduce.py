"""A counterexample as a test that fails: one file for pytest, which needs the installed package and no checkout.

It says in its own words what went wrong. What can be run, a strategy or a target, is run again, and the test passes
once that has been put right; of a log from elsewhere there is only what was written, and its test says so.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import fields, replace
from textwrap import TextWrapper

from rag.crosstalk.checker.anomalies import DEFINITIONS
from rag.crosstalk.checker.check import check
from rag.crosstalk.checker.findings import Anomaly
from rag.crosstalk.explore.outcomes import Outcome, gravest
from rag.crosstalk.explore.scenes import Scene
from rag.crosstalk.log.events import Event, to_json
from rag.crosstalk.report.explain import needs_memory
from rag.crosstalk.run.workload import Workload

_NOT_A_NAME = re.compile(r"\W+")
WIDTH = 116
FROZEN = (
    "What happened is frozen here: this test fails for as long as LOG is in it, whatever is put right. It shows what "
    "the checker sees. Put the log of a new run in its place to see whether that is clean."
)
NEEDS = "It needs the installed package crosswire, and pytest; no checkout of it."
NEEDS_TARGET = (
    "It needs the installed package crosswire, and pytest; no checkout of it. And it needs TARGET: the chat running at "
    "that address, or its module where Python finds it."
)
_ASSERTED = """    told = sorted(report.anomalies, key=lambda one: one.kind != {kind!r})
    assert report.verdict == "isolated", told[0].explanation if told else report.why
"""


def of_schedule(strategy: str, scene: Scene, schedule: str, outcome: Outcome) -> str:
    """The test of one schedule of a strategy. Where nothing goes wrong, it passes."""
    options = [f"users={scene.users}"] * (scene.users != 2) + ["tabs=True"] * scene.tabs
    options += [f"turns={scene.turns}"] * (scene.turns != 1)
    arguments = ", ".join([repr(strategy), "SCHEDULE", *options])
    kinds = list(gravest(outcome.kinds))
    run_it = f"Run it: pytest {file_name(strategy, schedule)}"
    return f'''{_docstring(outcome.told, f"Found by: python -m rag explore --strategy {strategy}", run_it, NEEDS)}
from crosswire import replay

SCHEDULE = "{schedule}"
"""Who makes the next step. {_who(scene)}"""


def test_{_name(strategy)}_{_name(schedule)}() -> None:
    # Found: {", ".join(kinds) or "nothing wrong"}.
    outcome = replay({arguments})
    assert not outcome.kinds, outcome.told
'''


def of_run(strategy: str, workload: Workload, anomaly: Anomaly) -> str:
    """The test that runs the same workload against a strategy. It fails as long as that goes wrong in any way."""
    return f"""{_docstring(*_told(anomaly), f"Found by: {command(workload, strategy=strategy)}", NEEDS)}
from crosswire import Workload, simulate

STRATEGY = {strategy!r}
{_written(workload)}


def test_{_name(strategy)}_keeps_its_users_apart() -> None:
    report = simulate(STRATEGY, WORKLOAD).report
{_ASSERTED.format(kind=anomaly.kind)}"""


def of_target(target: str, spec: str | None, workload: Workload, anomaly: Anomaly) -> str:
    """The same of a target, as `open_target` takes it. spec: the text of its description."""
    described = "" if spec is None else f"SPEC = {spec!r}\n"
    opened = "target = open_target(TARGET)"
    if spec is not None:
        opened = """spec = tmp_path / "endpoint.yaml"
    spec.write_text(SPEC)
    target = open_target(TARGET, spec)"""
    found_by = f"Found by: {command(workload, target=target)}{' --spec FILE' if spec is not None else ''}"
    return f"""{_docstring(*_told(anomaly), found_by, NEEDS_TARGET)}
from pathlib import Path

from crosswire import Workload, open_target, simulate

TARGET = {target!r}
{described}{_written(workload)}


def test_{_name(target)}_keeps_its_users_apart(tmp_path: Path) -> None:
    {opened}
    report = simulate(target, WORKLOAD{_memory(anomaly)}).report
    target.close()
{_ASSERTED.format(kind=anomaly.kind)}"""


def command(workload: Workload, *, strategy: str | None = None, target: str | None = None) -> str:
    """What to type to run the same people, words and moments."""
    parts: list[object] = ["--strategy", strategy] if strategy is not None else ["--target", target or ""]
    parts += ["--users", workload.users, "--turns", workload.turns]
    for field in fields(workload):
        value = getattr(workload, field.name)
        if field.name in ("users", "turns") or (value == field.default and field.name != "seed"):
            continue
        option = f"--{field.name.replace('_', '-')}"
        parts += [option] if value is True else [option, value]
    return shlex.join(["python", "-m", "rag", "simulate", *map(str, parts)])


def of_log(events: Sequence[Event], anomaly: Anomaly, name: str) -> str:
    """The test of an operation log, best the smallest that shows the anomaly: for one that nobody here can run again.

    name: of the log.
    """
    lines = "\n".join(f"    {_literal(to_json(event))}," for event in events)
    wanted = (anomaly.kind, anomaly.op, anomaly.surface)
    # In the words that the test itself will find: a shorter log may tell it otherwise.
    found = (
        one.explanation
        for one in check(events, require_memory=needs_memory(anomaly)).anomalies
        if (one.kind, one.op, one.surface) == wanted
    )
    told = replace(anomaly, explanation=next(found, anomaly.explanation))
    return f"""{_docstring(*_told(told), f"From the log {name}.", FROZEN, NEEDS)}
from crosswire import check, read_log

LOG = (
{lines}
)


def test_{_name(name)}_{_name(anomaly.kind)}() -> None:
    wanted = {wanted!r}
    report = check(read_log(LOG){_memory(anomaly)})
    found = [one for one in report.anomalies if (one.kind, one.op, one.surface) == wanted]
    assert not found, found[0].explanation
"""


def _memory(anomaly: Anomaly) -> str:
    return ", require_memory=True" if needs_memory(anomaly) else ""


def _told(anomaly: Anomaly) -> tuple[str, str]:
    definition = DEFINITIONS[anomaly.kind].text if anomaly.kind in DEFINITIONS else ""
    return anomaly.explanation, f"{anomaly.kind}: {definition}"


def _written(workload: Workload) -> str:
    there = [(field.name, getattr(workload, field.name)) for field in fields(workload)]
    return "\n".join(["WORKLOAD = Workload(", *(f"    {name}={value!r}," for name, value in there), ")"])


def file_name(strategy: str, what: str) -> str:
    return f"test_{_name(strategy)}_{_name(what)}.py"


def _name(text: str) -> str:
    """Part of a Python name. Small letters in a schedule mean something, so they are told apart."""
    return _NOT_A_NAME.sub("_", text).strip("_") or "it"


def _who(scene: Scene) -> str:
    who = ", ".join(f"{actor.letter}: {actor.shown}" for actor in scene.actors())
    given_up = "; a small letter gives the turn up" if scene.cancels else ""
    return f"{who}{given_up}."


def _docstring(*paragraphs: str) -> str:
    wrap = TextWrapper(WIDTH, break_long_words=False, break_on_hyphens=False)
    text = "\n\n".join(wrap.fill(_safe(paragraph)) for paragraph in paragraphs)
    return f'"""{text}\n"""\n'


def _safe(text: str) -> str:
    """Of a docstring: what users wrote may hold anything."""
    return text.replace("\\", "\\\\").replace('"', "'")


def _literal(line: str) -> str:
    return (
        repr(line)
        if "'" not in line
        else "r'''" + line + "'''"
        if "'''" not in line and line[-1] != "'"
        else repr(line)
    )
