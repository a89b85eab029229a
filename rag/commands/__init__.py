"""The commands, one file each. They parse, call one façade and print; nothing else."""

from __future__ import annotations

import typer

from rag.commands import bench, chat, check, explore, ingest, sessions, simulate

app = typer.Typer(
    name="python -m rag",
    help="Crosswire: chat sessions that stay apart, and the lab that shows what happens when they do not.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("chat")(chat.chat)
app.command("ingest")(ingest.ingest)
app.command("simulate")(simulate.simulate_command)
app.command("check")(check.check_command)
app.command("explore")(explore.explore_command)
app.add_typer(sessions.app, name="sessions")
app.add_typer(bench.app, name="bench")
