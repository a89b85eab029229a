"""`bench scale --part processes`: 1, 2 and 4 processes over 1 to 3 masters of a Redis Cluster.

Of two kinds: the whole application with the offline model, asked over HTTP by 20 browsers as `bench served` does, and
processes that do nothing but store turns, which ask a master for the most that they can. Every process, master and load
shares the cores of this machine, so what is measured beside turns is whose time they take.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median, quantiles
from typing import IO, cast

import psutil

from rag.errors import CrosswireError
from rag.resources import child_environment
from rag.web.bench.served import TURNS, Ask, asking
from rag.web.bench.servers import Server, cluster, cluster_url
from rag.web.bench.serving import APP, Party, processor_seconds, serving

APPLICATION, STORE = "application", "store alone"
PROCESSES, MASTERS = (1, 2, 4), (1, 2, 3)
CLIENTS = 20
MILLION = 1_000_000
SESSIONS = 200
"""Of each process that only stores."""


@dataclass(frozen=True, slots=True)
class Row:
    """Medians of the slices. rate: turns a second; p50, p99: seconds. Processor seconds a turn: of the processes, of
    all masters together, of the busiest one. busy: how much of all cores was in use, by anybody."""

    what: str
    processes: int
    masters: int
    rate: float
    p50: float
    p99: float
    process_cpu: float
    redis_cpu: float
    busiest_cpu: float
    busy: float


def run(
    folder: Path,
    questions: Sequence[str],
    *,
    processes: Sequence[int] = PROCESSES,
    masters: Sequence[int] = MASTERS,
    slices: int = 3,
    seconds: float = 2.0,
    progress: Callable[[str], None],
) -> Iterator[Row]:
    """folder: scratch. Raises CrosswireError where something does not start or answers wrongly."""
    for count in masters:
        yield from store_alone(folder, count, processes, slices, seconds, progress)
        yield from _application(folder, questions, count, processes, slices, seconds, progress)


def store_alone(
    folder: Path, masters: int, processes: Sequence[int], slices: int, seconds: float, progress: Callable[[str], None]
) -> Iterator[Row]:
    with ExitStack() as stack:
        servers = stack.enter_context(cluster(folder, masters))
        progress(f"{masters} masters: starting {max(processes)} processes that store")
        urls = [cluster_url(servers)] * max(processes)
        storing = [stack.enter_context(_Storing(url, f"s{number}")) for number, url in enumerate(urls)]
        for count in processes:
            progress(f"{masters} masters, {count} processes: store alone")
            yield _medians([_stored(storing[:count], servers, seconds) for _ in range(slices)])


def _application(
    folder: Path,
    questions: Sequence[str],
    masters: int,
    processes: Sequence[int],
    slices: int,
    seconds: float,
    progress: Callable[[str], None],
) -> Iterator[Row]:
    conversations = [list(questions[start : start + TURNS]) for start in range(0, len(questions) - TURNS + 1, TURNS)]
    with ExitStack() as stack:
        servers = stack.enter_context(cluster(folder, masters))
        more, parties = {"REDIS_URL": cluster_url(servers), "CANARY_PROBE": "false"}, list[Party]()
        for number in range(max(processes)):
            progress(f"{masters} masters: starting application {number + 1} of {max(processes)}")
            parties.append(stack.enter_context(serving(APPLICATION, APP, folder, more)))
        ask = stack.enter_context(asking(conversations))
        for party in parties:
            progress(f"{masters} masters: warming up")
            ask(party, 1, None)
        for count in processes:
            progress(f"{masters} masters, {count} processes: application")
            party = replace(parties[0], others=tuple(parties[1:count]))
            yield _medians([_asked(ask, party, servers, seconds) for _ in range(slices)])


class _Storing:
    """A process of `storing.py`."""

    def __init__(self, url: str, name: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603 (our own)
            [sys.executable, "-P", "-m", "rag.web.bench.scaling.storing", url, name, str(SESSIONS)],
            env=child_environment(),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.seen = psutil.Process(self.process.pid)

    def line(self) -> str:
        found = cast(IO[str], self.process.stdout).readline()
        if not found:
            raise CrosswireError("A process that stores has ended. Run it again.")
        return found

    def begin(self, seconds: float) -> None:
        jobs = cast(IO[str], self.process.stdin)
        jobs.write(f"{seconds}\n")
        jobs.flush()

    def __enter__(self) -> _Storing:
        try:
            self.line()  # ready
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def _stored(storing: Sequence[_Storing], servers: Sequence[Server], seconds: float) -> Row:
    use = _Use(servers, [one.seen for one in storing])
    for one in storing:
        one.begin(seconds)
    took = [seconds for one in storing for seconds in json.loads(one.line())]
    return use.row(STORE, len(storing), took, len(took) / seconds)


def _asked(ask: Ask, party: Party, servers: Sequence[Server], seconds: float) -> Row:
    own = [one.process for one in (party, *party.others)]
    use = _Use(servers, own)
    result = ask(party, CLIENTS, seconds)
    return use.row(APPLICATION, len(own), result.latencies, result.in_time / seconds)


class _Use:
    """Of the processor, from when it is made."""

    def __init__(self, servers: Sequence[Server], processes: Sequence[psutil.Process]) -> None:
        self.servers, self.processes = servers, processes
        self.before = [server.cpu for server in servers], sum(map(processor_seconds, processes))
        psutil.cpu_percent()

    def row(self, what: str, processes: int, took: Sequence[float], rate: float) -> Row:
        busy = psutil.cpu_percent() / 100
        turns = max(len(took), 1)
        redis = [server.cpu - before for server, before in zip(self.servers, self.before[0], strict=True)]
        own = sum(map(processor_seconds, self.processes)) - self.before[1]
        percentiles = quantiles([*took, 0.0], n=100, method="inclusive")
        return Row(
            what,
            processes,
            len(self.servers),
            rate,
            percentiles[49],
            percentiles[98],
            own / turns,
            sum(redis) / turns,
            max(redis) / turns,
            busy,
        )


def _medians(slices: Sequence[Row]) -> Row:
    figures = ("rate", "p50", "p99", "process_cpu", "redis_cpu", "busiest_cpu", "busy")
    return replace(slices[0], **{name: median(getattr(one, name) for one in slices) for name in figures})


def knee(rows: Sequence[Row]) -> list[str]:
    """Where more brings no more, and what is used up there."""
    told, cores = [], os.cpu_count() or 1
    for what in (APPLICATION, STORE):
        mine = [row for row in rows if row.what == what]
        if not mine:
            continue
        best = max(mine, key=lambda row: row.rate)
        first = next(row for row in mine if row.rate >= 0.9 * best.rate)
        where = f"{_counted(first.processes, 'process')} and {_counted(first.masters, 'master')}"
        told.append(
            f"Measured, {what}: {where} come within a tenth of the most ({best.rate:,.0f} turns/s), with "
            f"{first.busy:.0%} of {cores} cores in use."
        )
    return told


def extrapolated(rows: Sequence[Row], sessions: int = MILLION, every: float = 60.0) -> list[str]:
    """What so many sessions need that ask once in `every` seconds, by the least processor time that a turn took."""
    rate = sessions / every
    told = [f"Extrapolated: {sessions:,} sessions that ask once in {every:.0f} s take {rate:,.0f} turns a second."]
    for what in (APPLICATION, STORE):
        if mine := [row.process_cpu for row in rows if row.what == what]:
            used = min(mine)
            told.append(
                f"Extrapolated, {what}: {used * 1e6:,.0f} µs of a process a turn, {1 / used:,.0f} turns/s a core, "
                f"{rate * used:,.1f} cores."
            )
    for masters in sorted({row.masters for row in rows}):
        if mine := [row.busiest_cpu for row in rows if row.masters == masters and row.what == STORE]:
            used = min(mine)
            told.append(
                f"Extrapolated, {_counted(masters, 'master')}: {used * 1e6:,.0f} µs of the busiest one a turn, "
                f"{1 / used:,.0f} turns/s at most."
            )
    return told


def _counted(count: int, noun: str) -> str:
    plural = "es" if noun.endswith("s") else "s"
    return f"{count} {noun}{plural if count > 1 else ''}"
