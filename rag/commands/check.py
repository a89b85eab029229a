"""`python -m rag check LOG.jsonl`: any operation log, ours or yours, and who saw whose data in it."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Annotated, TypeVar

import typer

from rag.commands.options import STANDARD, HtmlFile, JsonFile, JunitFile, PytestFile, Window, console, write_json
from rag.commands.progress import bar
from rag.commands.reports import EXIT, Files, show
from rag.crosstalk.checker.check import check
from rag.crosstalk.checker.findings import Anomaly
from rag.crosstalk.log.events import BadLog, Event, read
from rag.crosstalk.report.explain import minimal
from rag.crosstalk.report.reproduce import of_log
from rag.errors import CrosswireError

Found = TypeVar("Found")


def check_command(
    log: Annotated[Path, typer.Argument(help="The operation log, JSON Lines; - for standard input.")],
    window: Window = None,
    require_memory: Annotated[
        bool, typer.Option("--require-memory", help="Seen from outside, forgetting what users stated fails, too.")
    ] = False,
    json_file: JsonFile = None,
    junit: JunitFile = None,
    html: HtmlFile = None,
    pytest_file: PytestFile = None,
) -> None:
    """Exit status: 0 isolated, 1 anomalies found, 2 can't tell."""
    with _opened(log) as (file, name):
        report = _events(file, name, lambda events: check(events, window=window, require_memory=require_memory))
        write_json(json_file, report.to_dict())

        @cache
        def example(anomaly: Anomaly) -> list[Event]:
            return _events(file, name, lambda events: minimal(events, anomaly, window=window))

        files = Files(junit, html, pytest_file)
        files.write(report, name, example, lambda anomaly: of_log(example(anomaly), anomaly, name))
    show(report, console(json_file))
    raise typer.Exit(EXIT[report.verdict])


@contextmanager
def _opened(log: Path) -> Iterator[tuple[IO[bytes], str]]:
    """The log and what to call it. What comes from standard input is kept in a file, to be read twice."""
    if log == STANDARD:
        with tempfile.TemporaryFile() as kept:
            shutil.copyfileobj(sys.stdin.buffer, kept)
            yield kept, "standard input"
        return
    try:
        file = log.open("rb")
    except OSError as exc:
        raise CrosswireError(f"The log {log} cannot be read ({exc.strerror}). Name an operation log, or -.") from exc
    with file:
        yield file, log.name


def _events(file: IO[bytes], name: str, use: Callable[[Iterator[Event]], Found]) -> Found:
    """What `use` makes of the log, read from its beginning."""
    size = file.seek(0, 2)
    file.seek(0)

    def lines() -> Iterator[bytes]:
        done = 0
        for number, line in enumerate(file):
            done += len(line)
            if number % 5000 == 0:
                moved(done, size)
            yield line

    try:
        with bar(f"reading {name}") as moved:
            return use(read(lines()))
    except BadLog as exc:
        raise CrosswireError(str(exc)) from exc
    except OSError as exc:
        raise CrosswireError(f"The log cannot be read ({exc.strerror}). Name an operation log, or -.") from exc
