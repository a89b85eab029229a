"""`python -m rag sessions …`: the inspector on the command line. Reads; changes only what a command names.

Texts of messages stay masked until `--reveal`, which is logged. Whatever is printed is made harmless for a terminal.
"""

from __future__ import annotations

import json
import math
import sys
from contextlib import nullcontext
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from threading import Event
from typing import Annotated, Literal

import typer
from rich.text import Text

from rag.commands.options import (
    STANDARD,
    Address,
    JsonFile,
    Names,
    Prefix,
    console,
    to_file,
    write,
    write_json,
)  # fmt: skip
from rag.commands.progress import bar, stop_on_interrupt
from rag.commands.sessions_output import (
    counted,
    head,
    print_keys,
    print_report,
    print_said,
    print_sessions,
    progress_told,
    row_dict,
    view_dict,
)
from rag.commands.sessions_source import Format, documents_deleted, histories, opened, searched
from rag.erasure import LATER
from rag.errors import CrosswireError
from rag.inspector import FLAGS, Filter, Pace
from rag.inspector.actions.changes import ENDING, Change, Changes
from rag.inspector.actions.exporting import export
from rag.inspector.actions.importing import import_new, read_export, restore
from rag.inspector.forensics.cross_session import LONG
from rag.inspector.forensics.scan import scan
from rag.inspector.pace import SHARE, STEP
from rag.inspector.timestamps import shown as shown_at
from rag.inspector.views.session import pretty
from rag.inspector.views.session_table import Order
from rag.inspector.views.watch import known, watch
from rag.safe_text import line
from rag.sessions.listing.directory import Order as Indexed

WHO = "command line"
INDEXED: dict[str, Indexed] = {"seen": "newest", "ttl": "lasting"}
Flagged = StrEnum("Flagged", {flag: flag for flag in FLAGS[1:]})  # type: ignore[misc]  # its names are data

