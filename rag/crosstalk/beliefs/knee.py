"""Where a process stops to keep up: turns a second for more and more people at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from rag.crosstalk.beliefs.crowds import RIGHT
from rag.crosstalk.beliefs.results import Bench, Level, Measured
from rag.crosstalk.run.hosts import StrategyHost
from rag.crosstalk.run.watch import percentile
from rag.crosstalk.run.workload import Planned

PEOPLE = (4, 16, 64, 256, 1024)
"""At once, each with a session and a thread of their own."""
MORE = 1.2
"""Where four times as many people bring no more than this, there is nothing more to be had."""
MODEL = 0.05
"""Seconds that the model takes: a person could have 20 turns a second, were there nothing else."""
SECONDS = 1.0
"""Of each level."""
KEEPS_UP = 0.7
"""Of what the model alone would allow; a level below is past the knee."""


def knee(bench: Bench, million: int, seconds_apart: float) -> Measured:
    """The answer is yes where the process answers so many people, who ask so far apart."""
    levels: list[Level] = []
    most, flat = 0.0, False
    for level in levels_of(bench):
        levels.append(level)
        bench.tell(len(levels) / len(PEOPLE), f"{level.people} people at once: {level.rate:,.0f} turns a second")
        flat = level.rate < MORE * most
        most = max(most, level.rate)
        if bench.stop.is_set():
            return Measured(None, "It was stopped.", ())
        if flat:
            break
    needed = million / seconds_apart
    if not most or (not flat and most < needed):
        return Measured(None, "No end was found: more people still brought more turns.", (), tuple(levels))
    past = next((level for level in levels if level.rate < KEEPS_UP * level.people / MODEL), None)
    where = f" From {past.people} people at once on, they wait for it, not for the model alone." if past else ""
    told = (
        f"This process answers at most {most:,.0f} turns a second.{where} "
        f"{million:,} people who ask once in {seconds_apart:.0f} s need {needed:,.0f}."
    )
    rows = (
        ("turns a second", f"{most:,.0f} at most", f"{needed:,.0f} are needed"),
        (f"people who ask once in {seconds_apart:.0f} s", f"{most * seconds_apart:,.0f} at most", f"{million:,}"),
        ("processes like this one", "1", f"{-(-needed // most):,.0f}, before the store's own limit"),
    )
    return Measured(most >= needed, told, rows, tuple(levels))


def levels_of(bench: Bench) -> Iterator[Level]:
    with closing(StrategyHost(RIGHT, bench.lab, lambda _: "Noted.", None, bench.stop, lambda _: None)) as host:
        for people in PEOPLE:
            sessions = [f"knee-{people}-{number}" for number in range(people)]
            try:
                yield _level(bench.stop, host, sessions)
            finally:
                host.forget(sessions)


def _level(stop: threading.Event, host: StrategyHost, sessions: list[str]) -> Level:
    until = time.monotonic() + SECONDS

    def talk(session: str) -> list[float]:
        took = []
        while (begun := time.monotonic()) < until and not stop.is_set():
            served = host.serve(Planned(0, session, session, 0, 0, "Noted?", (), (), "library", MODEL, None))
            if served.end == "ok":
                took.append(time.monotonic() - begun)
        return took

    begun = time.monotonic()
    with ThreadPoolExecutor(len(sessions)) as pool:
        times = sorted(one for took in pool.map(talk, sessions) for one in took)
    return Level(len(sessions), len(times) / (time.monotonic() - begun), percentile(times, 0.95))
