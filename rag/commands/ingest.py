"""`python -m rag ingest`: files and folders into the shared library, also while the app runs."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from rag.errors import BadDocument
from rag.knowledge import IngestReport, open_library
from rag.knowledge import Progress as Step
from rag.settings import load


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Markdown, text, HTML or PDF files, or folders of them.")],
    prune: Annotated[bool, typer.Option(help="Also remove articles whose files are gone from these folders.")] = False,
) -> None:
    """Exit status 1: some files were skipped."""
    for path in paths:
        if not path.exists():
            raise BadDocument(str(path), "there is no such file or folder", "Correct the path and run this again.")
    console = Console(stderr=True)
    bar = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console, transient=True)
    with closing(open_library(load())) as library, bar:
        task = bar.add_task("Reading", total=None)

        def step(step: Step) -> None:
            bar.update(task, total=step.total, completed=step.done, description=step.name[-40:])

        report = library.add(paths, step, prune=prune)
    _print(report)
    if report.failed:
        raise typer.Exit(1)


def _print(report: IngestReport) -> None:
    for failure in report.failed:
        typer.echo(failure.message, err=True)
    typer.echo(
        f"{len(report.added)} added, {len(report.changed)} changed, {len(report.unchanged)} unchanged, "
        f"{len(report.removed)} removed, {len(report.failed)} skipped."
    )
