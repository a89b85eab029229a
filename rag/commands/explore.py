"""`python -m rag explore`: every way that the turns of a few users can go, for one memory strategy or for all."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from rag.commands.check import EXIT, VERDICTS
from rag.commands.interrupts import stop_on_interrupt
from rag.commands.output_files import STANDARD, writable, write
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
from rag.crosstalk.explore.scenes import Scene
from rag.crosstalk.explore.verdicts import amount, of_what
from rag.crosstalk.report.export import visible
from rag.crosstalk.report.reproduce import of_schedule
from rag.crosstalk.strategies import STRATEGIES, Lab
from rag.errors import CrosswireError
from rag.settings import load


def explore_command(
    strategy: Annotated[str | None, typer.Option(help="Which memory. `simulate --list` tells the names.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every strategy, as a table.")] = False,
    facts: Annotated[bool, typer.Option("--facts", help="The facts table: small memories, counted exactly.")] = False,
    tabs: Annotated[bool, typer.Option("--tabs", help="Two tabs of one user, in place of two users.")] = False,
    users: Annotated[int, typer.Option(help="Users, or with --tabs tabs: 2 to 5.")] = 2,
    turns: Annotated[
        int | None, typer.Option(help="Turns of each, 1 to 4. Left out: 1, and 2 where 1 shows nothing.")
    ] = None,
    preemptions: Annotated[
        int | None, typer.Option(help="Only schedules that interrupt a turn so often at most.", min=0)
    ] = None,
    schedule: Annotated[
        str | None, typer.Option("--replay", help="Play one schedule, a letter a step: AABBBA. A small one gives up.")
    ] = None,
    pytest_file: Annotated[
        Path | None, typer.Option("--pytest", help="Write the counterexample there, as a failing test.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the certificate there; - is standard output.")
    ] = None,
) -> None:
    """Exit status: 0 nothing goes wrong, 1 something does, 2 can't tell."""
    if sum([strategy is not None, everything, facts]) != 1:
        raise CrosswireError("Name what to explore: --strategy NAME, --all or --facts.")
    if strategy is None and (schedule is not None or pytest_file is not None):
        raise CrosswireError("--replay and --pytest are of one strategy: name it with --strategy.")
    for name, path in (("--json", json_file), ("--pytest", pytest_file)):
        writable(name, path)
    progress, shown = Console(stderr=True), Console(stderr=json_file == STANDARD, highlight=False)
    stop = threading.Event()

    def told() -> None:
        progress.print("Stopping; what was found so far follows.")

    with temporary_lab(load()) as lab, stop_on_interrupt(stop, told):
        if facts:
            raise typer.Exit(_facts(lab, json_file, shown))
        if strategy is not None and schedule is not None:
            each = 1 if turns is None else turns
            scene = make_scene(users=users, tabs=tabs, turns=each, cancels=sum(map(str.islower, schedule)))
            outcome = replay(strategy, schedule, users=users, tabs=tabs, turns=each, lab=lab)
            _replayed(strategy, scene, schedule, outcome, json_file, shown)
            write("--pytest", pytest_file, of_schedule(strategy, scene, schedule, outcome))
            raise typer.Exit(EXIT[_verdict(outcome)])
        names = list(STRATEGIES) if strategy is None else [strategy]
        found, left_out = [], False
        for name in names:
            try:
                with _bar(progress, name) as moved:
                    found.append(
                        explore_strategy(
                            name,
                            users=users,
                            tabs=tabs,
                            turns=turns,
                            preemptions=preemptions,
                            lab=lab,
                            progress=moved,
                            stop=stop.is_set,
                        )
                    )
            except CrosswireError as exc:
                if len(names) == 1:
                    raise
                progress.print(Text(f"{name}: {exc}"))
                left_out = True
            if stop.is_set():
                break
    if everything:
        _table(found, shown)
    else:
        _one(found[0], shown)
        simplest = found[0].simplest
        if simplest is not None:
            write(
                "--pytest",
                pytest_file,
                of_schedule(names[0], found[0].simplest_scene, simplest.schedule, simplest.outcome),
            )
        elif pytest_file is not None:
            progress.print("Nothing goes wrong, so there is no test to write.")
    contents = [one.to_dict() for one in found]
    write("--json", json_file, _json(contents if everything else contents[0]))
    raise typer.Exit(_status(found, left_out or (everything and len(found) < len(names))))


