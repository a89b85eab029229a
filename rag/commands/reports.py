"""Verdicts as the commands show and write them: colours, exit status, a table of what was found, report files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from rag.commands.options import write
from rag.crosstalk.checker.anomalies import DEFINITIONS
from rag.crosstalk.checker.findings import Anomaly, Report
from rag.crosstalk.log.events import Event
from rag.crosstalk.report.export import as_html, as_junit, visible
from rag.crosstalk.report.known import ABOUT_SUSPECTED, HEADS, SUSPECTED, met, recalled_beside, shapes

EXIT = {"isolated": 0, "anomalies": 1, "unknown": 2}
COLOURS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "dim"}
SUSPECTS = 5
"""Of those that are only suspected: the reports have more."""
VERDICTS = {"isolated": "bold green", "anomalies": "bold red", "unknown": "bold yellow"}


def status(verdicts: Iterable[str], *, unsure: bool = False) -> int:
    """Of several verdicts together: anomalies anywhere count most, then not knowing. unsure: something was left out."""
    codes = {EXIT[verdict] for verdict in verdicts}
    return 1 if 1 in codes else 2 if unsure else max(codes, default=2)


@dataclass(frozen=True, slots=True)
class Files:
    """Where reports of one run are wanted."""

    junit: Path | None = None
    html: Path | None = None
    pytest: Path | None = None

    def write(
        self,
        report: Report,
        name: str,
        example: Callable[[Anomaly], Sequence[Event]],
        test: Callable[[Anomaly], str],
        notes: Sequence[str] = (),
    ) -> None:
        """Of the gravest anomaly: example gives the fewest events that still show it, test a failing test.

        notes: of how it was asked.
        """
        if self.junit is not None:
            write(self.junit, as_junit(report, name, notes))
        order = list(DEFINITIONS)
        anomaly = min(report.anomalies, key=lambda one: order.index(one.kind), default=None)
        if self.html is not None:
            write(self.html, as_html(report, name, example(anomaly) if anomaly else (), anomaly, notes))
        if self.pytest is not None and anomaly is not None:
            write(self.pytest, test(anomaly))
        elif self.pytest is not None:
            Console(stderr=True).print("Nothing went wrong, so there is no test to write.")


def show(report: Report, console: Console, notes: Sequence[str] = ()) -> None:
    """Each kind that was found, with whom it met and its first case; what else is known; and the verdict. notes: of how
    it was asked."""
    first = {one.kind: one for one in reversed(report.anomalies)}
    for kind, definition in DEFINITIONS.items():
        if report.counts.get(kind):
            severity = (definition.severity, COLOURS[definition.severity])
            console.print(Text.assemble((kind, "bold"), ", ", severity, f": {met(report, kind)}"))
            _below(console, first[kind].explanation if kind in first else "")
    if rows := shapes(report):
        console.print(plain_table(HEADS, [[visible(cell) for cell in row] for row in rows]))
    if report.suspected:
        console.print(Text(f"{SUSPECTED}: {len(report.suspected):,}. {ABOUT_SUSPECTED}", "yellow"))
        for one in report.suspected[:SUSPECTS]:
            _below(console, f"{one.explanation} [{one.surface}] {one.evidence}")
    for note in notes:
        console.print(Text(visible(note)))
    console.print(verdict_told(report))
    if told := recalled_beside(report):
        console.print(told)


def verdict_told(report: Report, name: str = "") -> Text:
    """`isolated: 20 users stayed apart …`, with the cause of what leaked."""
    said = visible(f"{report.why} {report.about_cause}".rstrip())
    return Text.assemble(f"{name}: " if name else "", (report.verdict, VERDICTS[report.verdict]), f": {said}")


def plain_table(heads: Iterable[str | Text], rows: Iterable[Sequence[str | Text]]) -> Table:
    """Columns as wide as what is in them, a blank between; nothing in it is wrapped or cut."""
    columns = (Column(head, no_wrap=True, overflow="ignore") for head in heads)
    table = Table(*columns, box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for row in rows:
        table.add_row(*row)
    return table


def _below(console: Console, text: str) -> None:
    """A line or more under what it belongs to."""
    if text:
        console.print(Padding(Text(visible(text)), (0, 0, 0, 4), expand=False))
