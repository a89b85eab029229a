"""`python -m rag audit TARGET`: does this store of conversations keep them apart, whole and lasting?"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from rag.audit.report.files import as_html, as_junit, reproductions
from rag.audit.run.session import audit, selected
from rag.commands.audit.output import all_choices, show, show_list
from rag.commands.options import HtmlFile, JsonFile, JunitFile, Listed, console, write, write_json
from rag.commands.progress import bar, stop_on_interrupt
from rag.errors import CrosswireError

EXIT = {"pass": 0, "fail": 1, "unknown": 2}


def _folder(folder: Path | None) -> Path | None:
    if folder is not None and ((folder.exists() and not folder.is_dir()) or not folder.resolve().parent.is_dir()):
        reason = "it is a file" if folder.exists() else "there is no folder to make it in"
        raise CrosswireError(f"{folder} cannot be written to: {reason}. Name another folder with --reproductions.")
    return folder


def audit_command(
    target: Annotated[
        str | None,
        typer.Argument(
            help="What makes the store: package.module:function, path/file.py:function, or a name that --list shows."
        ),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="LEVEL|ID", help="Only these checks; repeatable.")
    ] = None,
    limit: Annotated[
        float | None, typer.Option("--timeout", min=0.1, help="Seconds that a check may take. Default: each one's own.")
    ] = None,
    listed: Listed = False,
    json_file: JsonFile = None,
    junit: JunitFile = None,
    html: HtmlFile = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--reproductions", metavar="FOLDER", callback=_folder, help="Write a pytest file for each failure."
        ),
    ] = None,
) -> None:
    """Exit status: 0 something was shown and no check failed, 1 a check failed, 2 can't tell."""
    if listed:
        write_json(json_file, all_choices())
        show_list(console(json_file))
        return
    if target is None:
        raise CrosswireError("Name a target: package.module:function that makes the store, or one of --list.")
    stop = threading.Event()
    with stop_on_interrupt(stop, "Stopping; the results so far are kept."):
        running = audit(target, selected(only or ()), limit=limit, stop=stop)
        _watch(running)
    result = running.result
    write_json(json_file, result.to_dict())
    if junit is not None:
        write(junit, as_junit(result))
    if html is not None:
        write(html, as_html(result))
    if folder is not None:
        folder.mkdir(exist_ok=True)
        for name, text in reproductions(result).items():
            write(folder / name, text)
    show(result, console(json_file))
    raise typer.Exit(EXIT[result.status])


def _watch(running: audit) -> None:
    """Run it: a bar on a terminal, else a line for each check, on standard error."""
    errors = Console(stderr=True, highlight=False)
    total = len(running.result.left)
    with bar(f"opening {running.result.target}") as moved:
        for done, outcome in enumerate(running, start=1):
            moved(done, total, outcome.id, "auditing")
            if not errors.is_terminal:
                errors.print(Text(f"{done}/{total} {outcome.id}: {outcome.status} ({outcome.seconds:.1f} s)"))
