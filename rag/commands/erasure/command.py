"""`python -m rag erasure ID`: delete all of a session, and show that nothing is left of it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from rag.commands.options import JsonFile, console, write_json
from rag.erasure import REWRITE_SECONDS, Proof, compact, erase, look, marks_of
from rag.safe_text import line
from rag.services import build
from rag.sessions.names import friendly_name
from rag.settings import load

WHO = "command line"
STATUS = {"erased": 0, "left": 1, "unknown": 2}
SIGNS = {"erased": "+", "left": "!", "unknown": "?"}


def erasure(
    session: Annotated[str, typer.Argument(metavar="ID", help="The full id of a session, even of one that is gone.")],
    delete: Annotated[bool, typer.Option("--delete", help="Delete the session for good first.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    canary: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="Something only one user stated, such as an order number. Repeatable."),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Looks in every key of Redis, in the files of Redis and Chroma, and in memory. Exit status: 0 nothing is left, 1
    something is, 2 can't tell."""
    with closing(build(load())) as services:
        marks = marks_of(services, session, canary or ())
        if delete:
            if not yes:
                typer.confirm(f"Delete {friendly_name(session)} for good?", abort=True, err=True)
            rewritten = erase(services, session, WHO).rewritten
        else:
            rewritten = compact(services, REWRITE_SECONDS)
        proof = look(services, marks, rewritten=rewritten)
    write_json(json_file, {**asdict(proof), "verdict": proof.verdict})
    _print(proof, console(json_file))
    raise typer.Exit(STATUS[proof.verdict])


def _print(proof: Proof, out: Console) -> None:
    for place in proof.places:
        out.print(Text(f"{SIGNS[place.verdict]} {place.name:<24}{place.verdict:<9}{line(place.detail, 300)}"))
    out.print(
        Text(
            f"{proof.verdict}: {proof.looked_for} identifying texts of {line(proof.session_id, 70)} were searched for."
        )
    )
