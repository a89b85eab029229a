"""`python -m rag bench scale`: how many sessions, processes, masters, and operations at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, NamedTuple

import typer

from rag.commands.benchmarks.scratch import known_questions, milliseconds, scratch
from rag.commands.options import JsonFile, Rounds, Seconds, TableFile, give
from rag.errors import CrosswireError
from rag.web.bench import page
from rag.web.bench.scaling import at_once, levels, processes, ways
from rag.web.bench.servers import NotInstalled


class Part(StrEnum):
    SESSIONS = "sessions"
    PROCESSES = "processes"
    WAYS = "ways"
    AT_ONCE = "at-once"


def scale(
    part: Annotated[
        Part,
        typer.Option(
            "--part",
            help="sessions: what each costs. processes: over masters. ways: to share them out. at-once: 10,000 turns.",
        ),
    ] = Part.SESSIONS,
    full: Annotated[bool, typer.Option("--full", help="Up to 100,000 live sessions; a minute or two.")] = False,
    rounds: Rounds = 3,
    seconds: Seconds = 2.0,
    write: TableFile = None,
    json_file: JsonFile = None,
) -> None:
    """What a live session costs, whether a turn takes longer where there are more of them, and what more processes,
    masters and replicas bring.

    For processes on one embedded Redis: bench served --processes.
    """
    measured, command = page.Measured(), f"python -m rag bench scale --part {part}{' --full' if full else ''}"
    with scratch() as (folder, told):
        try:
            if part == Part.SESSIONS:
                found = _sessions(
                    levels.run(folder, levels.FULL if full else levels.LEVELS, seconds=seconds, progress=told)
                )
            elif part == Part.PROCESSES:
                questions = known_questions()
                found = _processes(processes.run(folder, questions, slices=rounds, seconds=seconds, progress=told))
            elif part == Part.WAYS:
                found = _ways(ways.run(folder, seconds=seconds, progress=told))
            else:
                found = _all_at_once(*asyncio.run(at_once.run(folder, progress=told)))
        except NotInstalled as exc:
            raise CrosswireError(str(exc).replace(", so it is left out", "")) from exc
    give(json_file, found.rows, found.heads, found.cells, found.notes, measured=str(measured))
    if write is not None:
        notes = "".join(f"\n{note}\n" for note in found.notes)
        page.write(write, f"scale {part}", command, measured, page.markdown(found.heads, found.cells) + notes)


class _Table(NamedTuple):
    heads: Sequence[str]
    rows: Sequence[object]
    cells: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


def _sessions(measured: Iterable[levels.Row]) -> _Table:
    heads = ("live sessions", "Redis bytes each", "app MB in all", "turns/s", "p50 ms", "p99 ms")
    rows = list(measured)
    return _Table(heads, rows, [_scaled(row) for row in rows], levels.extrapolated(rows))


def _processes(measured: Iterable[processes.Row]) -> _Table:
    heads = ("what", "processes", "masters", "turns/s", "p50 ms", "p99 ms", "CPU µs", "Redis µs", "busiest µs", "busy")
    rows = list(measured)
    return _Table(heads, rows, [_over(row) for row in rows], [*processes.knee(rows), *processes.extrapolated(rows)])


def _ways(measured: Iterable[ways.Row]) -> _Table:
    heads = ("way", "turns/s", "p50 ms", "p99 ms", "looks/s", "bytes read", "copies MB", "moved", "acked", "lost")
    rows = list(measured)
    return _Table(heads, rows, [_way(row) for row in rows])


def _all_at_once(rows: Sequence[at_once.Row], errors: Mapping[str, int]) -> _Table:
    heads = ("what", "under way", "held, says Redis", "connections", "seconds", "per second", "errors", "wrong")
    return _Table(heads, rows, [_at_once(row) for row in rows], [f"{count} × {what}" for what, count in errors.items()])


def _scaled(row: levels.Row) -> list[str]:
    sizes = f"{row.sessions:,}", f"{row.redis_bytes:,.0f}", f"{row.app_bytes / 1e6:,.1f}"
    return [*sizes, f"{row.rate:,.0f}", f"{row.p50 * 1e3:.2f}", f"{row.p99 * 1e3:.2f}"]


def _over(row: processes.Row) -> list[str]:
    times = f"{row.rate:,.0f}", milliseconds(row.p50), milliseconds(row.p99)
    costs = (f"{cpu * 1e6:,.0f}" for cpu in (row.process_cpu, row.redis_cpu, row.busiest_cpu))
    return [row.what, str(row.processes), str(row.masters), *times, *costs, f"{row.busy:.0%}"]


def _way(row: ways.Row) -> list[str]:
    times = f"{row.rate:,.0f}", milliseconds(row.p50), milliseconds(row.p99), f"{row.looks:,.0f}"
    sizes = f"{row.read:,.0f}", f"{row.copies / 1e6:,.1f}", "-" if row.moved is None else f"{row.moved:.0%}"
    return [row.way, *times, *sizes, *("-" if one is None else str(one) for one in (row.acknowledged, row.lost))]


def _at_once(row: at_once.Row) -> list[str]:
    held = "-" if row.held is None else f"{row.held:,}"
    rate = "-" if row.held is not None else f"{row.rate:,.0f}"
    counts = row.what, f"{row.under_way:,}", held, str(row.connections)
    return [*counts, f"{row.seconds:.1f}", rate, str(row.errors), str(row.wrong)]
