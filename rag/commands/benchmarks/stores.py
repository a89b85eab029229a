"""`python -m rag bench stores`: the stores that people weigh, asked for the same turns."""

from __future__ import annotations

from rag.commands.benchmarks.scratch import milliseconds, scratch
from rag.commands.options import JsonFile, Seconds, TableFile, give
from rag.web.bench import page
from rag.web.bench.stores import run as stores_bench

HEADS = ("database", "store", "at once", "turns/s", "read ms", "write ms", "p99 ms", "unseen")


def stores(seconds: Seconds = 2.0, write: TableFile = None, json_file: JsonFile = None) -> None:
    """Redis, PostgreSQL, MariaDB, SQLite and a stream of events: read a session's last 40 messages, store a turn.

    unseen: of 18 turns of one session in two tabs, those that were answered without the one before them. What is not
    installed is left out, and said.
    """
    measured, left_out = page.Measured(), list[str]()
    with scratch() as (folder, told):
        rows = list(stores_bench.run(folder, seconds=seconds, progress=told, left_out=left_out.append))
    cells = [_cells(row) for row in rows]
    flushed = {row.database: row.flushed for row in rows}
    notes = [*(f"{name} flushes a turn to its disk {when}." for name, when in flushed.items()), *left_out]
    give(json_file, rows, HEADS, cells, notes, measured=str(measured), left_out=left_out)
    if write is not None:
        lines = "".join(f"\n{note}\n" for note in notes)
        page.write(write, "stores", "python -m rag bench stores", measured, page.markdown(HEADS, cells) + lines)


def _cells(row: stores_bench.Row) -> list[str]:
    times = map(milliseconds, (row.read, row.write, row.p99))
    return [row.database, row.store, str(row.threads), f"{row.rate:,.0f}", *times, str(row.missed)]
