"""What `simulate` shows: how far it is, verdicts, figures and tables."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from rag.commands.reports import EXIT, VERDICTS, show, status
from rag.crosstalk import STRATEGIES, Progress, RunResult
from rag.crosstalk.report.export import visible
from rag.crosstalk.run.comparison import CRITERIA, Weighed


def moment_told(moment: Progress) -> tuple[int, int, str]:
    """Turns that ended, of how many, and the rest in words."""
    done = moment.answered + moment.failed + moment.given_up
    lost = "" if moment.lost is None else f", {moment.lost} lost"
    told = (
        f"{done}/{moment.turns} turns, {moment.rate:,.0f}/s, {moment.in_flight} in flight, {moment.leaks} leaks{lost}"
    )
    return done, moment.turns, told if moment.phase == "serving" else f"{told}; {moment.phase} …"


def strategies() -> Table:
    table = Table("strategy", "what it teaches")
    for name, kind in STRATEGIES.items():
        table.add_row(Text(name, no_wrap=True), kind.lesson)
    return table


def runs_content(results: list[RunResult]) -> dict[str, Any]:
    """As JSON: of one run itself, of several a list with the verdict of all."""
    if len(results) == 1:
        return results[0].to_dict()
    code = status(result.report.verdict for result in results)
    verdict = next(name for name, known in EXIT.items() if known == code)
    return {"verdict": verdict, "runs": [result.to_dict() for result in results]}


def print_results(results: list[RunResult], console: Console) -> None:
    if len(results) == 1:
        show(results[0].report, console)
    elif results:
        console.print(_compared(results))
    for result in results:
        console.print(Text(_told(result)))
        for problem in result.problems[:1]:
            console.print(Text(f"  turns failed, the first with: {visible(problem)}"))
        if result.left:
            console.print(Text(f"  {visible(result.left)}"), soft_wrap=True)  # a command in it can be copied


def _compared(results: list[RunResult]) -> Table:
    table = Table("strategy", "verdict", "found")
    for result in results:
        found = ", ".join(f"{count:,} × {kind}" for kind, count in result.report.counts.items())
        verdict = Text(result.report.verdict, VERDICTS[result.report.verdict], no_wrap=True)
        table.add_row(Text(result.name, no_wrap=True), verdict, found or "nothing")
    return table


def _told(result: RunResult) -> str:
    """The figures of one run, in a sentence."""
    figures = result.figures
    p50, p95, p99 = (f"{1000 * value:,.0f}" for value in (figures.p50, figures.p95, figures.p99))
    trips = f", {figures.round_trips:.1f} Redis round trips per turn" if figures.round_trips else ""
    stopped = ", stopped early" if result.stopped else ""
    return (
        f"{result.name}: {figures.answered:,} of {figures.turns:,} turns in {figures.seconds:.1f} s{stopped}; "
        f"{figures.rate:,.0f} turns/s; p50 / p95 / p99: {p50} / {p95} / {p99} ms; "
        f"in flight: at most {figures.peak_in_flight}, {figures.mean_in_flight:.0f} on average{trips}."
    )


_ANSWERS = {True: Text("yes", "green"), False: Text("no", "bold red"), None: Text("?", "yellow")}
_HEADS = dict(zip(CRITERIA, ("isolated", "whole", "kept", "restart", "procs"), strict=True))


def table(rows: list[Weighed]) -> Table:
    """“Which memory should I use?” Fits 80 columns."""
    columns = ("strategy", *_HEADS.values(), "turns/s", "p95", "trips")
    legend = ", ".join(f"{head}: {criterion}" for criterion, head in _HEADS.items())
    drawn = Table(
        *(Column(name, no_wrap=True) for name in columns),
        box=SIMPLE,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        caption=f"{legend}; p95: of a turn, in ms; trips: Redis round trips per turn.",
        caption_justify="left",
    )
    for row in rows:
        figures = row.measured.figures
        trips = "–" if figures.round_trips is None else f"{figures.round_trips:.1f}"
        answers = [_ANSWERS[answer] for answer in row.answers.values()]
        drawn.add_row(row.name, *answers, f"{figures.rate:,.0f}", f"{1000 * figures.p95:,.0f}", trips)
    return drawn


def table_content(rows: list[Weighed]) -> dict[str, Any]:
    """The table as JSON, with the evidence against each."""
    return {
        "strategies": [
            {
                "strategy": row.name,
                "answers": dict(row.answers),
                "against": {criterion: row.against(criterion) for criterion in CRITERIA},
                "figures": row.measured.to_dict()["figures"],
            }
            for row in rows
        ]
    }
