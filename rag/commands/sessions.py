"""`python -m rag sessions …`: the inspector on the command line. Reads; changes only what a command names.

Texts of messages stay masked until `--reveal`, which is audited. Whatever is printed is made harmless for a terminal.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rag.errors import CrosswireError
from rag.inspector import FLAGS, Filter, Inspector, flags
from rag.inspector.said import Said
from rag.inspector.view import View, pretty
from rag.inspector.visible import line, masked, visible
from rag.services import open_store
from rag.sessions.directory import Row
from rag.settings import load, without_password

WHO = "command line"
INDEXED = {"seen": "newest", "ttl": "lasting"}

app = typer.Typer(
    help="Every live session: list, show, export, change, and look for trouble.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Format = Annotated[
    str, typer.Option("--format", help="crosswire, classic, community, langchain-redis, llama-index, or auto.")
]
Prefix = Annotated[str | None, typer.Option("--prefix", help="What the keys begin with, if not as usual.")]
Reveal = Annotated[bool, typer.Option("--reveal", help="Show what was said. Audited.")]


@contextmanager
def opened(fmt: str = "crosswire", prefix: str | None = None) -> Iterator[Inspector]:
    settings = load()
    client, store = open_store(settings)
    try:
        inspector = Inspector(client, store, target=without_password(settings.redis_url))
        yield inspector if fmt == "crosswire" else inspector.of(fmt, prefix)
        store.flush()
    finally:
        client.close()


def emit(value: object) -> None:
    """As JSON, in ASCII: nothing in it can do anything to a terminal."""
    typer.echo(json.dumps(value, indent=2))


@app.command("list")
def list_(
    order: Annotated[str, typer.Option("--sort", help="seen, ttl, created, turns, messages or bytes.")] = "seen",
    limit: Annotated[int, typer.Option(help="So many sessions at most.", min=1, max=10_000)] = 50,
    start: Annotated[int, typer.Option(help="From this one on, of those sorted by seen or ttl.", min=0)] = 0,
    find: Annotated[str, typer.Option(help="Only those whose id or name begins so.")] = "",
    text: Annotated[str, typer.Option(help="Only those with this text in a message. Reads all of them.")] = "",
    flag: Annotated[list[str] | None, typer.Option(help=f"Only: {', '.join(FLAGS[1:])}. May be repeated.")] = None,
    idle: Annotated[float, typer.Option(help="Only those without a turn for so many seconds.")] = 0,
    ttl: Annotated[float, typer.Option(help="Only those that end within so many seconds.")] = math.inf,
    larger: Annotated[int, typer.Option(help="Only those of more bytes than this.")] = 0,
    fmt: Format = "crosswire",
    prefix: Prefix = None,
    as_json: AsJson = False,
) -> None:
    """Sessions by last activity, or by something else: page by page, or after one look at each."""
    if order not in ("seen", "ttl", "created", "turns", "messages", "bytes"):
        raise CrosswireError(f"--sort {order!r}: expected seen, ttl, created, turns, messages or bytes.")
    wanted = Filter(
        text=text,
        flags=frozenset(_flag(name) for name in flag or ()),
        idle=(idle or -math.inf, math.inf),
        ttl=(-math.inf, ttl),
        bytes=(larger, math.inf),
    )
    with opened(fmt, prefix) as inspector:
        if find:
            rows, of = inspector.find(find, limit), 0
        elif wanted == Filter(idle=wanted.idle) and not idle and order in INDEXED and inspector.layout.ours:
            page = inspector.page(start, limit, "newest" if order == "seen" else "lasting")
            rows, of = list(page.rows), page.total
        else:
            found = inspector.search(wanted, order, limit)  # type: ignore[arg-type]
            rows, of = list(found.rows), found.matching
            typer.echo(f"{found.looked_at:,} sessions looked at; {found.load}.", err=True)
        now = inspector.now
    if as_json:
        emit({"total": of or len(rows), "sessions": [row_dict(row) for row in rows]})
        return
    _table(rows, now)
    if of > len(rows):
        typer.echo(f"{len(rows)} of {of:,}. Go on with --start {start + len(rows)}, or narrow it down.", err=True)


@app.command("show")
def show(
    session: Annotated[str, typer.Argument(help="An id, the beginning of one, or a name.")],
    reveal: Reveal = False,
    raw: Annotated[bool, typer.Option("--raw", help="Also keys, types, encodings, bytes and the stored JSON.")] = False,
    last: Annotated[int, typer.Option(help="So many of the newest messages.", min=1)] = 200,
    fmt: Format = "crosswire",
    prefix: Prefix = None,
    as_json: AsJson = False,
) -> None:
    """One session: what was said, and what is stored."""
    with opened(fmt, prefix) as inspector:
        session_id = inspector.resolve(session)
        seen, row = inspector.view(session_id, last), inspector.row(session_id)
        if seen is None or row is None:
            raise CrosswireError(f"{session[:60]!r}: there is no such session any more.")
        if reveal and inspector.layout.ours:
            inspector.store.audit.add("reveal", session_id, WHO)
        now = inspector.now
    if as_json:
        emit({**row_dict(row), **_view_dict(seen, reveal, raw)})
        return
    console = Console(highlight=False)
    console.print(_head(row, now))
    for element in seen.elements:
        _print_said(console, element.said, reveal)
        if raw and reveal:
            console.print(Text(pretty(element.raw), style="dim"))
    if raw:
        _print_keys(console, seen)


def row_dict(row: Row) -> dict[str, Any]:
    known = asdict(row.info)
    known.pop("title")
    known.pop("summary")
    return {**known, "name": row.name, "colour": row.colour, "bytes": row.bytes, "flags": sorted(flags(row))}


def _flag(name: str) -> Any:
    if name not in FLAGS[1:]:
        raise CrosswireError(f"--flag {name!r}: expected one of {', '.join(FLAGS[1:])}.")
    return name


def _table(rows: list[Row], now: float) -> None:
    table = Table("name", "id", "messages", "bytes", "last turn", "ends in", "model", "flags", box=None)
    for row in rows:
        info = row.info
        table.add_row(
            Text(row.name, style=row.colour),
            Text(line(info.id, 24)),
            f"{info.messages:,}",
            "?" if row.bytes is None else f"{row.bytes:,}",
            f"{span(now - info.last_seen)} ago" if info.last_seen else "?",
            "never" if info.ttl is None else span(info.ttl),
            Text(line(info.model, 20)),
            ", ".join(sorted(flags(row))),
        )
    Console(highlight=False).print(table if rows else "No sessions.")


def _head(row: Row, now: float) -> Text:
    info = row.info
    created = f", begun {span(now - info.created)} ago" if info.created else ""
    ends = "never ends" if info.ttl is None else f"ends in {span(info.ttl)}"
    head = Text(row.name, style=f"bold {row.colour}")
    head.append(f"  {line(info.id)}\n", style="default not bold")
    head.append(f"{info.messages:,} messages{created}, {ends}  {', '.join(sorted(flags(row)))}", style="not bold dim")
    return head


def _print_said(console: Console, said: Said, reveal: bool) -> None:
    head = Text(f"\n{said.role}", style="bold")
    when = datetime.fromtimestamp(said.at, UTC).isoformat(sep=" ", timespec="seconds") if said.at else ""
    turn = f"turn {said.turn}" if said.turn else ""
    head.append("  " + "  ".join(part for part in (turn, when) if part), style="not bold dim")
    if said.problem:
        head.append(f"  {said.problem}: {line(said.detail)}", style="bold red")
    console.print(head)
    console.print(Text(visible(said.text) if reveal else masked(said.text)))
    if said.documents:
        console.print(Text("  from " + line(", ".join(said.documents)), style="dim"))


def _print_keys(console: Console, seen: View) -> None:
    table = Table("key", "type", "encoding", "length", "bytes", "ends in", box=None)
    for key in seen.keys:
        ends = "never" if key.ttl is None else span(key.ttl)
        table.add_row(Text(line(key.name)), key.type, key.encoding, str(key.length), str(key.bytes), ends)
    console.print()
    console.print(table)


def _view_dict(seen: View, reveal: bool, raw: bool) -> dict[str, Any]:
    messages = []
    for element in seen.elements:
        said = element.said._asdict()
        said["text"] = said["text"] if reveal else masked(said["text"])
        if raw and reveal:
            said["raw"] = element.raw.decode("utf-8", "backslashreplace")
        messages.append({"number": element.number, **said})
    return {"messages_left_out": seen.before, "history": messages, "keys": [asdict(key) for key in seen.keys]}


def span(seconds: float) -> str:
    """`45 s`, `12 min`, `3.5 h`, `8 d`."""
    if seconds < 90:
        return f"{max(0, seconds):.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} d"
