"""`python -m rag explore`: every way that a few users' turns can interleave, for one memory strategy or for all."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from rag.commands import options
from rag.commands.options import Everything, JsonFile, PytestFile, Strategy, Tabs, console, write, write_json
from rag.commands.progress import one_by_one, stop_on_interrupt
from rag.commands.reports import EXIT, VERDICTS, status
from rag.crosstalk.checker.findings import Verdict
from rag.crosstalk.explore.explorer import (
    Certificate,
    explore_strategy,
    facts_found,
    make_scene,
    replay,
    replay_command,
    temporary_lab,
)
from rag.crosstalk.explore.outcomes import Outcome, gravest
from rag.crosstalk.explore.scenes import MOST_TURNS, PEOPLE, Scene
from rag.crosstalk.explore.verdicts import amount
from rag.crosstalk.report.export import visible
from rag.crosstalk.report.reproduce import of_schedule
from rag.crosstalk.strategies import STRATEGIES, Lab
from rag.errors import CrosswireError
from rag.settings import load


def explore_command(
    strategy: Strategy = None,
    everything: Everything = False,
    facts: Annotated[bool, typer.Option("--facts", help="The facts table: small memories, counted exactly.")] = False,
    users: Annotated[int | None, options.users(1, len(PEOPLE), "2, or 1 with --tabs")] = None,
    tabs: Tabs = 1,
    turns: Annotated[int | None, options.turns(1, MOST_TURNS, "1, or 2 where 1 shows nothing")] = None,
    preemptions: Annotated[
        int | None, typer.Option(help="Only schedules with at most this many preemptions.", min=0)
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            "--replay",
            metavar="LETTERS",
            help="Play one schedule, one letter per step: AABBBA. A small letter cancels.",
        ),
    ] = None,
    pytest_file: PytestFile = None,
    json_file: JsonFile = None,
) -> None:
    """Several users, or several tabs of one. Exit status: 0 nothing goes wrong, 1 something does, 2 can't tell."""
    if tabs > 1 and (users or 1) > 1:
        raise CrosswireError("It plays several users, or several tabs of one: leave out --users or --tabs.")
    people, of_one = (tabs, True) if tabs > 1 else (users or 2, False)
    if sum([strategy is not None, everything, facts]) != 1:
        raise CrosswireError("Name what to explore: --strategy NAME, --all or --facts.")
    if strategy is None and (schedule is not None or pytest_file is not None):
        raise CrosswireError("--replay and --pytest are for one strategy: name it with --strategy.")
    shown, stop = console(json_file), threading.Event()
    with temporary_lab(load()) as lab, stop_on_interrupt(stop, "Stopping; what was found so far follows."):
        if facts:
            raise typer.Exit(_facts(lab, json_file, shown))
        if strategy is not None and schedule is not None:
            each = 1 if turns is None else turns
            scene = make_scene(users=people, tabs=of_one, turns=each, cancels=sum(map(str.islower, schedule)))
            outcome = replay(strategy, schedule, users=people, tabs=of_one, turns=each, lab=lab)
            _replayed(strategy, scene, schedule, outcome, json_file, shown)
            write(pytest_file, of_schedule(strategy, scene, schedule, outcome))
            raise typer.Exit(EXIT[_verdict(outcome)])
        names = list(STRATEGIES) if strategy is None else [strategy]
        found, left_out = one_by_one(
            names,
            lambda name, moved: explore_strategy(
                name,
                users=people,
                tabs=of_one,
                turns=turns,
                preemptions=preemptions,
                lab=lab,
                progress=lambda done: moved(done, told=f"{done:,} schedules"),
                stop=stop.is_set,
            ),
            stop,
        )
    if everything:
        _all(found, shown)
    else:
        _one(found[0], shown)
        _write_test(found[0], pytest_file)
    contents = [one.to_dict() for one in found]
    write_json(json_file, contents if everything else contents[0])
    raise typer.Exit(status((one.status for one in found), unsure=left_out or len(found) < len(names)))


_UNTOLD: dict[Verdict, str] = {"isolated": "right", "unknown": "unknown", "anomalies": "wrong"}


