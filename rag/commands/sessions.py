"""`python -m rag sessions …`: the inspector on the command line. Reads; changes only what a command names.

Texts of messages stay masked until `--reveal`, which is audited. Whatever is printed is made harmless for a terminal.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import Annotated, Any, cast

import typer
from rich.console import Console
from rich.text import Text

from rag.commands.interrupts import stop_on_interrupt
from rag.commands.sessions_output import (
    clear_line,
    emit,
    head,
    print_keys,
    print_report,
    print_said,
    progress,
    row_dict,
    show_table,
    view_dict,
    write_private,
)
from rag.errors import CrosswireError
from rag.inspector import FLAGS, Filter, Found, Inspector, Pace
from rag.inspector.actions.changes import Act, Acts
from rag.inspector.actions.exporting import export
from rag.inspector.actions.importing import import_new, read_export, restore
from rag.inspector.forensics.cross_session import LONG
from rag.inspector.forensics.scan import scan
from rag.inspector.pace import SHARE, STEP
from rag.inspector.safe_text import line
from rag.inspector.timestamps import shown
from rag.inspector.views.session import pretty
from rag.inspector.views.session_table import Order
from rag.inspector.views.watch import known, watch
from rag.services import open_store
from rag.sessions.listing.directory import Order as Indexed
from rag.settings import load, without_password

WHO = "command line"
INDEXED: dict[str, Indexed] = {"seen": "newest", "ttl": "lasting"}

app = typer.Typer(
    help="Every live session: list, show, export, change, and look for trouble.",
    no_args_is_help=True,
    add_completion=False,
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
    more = ""
    with opened(fmt, prefix) as inspector:
        if find:
            rows, of = inspector.find(find, limit), 0
        elif wanted == Filter() and order in INDEXED and inspector.layout.ours:
            page = inspector.page(start, limit, INDEXED[order])
            rows, of, more = (
                list(page.rows),
                page.total,
                f"Go on with --start {start + len(page.rows)}, or narrow it down.",
            )
        else:
            found = _searched(inspector, wanted, order, limit)
            rows, of, more = list(found.rows), found.matching, "See more with --limit, or narrow it down."
        now = inspector.now
    if as_json:
        emit({"total": of or len(rows), "sessions": [row_dict(row) for row in rows]})
        return
    show_table(rows, now)
    if of > len(rows):
        typer.echo(f"{len(rows)} of {of:,}. {more}", err=True)


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
        emit({**row_dict(row), **view_dict(seen, reveal, raw)})
        return
    console = Console(highlight=False)
    console.print(head(row, now))
    for element in seen.elements:
        print_said(console, element.said, reveal)
        if raw and reveal:
            console.print(Text(pretty(element.raw), style="dim"))
    if raw:
        print_keys(console, seen)


@app.command("export")
def export_(
    sessions: Annotated[list[str], typer.Argument(help="Ids, beginnings of ids, or names.")],
    form: Annotated[str, typer.Option("--as", help="json (can be imported again), markdown or csv.")] = "json",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file. Left out: standard output.")] = None,
    fmt: Format = "crosswire",
    prefix: Prefix = None,
) -> None:
    """Sessions with everything that was said in them, in the clear. Audited."""
    if form not in ("json", "markdown", "csv"):
        raise CrosswireError(f"--as {form!r}: expected json, markdown or csv.")
    with opened(fmt, prefix) as inspector:
        taken = export(inspector, [inspector.resolve(one) for one in sessions])
        if inspector.layout.ours:
            for one in taken.sessions:
                inspector.store.audit.add("export", one["id"], WHO, form=form)
    text = {"json": taken.json, "markdown": taken.markdown, "csv": taken.csv}[form]()
    if output is None:
        sys.stdout.write(text)
    else:
        write_private(output, text)
        typer.echo(f"{len(taken.sessions)} sessions in {output}.", err=True)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="What `sessions export` wrote as JSON.")],
    back: Annotated[bool, typer.Option("--restore", help="As what they were, where there is none.")] = False,
    as_json: AsJson = False,
) -> None:
    """Sessions from an export into new ones, to reproduce a user's trouble."""
    try:
        content = file.read_bytes()
    except OSError as exc:
        raise CrosswireError(f"{file} cannot be read ({exc.strerror}). Name a file that `export` wrote.") from exc
    sessions = read_export(content)
    with opened() as inspector:
        made = [
            (one["id"], restore(inspector, one, WHO) if back else import_new(inspector, one, WHO)) for one in sessions
        ]
    if as_json:
        emit({"sessions": [{"from": before, "to": after} for before, after in made]})
        return
    for before, after in made:
        typer.echo(f"{line(before, 24)} -> {after or 'left as it is: there is such a session'}")


