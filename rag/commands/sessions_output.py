"""How the commands of `sessions` print. Whatever a stranger wrote is made harmless for a terminal first."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rag.errors import CrosswireError
from rag.inspector import Progress, flags
from rag.inspector.forensics.findings import KINDS
from rag.inspector.forensics.scan import Report
from rag.inspector.layouts.message_parsers import Said
from rag.inspector.safe_text import line, masked, visible
from rag.inspector.timestamps import shown
from rag.inspector.views.session import View
from rag.sessions.listing.directory import Row

LISTED = 20
COLOURS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "dim"}


def emit(value: object) -> None:
    """As JSON, in ASCII: nothing in it can do anything to a terminal."""
    typer.echo(json.dumps(value, indent=2))


def row_dict(row: Row) -> dict[str, Any]:
    known = asdict(row.info)
    known.pop("title")
    known.pop("summary")
    return {**known, "name": row.name, "colour": row.colour, "bytes": row.bytes, "flags": sorted(flags(row))}


def show_table(rows: list[Row], now: float) -> None:
    grid = Table("name", "id", "messages", "bytes", "last turn", "ends in", "model", "flags", box=None)
    for row in rows:
        info = row.info
        grid.add_row(
            Text(row.name, style=row.colour),
            Text(line(info.id, 24)),
            f"{info.messages:,}",
            "?" if row.bytes is None else f"{row.bytes:,}",
            f"{span(now - info.last_seen)} ago" if info.last_seen else "?",
            "never" if info.ttl is None else span(info.ttl),
            Text(line(info.model, 20)),
            ", ".join(sorted(flags(row))),
        )
    Console(highlight=False).print(grid if rows else "No sessions.")


def head(row: Row, now: float) -> Text:
    info = row.info
    created = f", begun {span(now - info.created)} ago" if info.created else ""
    ends = "never ends" if info.ttl is None else f"ends in {span(info.ttl)}"
    head = Text(row.name, style=f"bold {row.colour}")
    head.append(f"  {line(info.id)}\n", style="default not bold")
    head.append(f"{info.messages:,} messages{created}, {ends}  {', '.join(sorted(flags(row)))}", style="not bold dim")
    return head


def print_said(console: Console, said: Said, reveal: bool) -> None:
    head = Text(f"\n{said.role}", style="bold")
    when = shown(said.at)
    turn = f"turn {said.turn}" if said.turn else ""
    head.append("  " + "  ".join(part for part in (turn, when) if part), style="not bold dim")
    if said.problem:
        head.append(f"  {said.problem}: {line(said.detail)}", style="bold red")
    console.print(head)
    console.print(Text(visible(said.text) if reveal else masked(said.text)))
    if said.documents:
        console.print(Text("  from " + line(", ".join(said.documents)), style="dim"))


def print_keys(console: Console, seen: View) -> None:
    grid = Table("key", "type", "encoding", "length", "bytes", "ends in", box=None)
    for key in seen.keys:
        ends = "never" if key.ttl is None else span(key.ttl)
        grid.add_row(Text(line(key.name)), key.type, key.encoding, str(key.length), str(key.bytes), ends)
    console.print()
    console.print(grid)


def view_dict(seen: View, reveal: bool, raw: bool) -> dict[str, Any]:
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


def write_private(path: Path, text: str) -> None:
    """For its owner only: what was said is in it."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as exc:
        raise CrosswireError(f"{path} cannot be written ({exc.strerror}). Name another file.") from exc


def progress() -> Callable[[Progress], None] | None:
    """Over itself, on a terminal; not at all elsewhere."""
    if not sys.stderr.isatty():
        return None

    def show(step: Progress) -> None:
        text = f"{step.done:4.0%}  {step.sessions:,} sessions, {step.messages:,} messages, {step.found:,} found"
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()

    return show


def clear_line() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")


def print_report(report: Report) -> None:
    console = Console(highlight=False)
    clear_line()
    for kind, (severity, what) in KINDS.items():
        if not report.counts[kind]:
            continue
        console.print(Text(f"{kind}: {report.counts[kind]:,}  {severity}: {what}", style=COLOURS[severity]))
        of_kind = [one for one in report.findings if one.kind == kind]
        for one in of_kind[:LISTED]:
            console.print(Text(f"  {line(one.sessions[0], 20)}  {line(one.explanation)}"))
        if report.counts[kind] > LISTED:
            console.print(Text(f"  … and {report.counts[kind] - LISTED:,} more: --json lists a thousand of each kind."))
    for canary in report.canaries:
        sessions = len({one.session for one in canary.sightings})
        console.print(Text(f"{line(canary.text)!r}: seen {canary.seen} times in {sessions} sessions."))
    end = "" if report.complete else ", stopped before its end"
    console.print(
        f"{report.verdict}: {report.sessions:,} sessions, {report.messages:,} messages, {report.bytes:,} bytes "
        f"in {report.seconds:.1f} s{end}."
    )
    if report.sealed:
        console.print(f"{report.sealed:,} messages are sealed with a key that SESSION_ENCRYPTION_KEYS does not hold.")
    typer.echo(report.load, err=True)