def _verdict(outcome: Outcome) -> Verdict:
    if outcome.wrong:
        return "anomalies"
    return "isolated" if outcome.right else "unknown"


def _write_test(found: Certificate, pytest_file: Path | None) -> None:
    simplest = found.simplest
    if simplest is not None:
        write(pytest_file, of_schedule(found.strategy, found.simplest_scene, simplest.schedule, simplest.outcome))
    elif pytest_file is not None:
        Console(stderr=True).print("Nothing goes wrong, so there is no test to write.")


def _one(found: Certificate, console: Console) -> None:
    if found.simplest is not None:
        count = found.simplest.preemptions
        console.print(
            f"Shortest failure: [bold]{found.simplest.schedule}[/] ({count} preemption{'' if count == 1 else 's'})"
        )
        console.print(Text(visible(found.simplest.outcome.told)))
        console.print(Text(f"Replay it: {found.replay}"), soft_wrap=True)  # it can be copied
    console.print(Text.assemble((found.strategy, VERDICTS[found.status]), f": {found.verdict}"))
    if found.seconds > 0:
        total, rate = amount(found.explored.total), amount(round(found.explored.total / found.seconds))
        console.print(f"{total} schedules in {found.seconds:.2f} s ({rate}/s).")


def _all(found: list[Certificate], console: Console) -> None:
    """Each with what it says below: in a column beside the others it could not be read."""
    for one in found:
        numbers = f": {amount(one.explored.wrong)} of {amount(one.explored.total)} wrong"
        shortest = f", shortest failure {one.simplest.schedule}" if one.simplest else ""
        console.print(Text.assemble((one.strategy, VERDICTS[one.status]), numbers, shortest))
        console.print(Padding(Text(one.verdict), (0, 0, 0, 4), expand=False))


def _replayed(
    strategy: str, scene: Scene, schedule: str, outcome: Outcome, json_file: Path | None, console: Console
) -> None:
    who = {said.op: (actor.shown, said) for actor in scene.actors() for said in actor.turns}
    prompts = dict(outcome.trace.prompts)
    for what, op, text in outcome.trace.moments:
        name, said = who[op]
        if what == "invoke":
            console.print(Text(f"{name}: {said.text}"))
            if op in prompts:
                console.print(Text(f"    the prompt has {len(prompts[op])} messages", "dim"))
        else:
            console.print(Text(f"    {name} {'gets' if what == 'ok' else what}: {visible(text)}"))
    for session, messages in outcome.trace.stored:
        texts = " | ".join(visible(text) for _, text in messages) or "nothing"
        console.print(Text(f"stored in {session}: {texts}", "dim"))
    verdict = _verdict(outcome)
    found = ", ".join(gravest(outcome.kinds)) or _UNTOLD[verdict]
    console.print(Text.assemble((found, VERDICTS[verdict]), f": {visible(outcome.told)}"))
    content = {
        "strategy": strategy,
        "schedule": schedule,
        "verdict": verdict,
        "kinds": list(outcome.kinds),
        "told": outcome.told,
        "report": outcome.report.to_dict(),
        "replay": " ".join(replay_command(strategy, scene, schedule)),
    }
    write_json(json_file, content)


def _facts(lab: Lab, json_file: Path | None, console: Console) -> int:
    rows, agrees = [], True
    for fact, explored, counted in facts_found(lab):
        same = counted == dict(fact.seen) and explored.total == fact.interleavings
        agrees &= same
        told = ", ".join(f"{number} {kind}" for kind, number in counted.items())
        agreed = "as the table says" if same else "NOT as the table says"
        console.print(Text(fact.what, "bold"))
        lines = f"{explored.steps} steps, {explored.total} interleavings: {told}; {agreed}.", fact.note
        for line in filter(None, lines):
            console.print(Padding(Text(line), (0, 0, 0, 4), expand=False))
        known = {"what": fact.what, "strategy": fact.strategy, "interleavings": explored.total, "note": fact.note}
        rows.append({**known, **counted})
    write_json(json_file, rows)
    return EXIT["isolated" if agrees else "anomalies"]
