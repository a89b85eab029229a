"""A counterexample as a test that fails: one file for pytest, which needs nothing but this project.

It says in its own words what went wrong, and passes once that has been put right.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import TextWrapper

from rag.crosstalk.checker import check
from rag.crosstalk.definitions import DEFINITIONS
from rag.crosstalk.events import Event, to_json
from rag.crosstalk.findings import Anomaly
from rag.crosstalk.outcomes import Outcome, gravest
from rag.crosstalk.scenes import Scene

_NOT_A_NAME = re.compile(r"\W+")
WIDTH = 116


def of_schedule(strategy: str, scene: Scene, schedule: str, outcome: Outcome) -> str:
    """The test of one schedule of a strategy. Where nothing goes wrong, it passes."""
    options = [f"users={scene.users}"] * (scene.users != 2) + ["tabs=True"] * scene.tabs
    options += [f"turns={scene.turns}"] * (scene.turns != 1)
    arguments = ", ".join([repr(strategy), "SCHEDULE", *options])
    kinds = list(gravest(outcome.kinds))
    run_it = f"Run it: pytest {file_name(strategy, schedule)}"
    return f'''{_docstring(outcome.told, f"Found by: python -m rag explore --strategy {strategy}", run_it)}
from rag.crosstalk import replay

SCHEDULE = "{schedule}"
"""Who makes the next step. {_who(scene)}"""


def test_{_name(strategy)}_{_name(schedule)}() -> None:
    # Found: {", ".join(kinds) or "nothing wrong"}.
    outcome = replay({arguments})
    assert not outcome.kinds, outcome.told
'''


def of_log(events: Sequence[Event], anomaly: Anomaly, name: str) -> str:
    """The test of an operation log, best the smallest that shows the anomaly. name: of what was simulated."""
    lines = "\n".join(f"    {_literal(to_json(event))}," for event in events)
    definition = DEFINITIONS[anomaly.kind].text if anomaly.kind in DEFINITIONS else ""
    wanted = (anomaly.kind, anomaly.op, anomaly.surface)
    # In the words that the test itself will find: a shorter log may tell it otherwise.
    found = (one.explanation for one in check(events).anomalies if (one.kind, one.op, one.surface) == wanted)
    told = next(found, anomaly.explanation)
    return f"""{_docstring(told, f"{anomaly.kind}: {definition}", f"Seen in a simulation of {name}.")}
from rag.crosstalk import check
from rag.crosstalk.events import read

LOG = (
{lines}
)


def test_{_name(name)}_{_name(anomaly.kind)}() -> None:
    wanted = {wanted!r}
    found = [one for one in check(read(LOG)).anomalies if (one.kind, one.op, one.surface) == wanted]
    assert not found, found[0].explanation
"""


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