@app.command("delete")
def delete(
    sessions: Annotated[list[str], typer.Argument(help="Ids; without --yes also beginnings of ids, or names.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    keep: Annotated[Path | None, typer.Option(help="Export them into this file first, for `import --restore`.")] = None,
    as_json: AsJson = False,
) -> None:
    """Delete sessions with everything that is stored of them."""
    _act("delete", sessions, exact=yes, ask=not yes, keep=keep, as_json=as_json)


@app.command("extend")
def extend(
    sessions: Annotated[list[str], typer.Argument(help="Ids, beginnings of ids, or names.")],
    seconds: Annotated[int, typer.Option(help="How long they live after each turn from now on; 0: for ever.", min=0)],
    as_json: AsJson = False,
) -> None:
    """Let sessions live longer (or shorter) than the others. `--seconds 0` pins them."""
    _act("extend" if seconds else "pin", sessions, exact=False, ask=False, seconds=seconds, as_json=as_json)


@app.command("scan")
def scan_(
    canary: Annotated[
        list[str] | None, typer.Option(help="A text that one user stated, e.g. an order number. May be repeated.")
    ] = None,
    long: Annotated[int, typer.Option(help="Characters from which on a text is nobody else's.", min=20)] = LONG,
    share: Annotated[float, typer.Option(help="At most this part of the time the server is asked.")] = SHARE,
    step: Annotated[int, typer.Option(help="At most so many elements a command.")] = STEP,
    fmt: Format = "crosswire",
    prefix: Prefix = None,
    as_json: AsJson = False,
) -> None:
    """Read every session once and report what is wrong. Exit status 0: nothing, 1: trouble, 2: cannot tell."""
    pace = Pace(step=step, share=share)
    with opened(fmt, prefix) as inspector, stop_on_interrupt(pace.stop):
        report = scan(inspector.histories, canaries=tuple(canary or ()), long=long, pace=pace, progress=progress())
    if as_json:
        emit(report.to_dict())
    else:
        print_report(report)
    raise typer.Exit({"clean": 0, "trouble": 1}.get(report.verdict, 2))


@app.command("watch")
def watch_(
    interval: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.2)] = 1.0,
    seconds: Annotated[float, typer.Option(help="Stop after so many. Left out: never; Ctrl-C ends.")] = math.inf,
    as_json: AsJson = False,
) -> None:
    """Sessions as they begin, go on and end, a line each."""
    with opened() as inspector:
        stop = Event()
        with stop_on_interrupt(stop):
            there = known(inspector)
            typer.echo(f"Watching; {len(there)} sessions so far. Ctrl-C ends.", err=True)
            for news in watch(inspector, there, interval, seconds, stop):
                if as_json:
                    typer.echo(json.dumps(asdict(news)))
                else:
                    whose = f"{news.name}  {line(news.session, 24)}"
                    typer.echo(f"{shown(news.at)}  {news.what:<8} {whose}  {news.detail}".rstrip())


def _searched(inspector: Inspector, wanted: Filter, order: str, limit: int) -> Found:
    pace = Pace()
    with stop_on_interrupt(pace.stop):
        found = inspector.search(wanted, cast(Order, order), limit, pace, progress())
    clear_line()
    end = "" if found.complete else ", then stopped"
    typer.echo(f"{found.looked_at:,} sessions looked at{end}; {found.load}.", err=True)
    return found


def _act(
    act: Act, sessions: list[str], *, exact: bool, ask: bool, seconds: int = 0, keep: Path | None = None, as_json: bool
) -> None:
    """exact: take whole ids only. ask: before anything is done."""
    with opened() as inspector:
        acts = Acts(inspector, WHO)
        ids = sessions if exact else [inspector.resolve(one) for one in sessions]
        preview = acts.preview(act, ids)
        for missing in preview.missing:
            typer.echo(f"{line(missing, 60)!r}: there is no such session.", err=True)
        if not preview.rows:
            raise typer.Exit(2)
        if ask:
            for row in preview.rows:
                typer.echo(f"  {row.name}  {line(row.info.id)}", err=True)
            typer.confirm(f"{preview} Go on?", abort=True, err=True)
        if keep is not None:
            write_private(keep, export(inspector, [row.info.id for row in preview.rows]).json())
        done = acts.do(act, [row.info.id for row in preview.rows], seconds)
    if as_json:
        emit({"act": act, "sessions": list(done.ids), "missing": list(preview.missing)})
    else:
        typer.echo(f"{act}: {len(done.ids)} {'session' if len(done.ids) == 1 else 'sessions'}.")
    if preview.missing:
        raise typer.Exit(2)


def _flag(name: str) -> Any:
    if name not in FLAGS[1:]:
        raise CrosswireError(f"--flag {name!r}: expected one of {', '.join(FLAGS[1:])}.")
    return name
