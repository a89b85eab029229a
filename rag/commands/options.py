"""Options that several commands have, and how what they name is written.

A file is looked at before the work, so that nothing is lost because of a bad path.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from rag.errors import CrosswireError
from rag.inspector import LAYOUTS

STANDARD = Path("-")
"""Standard output, for --json."""


def _writable(option: typer.CallbackParam, path: Path | None) -> Path | None:
    name = option.opts[0]
    if path is None or (path == STANDARD and name == "--json"):
        return path
    if path == STANDARD:
        raise CrosswireError(f"Only --json writes to standard output (-): name a file with {name}.")
    if path.is_dir() or not path.resolve().parent.is_dir():
        reason = "it is a folder" if path.is_dir() else "there is no such folder"
        raise CrosswireError(f"{path} cannot be written: {reason}. Name another file with {name}.")
    return path


def _file(name: str, what: str) -> Any:
    return typer.Option(name, metavar="FILE", callback=_writable, help=what)


JsonFile = Annotated[Path | None, _file("--json", "Write it as JSON; - for standard output.")]
JunitFile = Annotated[Path | None, _file("--junit", "Write it as JUnit XML, for a build server.")]
HtmlFile = Annotated[Path | None, _file("--html", "Write it as a page, with the smallest counterexample.")]
PytestFile = Annotated[Path | None, _file("--pytest", "Write the counterexample as a test that fails until fixed.")]
LogFile = Annotated[Path | None, _file("--log", "Keep the operation log.")]
_FORMATS = typer.Option(
    "--format", help=f"{', '.join(LAYOUTS)}; or auto: everything that is recognised by what keys hold."
)
Format = Annotated[str, _FORMATS]
AnyFormat = Annotated[str | None, _FORMATS]
Address = Annotated[
    str | None,
    typer.Option(
        "--url", help="Read here, not at REDIS_URL: redis://…, or, read-only, sqlite:///file or postgresql://…"
    ),
]
Prefix = Annotated[str | None, typer.Option("--prefix", help="Key prefix, if it is not the format's usual one.")]
Names = Annotated[list[str], typer.Argument(help="Ids, beginnings of ids, or names.")]
Window = Annotated[
    int | None, typer.Option(help="Turns of memory in a prompt. Default: what the log says, or all.", min=1)
]


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


def write_json(path: Path | None, value: object) -> None:
    """In ASCII: nothing in it can do anything to a terminal."""
    write(path, json.dumps(value, indent=2) + "\n")
