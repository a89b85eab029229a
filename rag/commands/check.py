"""`python -m rag check FILE`: any operation log, or what a tracing tool exports, and who saw whose data in it."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Annotated, TypeVar

import typer
from rich.text import Text

from rag.commands import options
from rag.commands.options import (
    STANDARD,
    HtmlFile,
    JsonFile,
    JunitFile,
    PytestFile,
    RequireMemory,
    console,
    write_json,
)
from rag.commands.progress import bar
from rag.commands.reports import EXIT, Files, show
from rag.crosstalk.checker.check import check
from rag.crosstalk.checker.findings import Anomaly
from rag.crosstalk.log.events import BadLog, Event, read
from rag.crosstalk.log.foreign.reading import ForeignLog
from rag.crosstalk.log.foreign.reading import read as read_foreign
from rag.crosstalk.report.explain import minimal
from rag.crosstalk.report.export import visible
from rag.crosstalk.report.reproduce import of_log
from rag.errors import CrosswireError
from rag.resources import LOG_FORMAT

Found = TypeVar("Found")


def _keys(wanted: bool) -> None:
    if wanted:
        typer.echo(LOG_FORMAT.read_text(encoding="utf-8"))
        raise typer.Exit


def check_command(
    log: Annotated[
        Path,
        typer.Argument(
            help="An operation log (JSON Lines), or an export of Langfuse, LangSmith or OpenTelemetry GenAI spans; "
            "- for standard input."
        ),
    ],
    window: Annotated[int | None, options.window("what the log says, or all")] = None,
    require_memory: RequireMemory = False,
    user_per_session: Annotated[
        bool, typer.Option("--user-per-session", help="An export that names no users: each session is one user.")
    ] = False,
    told: Annotated[
        bool, typer.Option("--keys", callback=_keys, is_eager=True, help="Print which keys a log has, and exit.")
    ] = False,
    json_file: JsonFile = None,
    junit: JunitFile = None,
    html: HtmlFile = None,
    pytest_file: PytestFile = None,
) -> None:
    """Exit status: 0 isolated, 1 anomalies found, 2 can't tell."""
    del told
    with _opened(log) as (file, name):
        other = _foreign(file, name, user_per_session=user_per_session)

        def events(use: Callable[[Iterable[Event]], Found]) -> Found:
            return use(other.events) if other is not None else _events(file, name, use)

        leaks_only = other is not None and window is None
        report = events(lambda given: check(given, window=window, require_memory=require_memory, leaks_only=leaks_only))
        write_json(json_file, {**report.to_dict(), "log": _about(other)})

        @cache
        def example(anomaly: Anomaly) -> list[Event]:
            return events(lambda given: minimal(given, anomaly, window=window))

        files = Files(junit, html, pytest_file)
        files.write(report, name, example, lambda anomaly: of_log(example(anomaly), anomaly, name))
    if other is not None:
        console(json_file).print(Text(visible(_described(other))))
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


def _foreign(file: IO[bytes], name: str, *, user_per_session: bool) -> ForeignLog | None:
    """None: it is an operation log."""
    size = file.seek(0, 2)
    try:
        with bar(f"reading {name}") as moved:
            return read_foreign(file, name, lambda done: moved(done, size), user_per_session=user_per_session)
    except OSError as exc:
        raise CrosswireError(f"The log cannot be read ({exc.strerror}). Name an operation log, or -.") from exc


def _about(other: ForeignLog | None) -> dict[str, object]:
    if other is None:
        return {"kind": "operation log"}
    return {"kind": other.kind, "turns": other.turns, "left_out": other.left_out, "unnamed": other.unnamed}


def _described(other: ForeignLog) -> str:
    told = f"{other.kind}: {other.turns:,} turn{'s' * (other.turns != 1)}."
    if other.left_out:
        told += f" Left out: {other.left_out} without a time, a question, or both a session and a user."
    if other.unnamed:
        told += (
            f" {other.unnamed} name no user: what crosses their sessions is only suspected "
            "(--user-per-session: each session is one user)."
        )
    return told


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
