"""The commands, one file each. They parse, call one façade and print; nothing else.

A command's file, and with it all that it stands on, is loaded when the command is called: help and a mistyped word
need neither LangChain nor Chroma.
"""

from __future__ import annotations

import gc
from importlib.util import find_spec
from pkgutil import resolve_name
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

from rag.errors import CrosswireError

COMMANDS = {
    "run": ("serving:serve", "Start the app: pages and HTTP API."),
    "chat": ("chat:chat", "Ask the help centre; each session has its own memory."),
    "ingest": ("ingest:ingest", "Add documents to the shared library. Unchanged files are skipped."),
    "simulate": (
        "simulate:simulate_command",
        "Run many users at once against a memory strategy: who saw whose data?",
    ),
    "check": ("check:check_command", "Tell from an operation log whether its users stayed apart."),
    "audit": ("audit.command:audit_command", "Does a store of conversations keep them apart, whole and lasting?"),
    "explore": ("explore:explore_command", "Try every order in which turns can interleave in a memory strategy."),
    "sessions": ("sessions:app", "Every live session: list, show, export, change, and scan for trouble."),
    "erasure": ("erasure.command:erasure", "Is anything left of a session? Also deletes one for good."),
    "inspect-link": (
        "serving:inspect_link",
        "A new one-time link to the inspector, where it has no password and no login.",
    ),
    "bench": ("bench:app", "Run the benchmarks on this machine."),
}
"""Where each is, `file:name` of a function or of a group of commands, and what it is for."""


class _Commands(TyperGroup):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = {name: TyperCommand(name, help=what) for name, (_, what) in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # typer's context is not public
        if args and args[0] in COMMANDS:
            self.commands[args[0]] = _loaded(args[0])
        return super().resolve_command(ctx, args)


def _loaded(name: str) -> Any:
    where, what = COMMANDS[name]
    found = resolve_name(f"rag.commands.{where}")
    if not gc.isenabled():
        # What is loaded stays to the end. Looked through for garbage while it loads, and once more at the end, it takes
        # a quarter of a short command.
        gc.freeze()
        gc.enable()
    if not isinstance(found, typer.Typer):
        single = typer.Typer(add_completion=False)
        single.command(name, help=f"{what}\n\n{found.__doc__ or ''}")(found)
        found = single
    return get_command(found)


app = typer.Typer(
    name="python -m rag",
    cls=_Commands,
    help="Crosswire: chat sessions that stay apart, and the lab that shows what happens when they do not.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def _group() -> None:
    """Typer makes a group of what has a callback."""


def run() -> int:
    """The command that was typed, to its end. Its exit status; bad usage is one line and 2."""
    try:
        return int(app(standalone_mode=False) or 0)
    except typer.Abort:
        typer.echo("Aborted.", err=True)
        return 1
    except ModuleNotFoundError as exc:
        if find_spec("streamlit") is not None:  # everything is there, so it is a fault
            raise
        raise CrosswireError(f'This needs more than the plain install ({exc}): pip install "crosswire[app]"') from exc
    except TyperException as exc:
        where = getattr(getattr(exc, "ctx", None), "command_path", "python -m rag")
        problem = exc.format_message().replace("Value error, ", "").rstrip(".")
        if problem:  # none where help was shown, as no command was given
            typer.echo(f"{problem}{'' if problem.endswith('?') else '.'} See {where} --help.", err=True)
    return 2
