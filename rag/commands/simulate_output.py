"""What `simulate` shows: how far it is, verdicts, figures and tables."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from rag.commands.reports import EXIT, plain_table, show, status, verdict_told
from rag.crosstalk import STRATEGIES, Progress, RunResult
from rag.crosstalk.checker.sentences import BY_DESIGN
from rag.crosstalk.report.export import visible
from rag.crosstalk.run.comparison import CRITERIA, Weighed, asked
from rag.crosstalk.strategies import find


def moment_told(moment: Progress) -> tuple[int, int, str]:
    """Turns that ended, of how many, and the rest in words."""
    done = moment.answered + moment.failed + moment.given_up
    lost = "" if moment.lost is None else f", {moment.lost} lost"
    leaked = f"; {moment.met}" if moment.leaks else ""
    told = f"{done}/{moment.turns} turns, {moment.rate:,.0f}/s, {moment.in_flight} in flight{leaked}{lost}"
    return done, moment.turns, told if moment.phase == "serving" else f"{told}; {moment.phase} …"


def print_strategies(console: Console) -> None:
    """Each with what it teaches below."""
    for name, kind in STRATEGIES.items():
        console.print(Text(name, "bold"))
        design = "" if kind.keeps else f" It {BY_DESIGN}."
        console.print(Padding(f"{kind.lesson}{design}", (0, 0, 0, 4), expand=False))


def strategies_content() -> dict[str, Any]:
    return {
        "strategies": [
            {"strategy": name, "lesson": kind.lesson, "by_design": "" if kind.keeps else BY_DESIGN}
            for name, kind in STRATEGIES.items()
        ]
    }


def runs_content(results: list[RunResult]) -> dict[str, Any]:
    """As JSON: of one run itself, of several a list with the verdict of all."""
    if len(results) == 1:
        return results[0].to_dict()
    code = status(result.report.verdict for result in results)
    verdict = next(name for name, known in EXIT.items() if known == code)
    return {"verdict": verdict, "runs": [result.to_dict() for result in results]}


def print_results(results: list[RunResult], console: Console) -> None:
    if len(results) == 1:
        show(results[0].report, console, results[0].notes)
    for result in results:
        if len(results) > 1:
            console.print(verdict_told(result.report, result.name))
            for note in result.notes:
                console.print(Text(f"  {visible(note)}"))
        console.print(Text(_told(result)))
        for problem in result.problems[:1]:
            console.print(Text(f"  turns failed, the first with: {visible(problem)}"))
        if result.left:
            console.print(Text(f"  {visible(result.left)}"), soft_wrap=True)  # a command in it can be copied


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


def print_table(rows: list[Weighed], console: Console) -> None:
    """“Which memory should I use?” Fits 80 columns."""
    heads = ("strategy", *_HEADS.values(), "turns/s", "p95", "trips")
    console.print(plain_table(heads, map(_cells, rows)))
    legend = ", ".join(f"{head}: {criterion}" for criterion, head in _HEADS.items() if head != criterion)
    apart = [row.name for row in rows if not find(row.name).keeps]
    design = f" {', '.join(apart)} {BY_DESIGN}: isolation is what it is judged by." if apart else ""
    console.print(Text(f"{legend}; p95: of a turn, in ms; trips: Redis round trips per turn.{design}"))


def _cells(row: Weighed) -> list[str | Text]:
    figures = row.measured.figures
    trips = "–" if figures.round_trips is None else f"{figures.round_trips:.1f}"
    answers = [_ANSWERS[answer] if asked(row.name, one) else "–" for one, answer in row.answers.items()]
    return [row.name, *answers, f"{figures.rate:,.0f}", f"{1000 * figures.p95:,.0f}", trips]


def table_content(rows: list[Weighed], *, stopped: bool) -> dict[str, Any]:
    """The table as JSON, with the evidence against each."""
    return {
        "stopped": stopped,
        "strategies": [
            {
                "strategy": row.name,
                "answers": dict(row.answers),
                "by_design": "" if find(row.name).keeps else BY_DESIGN,
                "against": {criterion: row.against(criterion) for criterion in CRITERIA},
                "figures": row.measured.to_dict()["figures"],
            }
            for row in rows
        ],
    }
