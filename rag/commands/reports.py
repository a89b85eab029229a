"""Verdicts as the commands show and write them: colours, exit status, a table of what was found, report files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rag.commands.options import write
from rag.crosstalk.checker.anomalies import DEFINITIONS
from rag.crosstalk.checker.findings import Anomaly, Report
from rag.crosstalk.log.events import Event
from rag.crosstalk.report.export import as_html, as_junit, visible

EXIT = {"isolated": 0, "anomalies": 1, "unknown": 2}
COLOURS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "dim"}
SUSPECTED = 3
"""Suspicions that are shown: they decide nothing."""
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
    ) -> None:
        """Of the gravest anomaly: example gives the fewest events that still show it, test a failing test."""
        if self.junit is not None:
            write(self.junit, as_junit(report, name))
        order = list(DEFINITIONS)
        anomaly = min(report.anomalies, key=lambda one: order.index(one.kind), default=None)
        if self.html is not None:
            write(self.html, as_html(report, name, example(anomaly) if anomaly else (), anomaly))
        if self.pytest is not None and anomaly is not None:
            write(self.pytest, test(anomaly))
        elif self.pytest is not None:
            Console(stderr=True).print("Nothing went wrong, so there is no test to write.")


def show(report: Report, console: Console) -> None:
    """The verdict, and a row for each kind that was found with its first case."""
    if report.counts:
        table = Table("anomaly", "count", "severity", "first case")
        first = {one.kind: one for one in reversed(report.anomalies)}
        for kind, definition in DEFINITIONS.items():
            if count := report.counts.get(kind):
                told = first[kind].explanation if kind in first else ""
                severity = Text(definition.severity, COLOURS[definition.severity])
                table.add_row(kind, f"{count:,}", severity, Text(visible(told)))
        console.print(table)
    for one in report.suspected[:SUSPECTED]:
        console.print(Text(f"suspected: {visible(one.explanation)}", "dim"))
    console.print(Text(report.verdict, VERDICTS[report.verdict]), end=": ")
    console.print(Text(visible(report.why)))
    if report.about_cause:
        console.print(Text(report.about_cause))