app = typer.Typer(
    help="Every live session: list, show, export, change, and scan for trouble.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command("list")
def list_(
    order: Annotated[Order, typer.Option("--sort", help="What comes first: the newest, or the largest.")] = "seen",
    limit: Annotated[int, typer.Option(help="At most this many sessions.", min=1, max=10_000)] = 50,
    start: Annotated[int, typer.Option(help="Skip this many, when sorted by seen or ttl.", min=0)] = 0,
    find: Annotated[str, typer.Option(metavar="TEXT", help="Only sessions whose id or name begins with this.")] = "",
    text: Annotated[str, typer.Option(metavar="TEXT", help="Only sessions with this in a message. Reads all.")] = "",
    flag: Annotated[list[Flagged] | None, typer.Option(help="Only sessions with this flag. Repeatable.")] = None,
    idle: Annotated[float, typer.Option(help="Only sessions idle for at least this many seconds.")] = 0,
    ttl: Annotated[float, typer.Option(help="Only sessions that end within this many seconds.")] = math.inf,
    larger: Annotated[int, typer.Option(help="Only sessions larger than this many bytes.")] = 0,
    url: Address = None,
    fmt: Format = None,
    prefix: Prefix = None,
    json_file: JsonFile = None,
) -> None:
    """Sessions by last activity, or by something else: page by page, or after one look at each."""
    wanted = Filter(
        text=text,
        flags=frozenset(one for one in FLAGS if one in (flag or ())),
        idle=(idle or -math.inf, math.inf),
        ttl=(-math.inf, ttl),
        bytes=(larger, math.inf),
    )
    total, more = 0, ""
    with opened(fmt, prefix, url) as inspector:
        if find:
            rows = inspector.find(find, limit)
        elif wanted == Filter() and order in INDEXED and inspector.layout.ours:
            page = inspector.page(start, limit, INDEXED[order])
            rows, total = list(page.rows), page.total
            more = f"Continue with --start {start + len(page.rows)}, or narrow it down."
        else:
            found = searched(inspector, wanted, order, limit)
            rows, total, more = list(found.rows), found.matching, "See more with --limit, or narrow it down."
        now = inspector.now
    write_json(json_file, {"total": total or len(rows), "sessions": [row_dict(row) for row in rows]})
    print_sessions(console(json_file), rows, now)
    if total > len(rows):
        typer.echo(f"{len(rows)} of {total:,}. {more}", err=True)


@app.command("show")
def show(
    session: Annotated[str, typer.Argument(help="An id, the beginning of one, or a name.")],
    reveal: Annotated[bool, typer.Option("--reveal", help="Show message texts. This is logged.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="Also keys, types, encodings, bytes and the stored JSON.")] = False,
    last: Annotated[int, typer.Option(help="At most this many of the newest messages.", min=1)] = 200,
    url: Address = None,
    fmt: Format = None,
    prefix: Prefix = None,
    json_file: JsonFile = None,
) -> None:
    """One session: its messages, and what is stored."""
    with opened(fmt, prefix, url) as inspector:
        session_id = inspector.resolve(session)
        seen, row = inspector.view(session_id, last), inspector.row(session_id)
        if seen is None or row is None:
            raise CrosswireError(f"{session[:60]!r}: this session has just ended.")
        if reveal and inspector.layout.ours:
            inspector.store.audit.add("reveal", session_id, WHO)
        now = inspector.now
    write_json(json_file, {**row_dict(row), **view_dict(seen, reveal, raw)})
    out = console(json_file)
    out.print(head(row, now))
    for element in seen.elements:
        print_said(out, element.said, reveal)
        if raw and reveal:
            out.print(Text(pretty(element.raw), style="dim"))
    if raw:
        out.print()
        print_keys(out, seen)


@app.command("export")
def export_(
    sessions: Names,
    form: Annotated[
        Literal["json", "markdown", "csv"], typer.Option("--as", help="Only json can be imported again.")
    ] = "json",
    output: Annotated[
        Path | None, to_file("--output", "-o", what="Where to. Default, and -: standard output, unless JSON is there.")
    ] = None,
    url: Address = None,
    fmt: Format = None,
    prefix: Prefix = None,
    json_file: JsonFile = None,
) -> None:
    """Sessions with all their messages, in plain text. This is logged."""
    with opened(fmt, prefix, url) as inspector:
        taken = export(inspector, [inspector.resolve(one) for one in sessions])
        if inspector.layout.ours:
            for one in taken.sessions:
                inspector.store.audit.add("export", one["id"], WHO, form=form)
    text = taken.written(form)
    if json_file is not None:
        write(json_file, taken.written("json"), private=True)
    if output not in (None, STANDARD):
        write(output, text, private=True)
        typer.echo(f"{counted(len(taken.sessions))} in {output}.", err=True)
    elif json_file != STANDARD:
        sys.stdout.write(text)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="JSON written by `sessions export`.")],
    back: Annotated[
        bool, typer.Option("--restore", help="Under their original ids, unless a session has that id.")
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Import exported sessions as new ones, to reproduce what a user saw. Exit status 1: some were skipped."""
    try:
        content = file.read_bytes()
    except OSError as exc:
        raise CrosswireError(f"{file} cannot be read ({exc.strerror}). Name a file that `export` wrote.") from exc
    sessions = read_export(content)
    with opened() as inspector:
        made = [
            (one["id"], restore(inspector, one, WHO) if back else import_new(inspector, one, WHO)) for one in sessions
        ]
    write_json(json_file, {"sessions": [{"from": before, "to": after} for before, after in made]})
    for before, after in made:
        console(json_file).print(Text(f"{line(before, 24)} -> {after or 'skipped: this session exists'}"))
    if not all(after for _, after in made):
        raise typer.Exit(1)


@app.command("delete")
def delete(
    sessions: Annotated[list[str], typer.Argument(help="Ids; without --yes also beginnings of ids, or names.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    keep: Annotated[
        Path | None, to_file("--keep", what="Export them to this file first, for `import --restore`.")
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Delete sessions and everything stored for them."""
    _change("delete", sessions, exact=yes, ask=not yes, keep=keep, json_file=json_file)


@app.command("extend")
def extend(
    sessions: Names,
    lifetime: Annotated[int, typer.Option(help="Seconds that they live after each turn; 0: forever.", min=0)],
    json_file: JsonFile = None,
) -> None:
    """Give sessions a lifetime of their own. `--lifetime 0` pins them."""
    _change("extend" if lifetime else "pin", sessions, seconds=lifetime, json_file=json_file)


@app.command("scan")
def scan_(
    canary: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="Something only one user stated, such as an order number. Repeatable."),
    ] = None,
    long: Annotated[int, typer.Option(help="Texts at least this long should not appear twice.", min=20)] = LONG,
    share: Annotated[float, typer.Option(help="Use at most this share of the server's time.")] = SHARE,
    step: Annotated[int, typer.Option(help="Fetch at most this many elements per command.")] = STEP,
    url: Address = None,
    fmt: Format = None,
    prefix: Prefix = None,
    json_file: JsonFile = None,
) -> None:
    """Read every session once and report what is wrong. Exit status: 0 nothing, 1 trouble, 2 can't tell."""
    pace = Pace(step=step, share=share)
    with histories(fmt, prefix, url) as read, stop_on_interrupt(pace.stop), bar("scanning") as moved:
        report = scan(
            read,
            canaries=tuple(canary or ()),
            long=long,
            pace=pace,
            progress=lambda step: moved(*progress_told(step)),
        )
    write_json(json_file, report.to_dict())
    print_report(report, console(json_file))
    raise typer.Exit({"clean": 0, "trouble": 1}.get(report.verdict, 2))