_UNTOLD: dict[Verdict, str] = {"isolated": "right", "unknown": "unknown", "anomalies": "wrong"}


def _status(found: list[Certificate], unsure: bool) -> int:
    statuses = {one.status for one in found}
    if "anomalies" in statuses:
        return EXIT["anomalies"]
    return EXIT["unknown" if unsure or statuses != {"isolated"} else "isolated"]


def _verdict(outcome: Outcome) -> Verdict:
    if outcome.wrong:
        return "anomalies"
    return "isolated" if outcome.right else "unknown"


def _one(found: Certificate, console: Console) -> None:
    if found.simplest is not None:
        console.print(f"Shortest failure: [bold]{found.simplest.schedule}[/]", end=" ")
        count = found.simplest.preemptions
        console.print(f"({count} preemption{'' if count == 1 else 's'})")
        console.print(Text(visible(found.simplest.outcome.told)))
        console.print(Text(f"Replay it: {found.replay}"), soft_wrap=True)
    console.print(Text(found.strategy, VERDICTS[found.status]), end=": ")
    console.print(Text(found.verdict), soft_wrap=True)
    if found.seconds > 0:
        rate = found.explored.total / found.seconds
        console.print(
            f"{amount(found.explored.total)} schedules in {found.seconds:.2f} s: {amount(round(rate))} a second."
        )


def _table(found: list[Certificate], console: Console) -> None:
    table = Table("strategy", "wrong", "of", "what, and how it comes about", "shortest failure")
    for one in found:
        told = one.verdict.rsplit(" (", 1)[0] if one.status != "isolated" else "nothing goes wrong"
        table.add_row(
            Text(one.strategy, VERDICTS[one.status]),
            amount(one.explored.wrong),
            amount(one.explored.total),
            Text(f"{told} ({of_what(one.explored)})"),
            one.simplest.schedule if one.simplest else "",
        )
    console.print(table)


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
                console.print(Text(f"    the model was given {len(prompts[op])} messages", "dim"))
        else:
            console.print(Text(f"    {name} {'is told' if what == 'ok' else what}: {visible(text)}"))
    for session, messages in outcome.trace.stored:
        console.print(
            Text(f"stored in {session}: {' | '.join(visible(text) for _, text in messages) or 'nothing'}", "dim")
        )
    console.print(
        Text(", ".join(gravest(outcome.kinds)) or _UNTOLD[_verdict(outcome)], VERDICTS[_verdict(outcome)]),
        end=": ",
    )
    console.print(Text(visible(outcome.told)))
    content = {
        "strategy": strategy,
        "schedule": schedule,
        "verdict": _verdict(outcome),
        "kinds": list(outcome.kinds),
        "told": outcome.told,
        "report": outcome.report.to_dict(),
        "replay": " ".join(replay_command(strategy, scene, schedule)),
    }
    write("--json", json_file, _json(content))


def _facts(lab: Lab, json_file: Path | None, console: Console) -> int:
    table = Table("memory", "steps", "interleavings", "counted", "as the table says")
    rows, agrees = [], True
    for fact, explored, counted in facts_found(lab):
        same = counted == dict(fact.seen) and explored.total == fact.interleavings
        agrees &= same
        told = ", ".join(f"{number} {kind}" for kind, number in counted.items())
        table.add_row(fact.what, str(explored.steps), str(explored.total), told, "yes" if same else "NO")
        if fact.note:
            console.print(Text(f"{fact.what}: {fact.note}"), soft_wrap=True)
        rows.append(
            {
                "what": fact.what,
                "strategy": fact.strategy,
                "interleavings": explored.total,
                "note": fact.note,
                **counted,
            }
        )
    console.print(table)
    write("--json", json_file, _json(rows))
    return EXIT["isolated" if agrees else "anomalies"]


@contextmanager
def _bar(console: Console, name: str) -> Iterator[Any]:
    columns = TextColumn("{task.description}"), TextColumn("{task.completed:,} schedules"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=None)
        yield lambda done: progress.update(task, completed=done)


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"
