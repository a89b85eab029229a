"""`bench scale --part sessions`: what live sessions cost, and whether a turn takes longer where there are more of them.

Sessions of five turns are on an embedded server; then one thread takes turns in sessions that are chosen at random, so
with many of them the history is hardly ever in this process's memory.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from time import perf_counter

import psutil

from rag.inspector.bench import fill
from rag.sessions import SessionStore, connect
from rag.sessions.bench import PAIR
from rag.sessions.connection.connect import Client

LEVELS = (10, 100, 1_000, 10_000)
FULL = (*LEVELS, 100_000)
TURNS = 5
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """redis_bytes: of the server's memory a live session; app_bytes: by which this process grew meanwhile, in all.
    rate: turns a second in one thread; p50, p99: seconds of a turn."""

    sessions: int
    redis_bytes: float
    app_bytes: int
    rate: float
    p50: float
    p99: float


def run(
    folder: Path, levels: Sequence[int] = LEVELS, *, seconds: float = 3.0, progress: Callable[[str], None]
) -> Iterator[Row]:
    """folder: scratch; each level begins with an empty server."""
    for sessions in levels:
        with closing(connect("embedded", state_dir=folder / str(sessions), timeout=60)) as client:
            store = SessionStore(client)
            store.info("nobody")  # what the first use loads is not of the sessions
            empty = _used(client)
            progress(f"{sessions:,} live sessions: writing")
            ids = fill(client, store, sessions, TURNS)
            redis_bytes = (_used(client) - empty) / sessions
            progress(f"{sessions:,} live sessions: turns")
            yield _level(store, ids, redis_bytes, seconds)


def _level(store: SessionStore, ids: Sequence[str], redis_bytes: float, seconds: float) -> Row:
    chance, me = random.Random(1), psutil.Process()  # noqa: S311 - the same choice each time
    before = me.memory_info().rss
    took: list[float] = []
    begun = perf_counter()
    while (began := perf_counter()) - begun < seconds or len(took) < 2:
        with store.turn(chance.choice(ids)) as turn:
            turn.commit(PAIR)
        took.append(perf_counter() - began)
    elapsed = perf_counter() - begun
    percentiles = quantiles(took, n=100, method="inclusive")
    grown = max(0, me.memory_info().rss - before)
    return Row(len(ids), redis_bytes, grown, len(took) / elapsed, percentiles[49], percentiles[98])


def extrapolated(rows: Sequence[Row], every: float = 60.0) -> list[str]:
    """What a million live sessions would need, by the largest level; every: seconds between two turns of one."""
    last = max(rows, key=lambda row: row.sessions)
    memory, rate = last.redis_bytes * MILLION, MILLION / every
    return [
        f"By the {last.sessions:,} that were measured, a million live sessions of {TURNS} turns take "
        f"{memory / 1e9:,.1f} GB of Redis.",
        f"If each asks once in {every:.0f} s, that is {rate:,.0f} turns a second: {rate / last.rate:,.1f} times what "
        "one thread stores here.",
    ]


def _used(client: Client) -> int:
    return int(client.info("memory")["used_memory"])
