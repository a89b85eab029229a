"""`python -m rag chat`: one question, or a conversation when standard input is a terminal."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from typing import Annotated

import typer

from rag.chat import ChatService, Finished, Source, Token, Waiting
from rag.errors import CrosswireError
from rag.services import build, load_articles
from rag.sessions.names import friendly_name
from rag.settings import load


def chat(
    question: Annotated[
        str | None, typer.Argument(help="What to ask. Left out: ask line by line, end with Ctrl-D.")
    ] = None,
    session: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Session to go on with.", show_default="this user's own"),
    ] = None,
    no_sources: Annotated[bool, typer.Option("--no-sources", help="Do not list the sources below the answer.")] = False,
) -> None:
    """Without a question it is a conversation: a line each, Ctrl-D ends it. Sources are listed below each answer."""
    session_id = session or f"cli-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
    with closing(build(load())) as services:
        if not services.library.documents():
            typer.echo("The library is empty: loading the articles that come with Crosswire …", err=True)
            load_articles(services)
        if question is not None:
            _ask(services.chat, session_id, question, not no_sources)
            return
        typer.echo(f"Session {friendly_name(session_id)}. Ctrl-D ends.", err=True)
        while (line := _line()) is not None:
            if not line.strip():
                continue
            try:
                _ask(services.chat, session_id, line, not no_sources)
            except CrosswireError as exc:
                typer.echo(str(exc), err=True)


def _line() -> str | None:
    if sys.stdin.isatty():
        typer.echo("> ", nl=False, err=True)
    return sys.stdin.readline() or None


def _ask(service: ChatService, session_id: str, question: str, with_sources: bool) -> None:
    with service.stream(session_id, question.strip()) as events:
        for event in events:
            if isinstance(event, Waiting):
                typer.echo("Another turn of this session is running; waiting …", err=True)
            elif isinstance(event, Token):
                typer.echo(event.text, nl=False)
            elif isinstance(event, Finished):
                typer.echo()
                if with_sources:
                    _list(event.reply.sources)


def _list(sources: tuple[Source, ...]) -> None:
    for source in sources:
        typer.echo(f"  [{source.number}] {source.label}  ({source.document_id})")
