"""`python -m rag check LOG.jsonl`: any operation log, ours or yours, and who saw whose data in it."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from rag.commands.output_files import STANDARD, writable, write
from rag.crosstalk.checker.anomalies import DEFINITIONS
from rag.crosstalk.checker.check import check
from rag.crosstalk.checker.findings import Anomaly, Report
from rag.crosstalk.log.events import BadLog, Event, read
from rag.crosstalk.report.explain import minimal
from rag.crosstalk.report.export import as_html, as_json, as_junit, visible
from rag.crosstalk.report.reproduce import of_log
from rag.errors import CrosswireError

EXIT = {"isolated": 0, "anomalies": 1, "unknown": 2}
COLOURS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "dim"}
VERDICTS = {"isolated": "bold green", "anomalies": "bold red", "unknown": "bold yellow"}
Found = TypeVar("Found")


def check_command(
    log: Annotated[Path, typer.Argument(help="The operation log, JSON Lines; - is standard input.")],
    window: Annotated[
        int | None, typer.Option(help="Turns of memory that a prompt holds. Left out: as the log says, or all.", min=1)
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the report there; - is standard output.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write it as JUnit XML, for a build server.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write it as a page, with the smallest counterexample.")] = None,
    pytest_file: Annotated[
        Path | None, typer.Option("--pytest", help="Write the smallest counterexample there, as a test of its log.")
    ] = None,
) -> None:
    """Exit status: 0 isolated, 1 anomalies, 2 can't tell."""
    for name, path in (("--json", json_file), ("--junit", junit), ("--html", html), ("--pytest", pytest_file)):
        writable(name, path)
    with _opened(log) as (file, name):
        report = _events(file, name, lambda events: check(events, window=window))
        write("--json", json_file, as_json(report) + "\n")
        if junit is not None:
            write("--junit", junit, as_junit(report, name))
        if html is not None or pytest_file is not None:
            anomaly = next(iter(_gravest(report)), None)
            example = (
                [] if anomaly is None else _events(file, name, lambda events: minimal(events, anomaly, window=window))
            )
            write("--html", html, as_html(report, name, example, anomaly))
            if anomaly is not None:
                write("--pytest", pytest_file, of_log(example, anomaly, name))
    show(report, Console(stderr=json_file == STANDARD, highlight=False))
    raise typer.Exit(EXIT[report.verdict])


def show(report: Report, console: Console) -> None:
    """The verdict, and a row for each kind that was found with its first case."""
    if report.counts:
        table = Table("anomaly", "count", "severity", "the first one")
        first = {one.kind: one for one in reversed(report.anomalies)}
        for kind, definition in DEFINITIONS.items():
            if count := report.counts.get(kind):
                told = first[kind].explanation if kind in first else ""
                severity = Text(definition.severity, COLOURS[definition.severity])
                table.add_row(kind, f"{count:,}", severity, Text(visible(told)))
        console.print(table)
    console.print(Text(report.verdict, VERDICTS[report.verdict]), end=": ")
    console.print(Text(visible(report.why)))
    if report.about_cause:
        console.print(Text(report.about_cause))


def _gravest(report: Report) -> list[Anomaly]:
    order = list(DEFINITIONS)
    return sorted(report.anomalies, key=lambda one: order.index(one.kind))


@contextmanager
def _opened(log: Path) -> Iterator[tuple[IO[bytes], str]]:
    """The log and what to call it. What comes from standard input is kept in a file, to be read twice."""
    if log == STANDARD:
        with tempfile.TemporaryFile() as kept:
            # Tests put text in its place, which has no bytes below it.
            source: Any = getattr(sys.stdin, "buffer", None)
            if source is None:
                kept.write(sys.stdin.read().encode())
            else:
                shutil.copyfileobj(source, kept)
            yield kept, "standard input"
        return
    try:
        file = log.open("rb")
    except OSError as exc:
        raise CrosswireError(f"The log {log} cannot be read ({exc.strerror}). Name an operation log, or -.") from exc
    with file:
        yield file, log.name


def _events(file: IO[bytes], name: str, use: Callable[[Iterator[Event]], Found]) -> Found:
    """What `use` makes of the log, from its beginning; a bar on a terminal shows how far it is."""
    file.seek(0, 2)
    size = file.tell()
    file.seek(0)
    console = Console(stderr=True)
    try:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task(f"reading {name}", total=size)
            return use(read(_told(file, lambda done: progress.update(task, completed=done))))
    except BadLog as exc:
        raise CrosswireError(str(exc)) from exc
    except OSError as exc:
        raise CrosswireError(f"The log cannot be read ({exc.strerror}). Name an operation log, or -.") from exc


def _told(file: IO[bytes], done: Callable[[int], None]) -> Iterator[bytes]:
    read_so_far = 0
    for number, line in enumerate(file):
        read_so_far += len(line)
        if number % 5000 == 0:
            done(read_so_far)
        yield line