@app.command("watch")
def watch_(
    interval: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.2)] = 1.0,
    stop_after: Annotated[
        float, typer.Option(help="Seconds until it ends by itself.", min=0, show_default="at Ctrl-C")
    ] = math.inf,
    json_file: JsonFile = None,
) -> None:
    """Sessions as they begin, continue and end, one line each; with --json, one JSON object per line."""
    written = json_file is not None and json_file != STANDARD
    shown = console(json_file)
    with opened() as inspector, json_file.open("w") if json_file and written else nullcontext() as out:
        stop = Event()
        with stop_on_interrupt(stop):
            there = known(inspector)
            typer.echo(f"Watching {counted(len(there))}. Ctrl-C to stop.", err=True)
            for news in watch(inspector, there, interval, stop_after, stop):
                if json_file is not None:
                    typer.echo(json.dumps(asdict(news)), file=out)
                told = f"{shown_at(news.at)}  {news.what:<9} {news.name}  {line(news.session, 24)}  {news.detail}"
                shown.print(Text(told.rstrip()), soft_wrap=True)


def _change(
    change: Change,
    sessions: list[str],
    *,
    exact: bool = False,
    ask: bool = False,
    seconds: int = 0,
    keep: Path | None = None,
    json_file: Path | None,
) -> None:
    """exact: take whole ids only. ask: before anything is done."""
    with opened() as inspector:
        changes = Changes(inspector, WHO)
        ids = sessions if exact else [inspector.resolve(one) for one in sessions]
        preview = changes.preview(change, ids)
        for missing in preview.missing:
            typer.echo(f"{line(missing, 60)!r}: no such session.", err=True)
        if not preview.rows:
            raise typer.Exit(2)
        if ask:
            for row in preview.rows:
                typer.echo(f"  {row.name}  {line(row.info.id)}", err=True)
            typer.confirm(f"{preview} Continue?", abort=True, err=True)
        there = [row.info.id for row in preview.rows]
        if keep is not None:
            write(keep, export(inspector, there).written("json"), private=True)
        done = changes.do(change, there, seconds)
        documents = change not in ENDING or documents_deleted(inspector.store, there)
    told = {"change": change, "sessions": list(done.ids), "missing": list(preview.missing)}
    write_json(json_file, told | ({"documents_deleted": documents} if change in ENDING else {}))
    console(json_file).print(f"{change}: {counted(len(done.ids))}.")
    if not documents:
        typer.echo(LATER, err=True)
    if preview.missing or not documents:
        raise typer.Exit(2)
