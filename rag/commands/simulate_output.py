"""What `simulate` shows and writes: bars on standard error, verdicts and tables, report files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from rag.commands.check import EXIT, VERDICTS, show
from rag.commands.output_files import writable, write
from rag.crosstalk import STRATEGIES, RunResult, Workload
from rag.crosstalk import Progress as Moment
from rag.crosstalk.checker.anomalies import DEFINITIONS
from rag.crosstalk.checker.findings import Anomaly
from rag.crosstalk.log.events import read
from rag.crosstalk.report.explain import minimal
from rag.crosstalk.report.export import as_html, as_junit, visible
from rag.crosstalk.run.comparison import CRITERIA, Weighed

Test = Callable[[Workload, Anomaly], str]


@dataclass(frozen=True, slots=True)
class Files:
    """Where reports are wanted. Raises CrosswireError for what cannot be written, before the work and not after it."""

    json: Path | None
    junit: Path | None
    html: Path | None
    log: Path | None
    pytest: Path | None = None

    def __post_init__(self) -> None:
        for name in ("json", "junit", "html", "log", "pytest"):
            writable(f"--{name}", getattr(self, name))

    def write(self, name: str, content: str | bytes) -> None:
        """If it is wanted."""
        write(f"--{name}", getattr(self, name), content)


def status(verdicts: Iterable[str]) -> int:
    """Anomalies anywhere count most, then not knowing."""
    codes = {EXIT[verdict] for verdict in verdicts}
    return 1 if 1 in codes else max(codes, default=2)


def write_reports(files: Files, results: list[RunResult], log: Path | None, test: Test) -> None:
    """log: of the only run, for the page's counterexample. test: writes the test that runs it again."""
    files.write("json", json.dumps(_content(results), ensure_ascii=False, indent=2) + "\n")
    if len(results) == 1:
        report, name = results[0].report, results[0].name
        files.write("junit", as_junit(report, name))
        order = list(DEFINITIONS)
        anomaly = min(report.anomalies, key=lambda one: order.index(one.kind), default=None)
        if anomaly is not None:
            files.write("pytest", test(results[0].workload, anomaly))
        if files.html is not None and log is not None:
            with log.open("rb") as lines:
                example = [] if anomaly is None else minimal(read(lines), anomaly)
            files.write("html", as_html(report, name, example, anomaly))


def _content(results: list[RunResult]) -> dict[str, Any]:
    if len(results) == 1:
        return results[0].to_dict()
    code = status(result.report.verdict for result in results)
    verdict = next(name for name, known in EXIT.items() if known == code)
    return {"verdict": verdict, "runs": [result.to_dict() for result in results]}


@contextmanager
def bar(console: Console, name: str) -> Iterator[Callable[..., None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(name, total=None, told="starting")

        def moved(moment: Moment, now: str = name) -> None:
            done = moment.answered + moment.failed + moment.given_up
            lost = "" if moment.lost is None else f", {moment.lost} lost"
            told = (
                f"{done}/{moment.turns} turns, {moment.rate:,.0f}/s, {moment.in_flight} in flight, "
                f"{moment.leaks} leaks{lost}"
            )
            told = told if moment.phase == "serving" else f"{told}; {moment.phase} …"
            progress.update(task, description=now, total=moment.turns, completed=done, told=told)

        yield moved


def print_list(console: Console) -> None:
    table = Table("strategy", "what it teaches")
    for name, kind in STRATEGIES.items():
        table.add_row(Text(name, no_wrap=True), kind.lesson)
    console.print(table)


def print_results(results: list[RunResult], console: Console) -> None:
    if len(results) == 1:
        show(results[0].report, console)
    elif results:
        console.print(_compared(results))
    for result in results:
        console.print(Text(_told(result)))
        for problem in result.problems[:1]:
            console.print(Text(f"  turns failed, the first one with: {visible(problem)}"))
        if result.left:
            console.print(Text(f"  {visible(result.left)}"), soft_wrap=True)  # a command in it can be copied


def _compared(results: list[RunResult]) -> Table:
    table = Table("strategy", "verdict", "what was found")
    for result in results:
        found = ", ".join(f"{count:,} × {kind}" for kind, count in result.report.counts.items())
        verdict = Text(result.report.verdict, VERDICTS[result.report.verdict], no_wrap=True)
        table.add_row(Text(result.name, no_wrap=True), verdict, found or "nothing")
    return table


def _told(result: RunResult) -> str:
    """The figures of one run, in a sentence."""
    figures = result.figures
    p50, p95, p99 = (f"{1000 * value:,.0f}" for value in (figures.p50, figures.p95, figures.p99))
    trips = f", {figures.round_trips:.1f} round trips to Redis a turn" if figures.round_trips else ""
    stopped = ", stopped early" if result.stopped else ""
    return (
        f"{result.name}: {figures.answered:,} of {figures.turns:,} turns in {figures.seconds:.1f} s{stopped}; "
        f"{figures.rate:,.0f} turns/s; {p50} / {p95} / {p99} ms at p50 / p95 / p99; "
        f"{figures.peak_in_flight} in flight at most, {figures.mean_in_flight:.0f} on average{trips}."
    )


_ANSWERS = {True: Text("yes", "green"), False: Text("no", "bold red"), None: Text("?", "yellow")}
_HEADS = dict(zip(CRITERIA, ("isolated", "whole", "kept", "restart", "procs"), strict=True))


def print_table(rows: list[Weighed], console: Console) -> None:
    """“Which memory should I use?” Fits 80 columns."""
    columns = ("strategy", *_HEADS.values(), "turns/s", "p95", "trips")
    table = Table(*(Column(name, no_wrap=True) for name in columns), box=SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    for row in rows:
        figures = row.measured.figures
        answers = [_ANSWERS[answer] for answer in row.answers.values()]
        trips = "–" if figures.round_trips is None else f"{figures.round_trips:.1f}"
        table.add_row(row.name, *answers, f"{figures.rate:,.0f}", f"{1000 * figures.p95:,.0f}", trips)
    console.print(table)
    legend = ", ".join(f"{head}: {criterion}" for criterion, head in _HEADS.items())
    console.print(Text(f"{legend}; p95: of a turn, in ms; trips: round trips to Redis a turn."))


def table_content(rows: list[Weighed]) -> dict[str, Any]:
    """The table as JSON, with what speaks against each."""
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
