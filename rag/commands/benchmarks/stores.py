"""`python -m rag bench stores`: the stores that people weigh, asked for the same turns."""

from __future__ import annotations

from rag.commands.benchmarks.scratch import scratch
from rag.commands.options import JsonFile, Seconds, TableFile, give
from rag.web.bench import page
from rag.web.bench.stores import run as stores_bench

HEADS = ("database", "store", "threads", "turns/s", "read ms", "write ms", "p99 ms", "on disk", "unseen")


def stores(seconds: Seconds = 2.0, write: TableFile = None, json_file: JsonFile = None) -> None:
    """Redis, PostgreSQL, MariaDB, SQLite and a stream of events: read a session's last 40 messages, store a turn.

    unseen: of 18 turns of one session in two tabs, those that were answered without the one before them. What is not
    installed is left out, and said.
    """
    measured, left_out = page.Measured(), list[str]()
    with scratch() as (folder, told):
        rows = list(stores_bench.run(folder, seconds=seconds, progress=told, left_out=left_out.append))
    cells = [_cells(row) for row in rows]
    give(json_file, rows, HEADS, cells, left_out, measured=str(measured), left_out=left_out)
    if write is not None:
        lines = "".join(f"\n{line}\n" for line in left_out)
        page.write(write, "stores", "python -m rag bench stores", measured, page.markdown(HEADS, cells) + lines)


def _cells(row: stores_bench.Row) -> list[str]:
    times = (f"{seconds * 1e3:,.2f}" for seconds in (row.read, row.write, row.p99))
    return [row.database, row.store, str(row.threads), f"{row.rate:,.0f}", *times, row.flushed, str(row.missed)]
