"""The commands, one file each. They parse, call one façade and print; nothing else.

A command's file, and with it all that it stands on, is loaded when the command is called: help and a mistyped word
need neither LangChain nor Chroma.
"""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

COMMANDS = {
    "run": "Start the app: pages and HTTP API.",
    "chat": "Ask the help centre; each session has its own memory.",
    "ingest": "Add documents to the shared library. Unchanged files are skipped.",
    "simulate": "Run many users at once against a memory strategy: who saw whose data?",
    "check": "Tell from an operation log whether its users stayed apart.",
    "explore": "Try every order in which turns can interleave in a memory strategy.",
    "sessions": "Every live session: list, show, export, change, and scan for trouble.",
    "inspect-link": "A new one-time link to the inspector, where it has no password and no login.",
    "bench": "Run the benchmarks on this machine.",
}
"""What each is for."""


def _load(name: str) -> Any:
    """The command's function, or its own group of commands."""
    match name:
        case "run":
            from rag.commands.serving import serve

            return serve
        case "chat":
            from rag.commands.chat import chat

            return chat
        case "ingest":
            from rag.commands.ingest import ingest

            return ingest
        case "simulate":
            from rag.commands.simulate import simulate_command

            return simulate_command
        case "check":
            from rag.commands.check import check_command

            return check_command
        case "explore":
            from rag.commands.explore import explore_command

            return explore_command
        case "sessions":
            from rag.commands import sessions

            return sessions.app
        case "inspect-link":
            from rag.commands.inspect_link import inspect_link

            return inspect_link
        case _:
            from rag.commands import bench

            return bench.app


class _Commands(TyperGroup):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = {name: TyperCommand(name, help=what) for name, what in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # typer's context is not public
        if args and args[0] in COMMANDS:
            self.commands[args[0]] = _loaded(args[0])
        return super().resolve_command(ctx, args)


def _loaded(name: str) -> Any:
    found = _load(name)
    if not isinstance(found, typer.Typer):
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command(name, help=f"{COMMANDS[name]}\n\n{found.__doc__ or ''}")(found)
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
    except TyperException as exc:
        where = getattr(getattr(exc, "ctx", None), "command_path", "python -m rag")
        problem = exc.format_message().replace("Value error, ", "").rstrip(".")
        if problem:  # none where help was shown, as no command was given
            typer.echo(f"{problem}{'' if problem.endswith('?') else '.'} See {where} --help.", err=True)
    return 2
