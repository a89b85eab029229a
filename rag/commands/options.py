"""Options that several commands have, and how what they name is written.

An option has one name, one help text and one meaning in every command (tests/commands/test_options.py walks them all).
A file is looked at before the work, so that nothing is lost because of a bad path. Results go to standard output,
progress and errors to standard error; with `--json -` standard output has the JSON alone.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from rag.errors import CrosswireError

STANDARD = Path("-")
"""Standard output, for --json."""


def _writable(option: typer.CallbackParam, path: Path | None) -> Path | None:
    name = option.opts[0]
    if path is None or (path == STANDARD and name in ("--json", "--output")):
        return path
    if path == STANDARD:
        raise CrosswireError(f"{name} does not write to standard output (-): name a file with {name}.")
    if path.is_dir() or not path.resolve().parent.is_dir():
        reason = "it is a folder" if path.is_dir() else "there is no such folder"
        raise CrosswireError(f"{path} cannot be written: {reason}. Name another file with {name}.")
    return path


def to_file(*names: str, what: str) -> Any:
    return typer.Option(*names, metavar="FILE", callback=_writable, help=what)


JsonFile = Annotated[Path | None, to_file("--json", what="Write it as JSON; - for standard output.")]
JunitFile = Annotated[Path | None, to_file("--junit", what="Write it as JUnit XML, for a build server.")]
HtmlFile = Annotated[Path | None, to_file("--html", what="Write it as a page that needs nothing else.")]
PytestFile = Annotated[Path | None, to_file("--pytest", what="Write the failure as a test that fails until fixed.")]
LogFile = Annotated[Path | None, to_file("--log", what="Keep the operation log.")]
TableFile = Annotated[Path | None, to_file("--write", what="Write the table into the file that shows it.")]
Address = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="Read here, not at REDIS_URL: redis://…; scan reads sqlite:///file and postgresql://… too.",
    ),
]
Prefix = Annotated[
    str | None, typer.Option("--prefix", metavar="TEXT", help="Key prefix, if not the format's usual one.")
]
Names = Annotated[list[str], typer.Argument(help="Ids, beginnings of ids, or names.")]
Strategy = Annotated[
    str | None, typer.Option("--strategy", metavar="NAME", help="One memory; `simulate --list` lists them.")
]
Listed = Annotated[bool, typer.Option("--list", help="List what can be chosen, and what each is about.")]
Everything = Annotated[bool, typer.Option("--all", help="Every memory.")]
Tabs = Annotated[int, typer.Option("--tabs", help="Tabs of a user: one session, used concurrently.", min=1)]
RequireMemory = Annotated[
    bool, typer.Option("--require-memory", help="Even seen from outside, forgetting what users stated is a failure.")
]
Rounds = Annotated[int, typer.Option("--rounds", help="Measurements of each; medians are shown.", min=1)]
Seconds = Annotated[float, typer.Option("--seconds", help="Length of each measurement.", min=0.05)]


def users(least: int, most: int, default: str | bool = True) -> Any:
    what = "Users at once, each with a session."
    return typer.Option("--users", help=what, min=least, max=most, show_default=default)


def turns(least: int, most: int | None = None, default: str | bool = True) -> Any:
    what = "Turns of each, one after the other."
    return typer.Option("--turns", help=what, min=least, max=most, show_default=default)


def window(default: str | bool = True) -> Any:
    """default: in words."""
    return typer.Option("--window", help="Turns that a prompt remembers.", min=1, show_default=default)


def console(json_file: Path | None) -> Console:
    """Standard output, unless the JSON goes there: then standard error."""
    return Console(stderr=json_file == STANDARD, highlight=False)


def write(path: Path | None, content: str | bytes, *, private: bool = False) -> None:
    """If it is wanted. private: for its owner only, as what users said is in it. Raises CrosswireError."""
    if path is None:
        return
    data = content.encode() if isinstance(content, str) else content
    if path == STANDARD:
        sys.stdout.write(data.decode())
        return
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if private else 0o666), "wb") as file:
            file.write(data)
    except OSError as exc:
        raise CrosswireError(f"{path} cannot be written ({exc.strerror}). Name another file.") from exc


def write_json(path: Path | None, value: object, *, private: bool = False) -> None:
    """In ASCII: nothing in it can do anything to a terminal."""
    write(path, json.dumps(value, indent=2) + "\n", private=private)


def give(
    json_file: Path | None,
    rows: Iterable[Any],
    heads: Iterable[str],
    cells: Iterable[Sequence[str]],
    notes: Sequence[str] = (),
    **more: object,
) -> None:
    """rows: dataclasses or mappings, as JSON `{"rows": […], **more}`. cells: the same for people, under the heads.
    notes: lines below the table. Fits 80 columns."""
    # No blanks beside the lines, and nothing wrapped but heads: so that 80 columns are enough.
    table = Table(*(Column(head, no_wrap=" " not in head) for head in heads), padding=0)
    for row in cells:
        table.add_row(*row)
    write_json(json_file, {"rows": [_as_mapping(row) for row in rows], **more})
    shown = console(json_file)
    shown.print(table)
    for note in notes:
        shown.print(Text(note))


def _as_mapping(row: Any) -> Mapping[str, Any]:
    return asdict(row) if is_dataclass(row) and not isinstance(row, type) else dict(row)
