"""`run`: the app, from a checkout or from where it is installed. `inspect-link`: a one-time link to its inspector."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from rag.commands.options import JsonFile, console, write_json
from rag.errors import BadSetting
from rag.inspector.access import opens_by_link
from rag.inspector.one_time_link import address as link_address
from rag.inspector.one_time_link import issue
from rag.resources import APP, STREAMLIT_OPTIONS, child_environment
from rag.settings import load

CONFIG = Path(".streamlit") / "config.toml"
"""Streamlit's own file of options, in the working directory."""


def serve(
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on.", show_default="8501")] = None,
    address: Annotated[
        str | None,
        typer.Option(metavar="HOST", help="Where to listen; 0.0.0.0 opens it to others.", show_default="localhost"),
    ] = None,
) -> None:
    """Pages on http://localhost:8501, everything it keeps in STATE_DIR. Streamlit's options are taken from
    .streamlit/config.toml of the working directory and from STREAMLIT_… variables.
    """
    load()
    # -P: a folder named rag or streamlit in the working directory is not the package.
    command = [sys.executable, "-P", "-m", "rag.ui.server.listening", "run", str(APP)]
    command += [f"--server.port={port}"] if port else []
    command += [f"--server.address={address}"] if address else []
    environment = {**_defaults(), **child_environment()}
    if os.name == "nt":  # where exec returns to the shell at once
        raise typer.Exit(subprocess.call(command, env=environment))  # noqa: S603 - no word of it is a stranger's
    os.execve(sys.executable, command, environment)  # noqa: S606


def inspect_link(
    app_url: Annotated[
        str, typer.Option(metavar="URL", help="Where a browser finds the app.")
    ] = "http://localhost:8501",
    json_file: JsonFile = None,
) -> None:
    """The server has to use the same STATE_DIR. The link opens the inspector once, within a day."""
    settings = load()
    if not opens_by_link(settings):
        typer.echo("No link is needed: the inspector asks for INSPECTOR_PASSWORD, or for a login.", err=True)
        raise typer.Exit(2)
    link = link_address(app_url, issue(settings.state_dir))
    write_json(json_file, {"link": link}, private=True)
    console(json_file).print(link, soft_wrap=True)


def _defaults() -> dict[str, str]:
    """The application's options as variables. As a file beside app.py they would be stronger than the user's own."""
    own = _options(CONFIG)
    return {_variable(name): value for name, value in _options(STREAMLIT_OPTIONS).items() if name not in own}


def _options(path: Path) -> dict[str, str]:
    """`server.maxUploadSize` and the like. Raises BadSetting."""
    if not path.is_file():
        return {}
    try:
        return _flat("", tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise BadSetting(str(path), str(exc), "valid TOML") from exc


def _flat(prefix: str, table: dict[str, Any]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in table.items():
        flat |= _flat(f"{prefix}{name}.", value) if isinstance(value, dict) else {f"{prefix}{name}": str(value)}
    return flat


def _variable(option: str) -> str:
    """`theme.light.primaryColor` is STREAMLIT_THEME_LIGHT_PRIMARY_COLOR, and `postScriptGC` ends in POST_SCRIPT_GC."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", option)
    return f"STREAMLIT_{words.replace('.', '_').upper()}"
