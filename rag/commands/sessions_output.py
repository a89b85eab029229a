"""How the commands of `sessions` print. Whatever a stranger wrote is made harmless for a terminal first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from rag.commands.reports import COLOURS
from rag.inspector import Progress, flags
from rag.inspector.forensics.findings import KINDS
from rag.inspector.forensics.scan import Report
from rag.inspector.parsing.message_parsers import Said
from rag.inspector.timestamps import shown
from rag.inspector.views.session import View
from rag.safe_text import line, masked, visible
from rag.sessions.listing.directory import Row

LISTED = 20


def row_dict(row: Row) -> dict[str, Any]:
    known = asdict(row.info)
    known.pop("title")
    known.pop("summary")
    return {**known, "name": row.name, "colour": row.colour, "bytes": row.bytes, "flags": sorted(flags(row))}


def print_sessions(console: Console, rows: list[Row], now: float) -> None:
    """A line each; the model and flags below, where there are any. Fits 80 columns."""
    if not rows:
        console.print("No sessions.")
        return
    told = _columns(("name", "id", "messages", "bytes", "last turn", "ends in"))
    console.print(Text(told, "bold"))
    for row in rows:
        info = row.info
        size = "?" if row.bytes is None else f"{row.bytes:,}"
        last = f"{span(now - info.last_seen)} ago" if info.last_seen else "?"
        ends = "never" if info.ttl is None else span(info.ttl)
        told = _columns((row.name, line(info.id, 24), f"{info.messages:,}", size, last, ends))
        console.print(Text.assemble((told[: len(row.name)], row.colour), told[len(row.name) :]))
        beside = (line(info.model, 30), *sorted(flags(row)))
        if any(beside):
            console.print(Text(f"    {', '.join(filter(None, beside))}", "dim"))


def _columns(cells: Sequence[str]) -> str:
    name, session, *numbers = cells
    widths = (8, 9, 10, 8)
    told = " ".join(f"{cell:>{width}}" for cell, width in zip(numbers, widths, strict=True))
    return f"{name:<16} {session:<24} {told}"


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
    turn = f"turn {said.turn}" if said.turn else ""
    head.append("  " + "  ".join(part for part in (turn, shown(said.at)) if part), style="not bold dim")
    if said.problem:
        head.append(f"  {said.problem}: {line(said.detail)}", style="bold red")
    console.print(head)
    console.print(Text(visible(said.text) if reveal else masked(said.text)))
    if said.documents:
        console.print(Text("  from " + line(", ".join(said.documents)), style="dim"))


def print_keys(console: Console, seen: View) -> None:
    """Each key, and what it is below."""
    for key in seen.keys:
        ends = "never ends" if key.ttl is None else f"ends in {span(key.ttl)}"
        console.print(Text(line(key.name)))
        console.print(Text(f"    {key.type}, {key.encoding}, length {key.length}, {key.bytes} bytes, {ends}", "dim"))


def view_dict(seen: View, reveal: bool, raw: bool) -> dict[str, Any]:
    messages = []
    for element in seen.elements:
        said = element.said._asdict()
        said["text"] = said["text"] if reveal else masked(said["text"])
        if raw and reveal:
            said["raw"] = element.raw.decode("utf-8", "backslashreplace")
        messages.append({"number": element.number, **said})
    return {"messages_left_out": seen.before, "history": messages, "keys": [asdict(key) for key in seen.keys]}


def counted(sessions: int) -> str:
    return f"{sessions:,} session{'' if sessions == 1 else 's'}"


def span(seconds: float) -> str:
    """`45 s`, `12 min`, `3.5 h`, `8 d`."""
    if seconds < 90:
        return f"{max(0, seconds):.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} d"


def progress_told(step: Progress) -> tuple[int, int, str]:
    """Keys seen, of how many, and the rest in words."""
    return (
        step.keys,
        step.total,
        f"{step.sessions:,} sessions, {step.messages:,} messages, {step.found:,} found",
    )


def _print_seen(report: Report, console: Console) -> None:
    """What was read, what was looked at and held no messages, and what could hold some and was not read."""
    read = ", ".join(f"{name} {count:,}" for name, count in report.layouts.most_common())
    if read:
        console.print(f"Read: {read} sessions.")
    if report.endless:
        console.print(f"{report.endless:,} of them never expire.")
    seen = report.seen
    if seen.nothing:
        kinds = (
            f"{kind} {count:,} ({line(', '.join(seen.names[kind][:3]), 60)})" for kind, count in seen.nothing.items()
        )
        console.print(Text(f"Not recognised, without messages: {', '.join(kinds)}."))
    if seen.doubtful:
        what = "key could hold messages, and is" if seen.doubtful == 1 else "keys could hold messages, and are"
        console.print(Text(f"{seen.doubtful:,} {what} not read:", style=COLOURS["high"]))
        for one in seen.unread[:LISTED]:
            console.print(Text(f"  {line(one.key, 60)}  {one.type}: {line(one.why)}"))
    if not report.complete or report.sessions or seen.doubtful:
        return
    if not report.whole:
        console.print("There are no sessions of this format. `--format auto` looks at every key.")
    else:
        console.print(
            "There are no keys: check the address, and the number of the database."
            if not seen.keys
            else f"None of {seen.keys:,} keys holds chat histories: check the address, and the database."
        )


def print_report(report: Report, console: Console) -> None:
    for kind, (severity, what) in KINDS.items():
        if not report.counts[kind]:
            continue
        console.print(Text(f"{kind}: {report.counts[kind]:,}  {severity}: {what}", style=COLOURS[severity]))
        of_kind = [one for one in report.findings if one.kind == kind]
        for one in of_kind[:LISTED]:
            how = "" if one.certain else "suspected: "
            console.print(Text(f"  {line(one.sessions[0], 20)}  {how}{line(one.explanation)}"))
        if report.counts[kind] > LISTED:
            console.print(Text(f"  … and {report.counts[kind] - LISTED:,} more; --json lists a thousand per kind."))
    for canary in report.canaries:
        sessions = len({one.session for one in canary.sightings})
        console.print(Text(f"{line(canary.text)!r}: seen {canary.seen} times in {sessions} sessions."))
    end = "" if report.complete else ", stopped early"
    console.print(
        f"{report.verdict}: {report.sessions:,} sessions, {report.messages:,} messages, {report.bytes:,} bytes "
        f"in {report.seconds:.1f} s{end}."
    )
    if report.sealed:
        console.print(f"{report.sealed:,} elements are encrypted with a key that is not here, or in a form not read.")
    _print_seen(report, console)
    typer.echo(report.load, err=True)
