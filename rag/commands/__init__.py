"""The commands, one file each. They parse, call one façade and print; nothing else.

A command's file, and with it all that it stands on, is loaded when the command is called: help and a wrong word need
neither LangChain nor Chroma.
"""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command


def _chat() -> Any:
    """Ask the library, with the memory of a session."""
    from rag.commands.chat import chat

    return chat


def _ingest() -> Any:
    """Add documents to the shared library. Unchanged ones cost nothing."""
    from rag.commands.ingest import ingest

    return ingest


def _simulate() -> Any:
    """Run many users at once against a memory strategy: who saw whose data?"""
    from rag.commands.simulate import simulate_command

    return simulate_command


def _check() -> Any:
    """Say from an operation log whether its users stayed apart."""
    from rag.commands.check import check_command

    return check_command


def _explore() -> Any:
    """Try every order in which turns can meet in a memory strategy."""
    from rag.commands.explore import explore_command

    return explore_command


def _sessions() -> Any:
    """Every live session: list, show, export, change, and look for trouble."""
    from rag.commands.sessions import app

    return app


def _bench() -> Any:
    """Measure on this machine, now."""
    from rag.commands.bench import app

    return app


COMMANDS = {
    "chat": _chat,
    "ingest": _ingest,
    "simulate": _simulate,
    "check": _check,
    "explore": _explore,
    "sessions": _sessions,
    "bench": _bench,
}


class _Commands(TyperGroup):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = {name: TyperCommand(name, help=load.__doc__) for name, load in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # typer's context is not public
        if args and args[0] in COMMANDS:
            self.commands[args[0]] = _loaded(args[0])
        return super().resolve_command(ctx, args)


def _loaded(name: str) -> Any:
    load = COMMANDS[name]
    found = load()
    if isinstance(found, typer.Typer):
        return get_command(found)
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    single.command(name, help=f"{load.__doc__}\n\n{found.__doc__ or ''}")(found)
    return get_command(single)


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
