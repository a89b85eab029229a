"""`bench stores`: the same turns in every store: read the last 40 messages, store a question and its answer.

128 sessions hold 100 messages each when the clock starts. One thread has all of them, then 16 share them. Before that,
two tabs of one session, where each turn says what it saw last: a store that does not hold the session lets turns go by
unseen.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import quantiles
from time import perf_counter

from langchain_core.messages import BaseMessage

from rag.sessions.bench import ANSWER, QUESTION
from rag.web.bench.servers import NotInstalled
from rag.web.bench.stores import on_redis, on_sql
from rag.web.bench.stores.base import LAST, Bench, Store, pair

MESSAGES = 100
SESSIONS = 128
"""So many that they hardly grow while the clock runs."""
THREADS = (1, on_sql.THREADS)
TABS, TURNS = 2, 9
THINKING = 0.002
"""Seconds of a model, where two tabs ask it."""

KINDS: Sequence[Callable[[Bench], Iterator[Store]]] = (
    on_redis.stores,
    on_sql.on_postgres,
    on_sql.on_mariadb,
    on_sql.on_sqlite,
)


@dataclass(frozen=True, slots=True)
class Row:
    """rate: turns a second; read, write: median seconds of each; p99: seconds of a turn. missed: of the 18 turns of two
    tabs, how many were answered without the one that is stored before them."""

    database: str
    store: str
    threads: int
    rate: float
    read: float
    write: float
    p99: float
    flushed: str
    missed: int


def run(
    folder: Path,
    *,
    seconds: float = 2.0,
    kinds: Sequence[Callable[[Bench], Iterator[Store]]] = KINDS,
    progress: Callable[[str], None],
    left_out: Callable[[str], object],
) -> Iterator[Row]:
    """folder: scratch. left_out: is told in one line of each that is not installed."""
    for kind in kinds:
        with ExitStack() as stack:
            try:
                for store in kind(Bench(folder, stack)):
                    yield from _rows(store, seconds, progress)
            except NotInstalled as exc:
                left_out(str(exc))


def _rows(store: Store, seconds: float, progress: Callable[[str], None]) -> Iterator[Row]:
    progress(f"{store.version}, {store.name}: two tabs")
    missed = two_tabs(store)
    for threads in THREADS:
        progress(f"{store.version}, {store.name}: {threads} threads")
        yield _row(store, threads, seconds, missed)


def _row(store: Store, threads: int, seconds: float, missed: int) -> Row:
    sessions = [[f"{threads}-{number}-{which}" for which in range(SESSIONS // threads)] for number in range(threads)]
    said = [QUESTION, ANSWER] * (MESSAGES // 2)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda own: [store.write(session, said) for session in own], sessions))
        begun = perf_counter()
        taken = list(pool.map(lambda own: _turns(store, own, begun + seconds), sessions))
        elapsed = perf_counter() - begun
    took = [one for own in taken for one in own]
    reads, writes = ([one[part] for one in took] for part in (1, 2))
    return Row(
        store.version,
        store.name,
        threads,
        len(took) / elapsed,
        _median(reads),
        _median(writes),
        quantiles([one[0] for one in took] * 2, n=100, method="inclusive")[98],
        store.flushed,
        missed,
    )


def _median(seconds: Sequence[float]) -> float:
    return sorted(seconds)[len(seconds) // 2]


def _turns(store: Store, sessions: Sequence[str], until: float) -> list[tuple[float, float, float]]:
    """Seconds of each turn, until its read was done, and from then on. Raises ValueError for a wrong read."""
    took: list[tuple[float, float, float]] = []
    for number in count():
        begun = perf_counter()
        if begun >= until and took:
            return took
        middle = 0.0

        def answer(found: list[BaseMessage]) -> Sequence[BaseMessage]:
            nonlocal middle
            middle = perf_counter()
            if len(found) != LAST or not all(one.content for one in found):
                raise ValueError(f"{store.name} read {len(found)} messages of {LAST}: its figures would mean nothing")
            return [QUESTION, ANSWER]

        store.turn(sessions[number % len(sessions)], answer)
        ended = perf_counter()
        took.append((ended - begun, middle - begun, ended - middle))
    raise AssertionError


def two_tabs(store: Store) -> int:
    """How many turns of one session in two tabs had not seen the turn that is stored before them."""
    session, ready = "tabs", threading.Barrier(TABS)
    store.write(session, pair("first", "first"))

    def tab(name: int) -> None:
        ready.wait()
        for number in range(TURNS):

            def answer(found: list[BaseMessage], number: int = number) -> Sequence[BaseMessage]:
                time.sleep(THINKING)
                return pair(f"after {found[-1].content if found else ''}", f"{name}.{number}")

            store.turn(session, answer)

    with ThreadPoolExecutor(TABS) as pool:
        list(pool.map(tab, range(TABS)))
    return unseen(store.read(session))


def unseen(messages: Sequence[BaseMessage]) -> int:
    """Of the questions but the first, how many do not name the answer before them."""
    texts = [str(message.content) for message in messages]
    questions = [place for place, text in enumerate(texts) if text.startswith("after ") and place]
    return sum(texts[place] != f"after {texts[place - 1]}" for place in questions)
