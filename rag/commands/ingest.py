"""`python -m rag ingest`: files and folders into the shared library, also while the app runs."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from rag.commands.options import JsonFile, console, write_json
from rag.commands.progress import bar
from rag.errors import BadDocument
from rag.knowledge import open_library
from rag.settings import load


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Markdown, text, HTML or PDF files, or folders of them.")],
    prune: Annotated[
        bool, typer.Option("--prune", help="Also remove articles whose files are gone from these folders.")
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Exit status 1: some files were skipped."""
    for path in paths:
        if not path.exists():
            raise BadDocument(str(path), "there is no such file or folder", "Correct the path and run this again.")
    with closing(open_library(load())) as library, bar("Reading") as moved:
        report = library.add(
            paths,
            lambda step: moved(step.done, step.total, f"{step.done}/{step.total}", step.name[-40:]),
            prune=prune,
        )
    for failure in report.failed:
        typer.echo(failure.message, err=True)
    write_json(json_file, asdict(report))
    console(json_file).print(
        f"{len(report.added)} added, {len(report.changed)} changed, {len(report.unchanged)} unchanged, "
        f"{len(report.removed)} removed, {len(report.failed)} skipped."
    )
    if report.failed:
        raise typer.Exit(1)
