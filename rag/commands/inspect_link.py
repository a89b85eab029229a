"""`inspect-link`: a new one-time link to the inspector of the server that runs in this folder."""

from __future__ import annotations

from typing import Annotated

import typer

from rag.inspector.access import opens_by_link
from rag.inspector.one_time_link import address, issue
from rag.settings import load


def inspect_link(
    url: Annotated[str, typer.Option(help="Where a browser finds the app.")] = "http://localhost:8501",
) -> None:
    """The server has to use the same STATE_DIR. The link opens the inspector once, within a day."""
    settings = load()
    if not opens_by_link(settings):
        typer.echo("No link is needed: the inspector asks for INSPECTOR_PASSWORD, or for a login.", err=True)
        raise typer.Exit(2)
    typer.echo(address(url, issue(settings.state_dir)))
