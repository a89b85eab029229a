"""`bench scale --part ways`: ways to share sessions out, weighed with the same turns.

Four processes of an application are four stores here, each with a connection and copies of its own, and one thread
takes turns at them: what differs is who gets a session's turn (routing), which server has its keys (sharding), and
what is waited for and read from replicas (replication). Sessions have ten turns when the clock starts. Of ways with
a replica a failover is made: it is cut off, turns are taken, the master is killed, and the replica takes over.
"""

from __future__ import annotations

import hashlib
import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import quantiles
from time import perf_counter

from rag.errors import CrosswireError, SessionStoreUnavailable
from rag.sessions import Replication, SessionStore, connect
from rag.sessions.bench import PAIR
from rag.sessions.connection.replication import NONE
from rag.web.bench.servers import Server, cluster, cluster_url, plain

PROCESSES, SESSIONS, TURNS = 4, 200, 10
IN_FAILOVER = 20
"""Turns that are taken while the replica is cut off."""
PATIENCE = 0.05
"""Seconds that a turn waits for its replica, where the failover is made."""

Route = Callable[[str, int, Sequence[int]], int]
"""From a session, a running number and the processes there are to one of them."""


def any_process(_: str, number: int, processes: Sequence[int]) -> int:
    return processes[number % len(processes)]


def by_remainder(session: str, _: int, processes: Sequence[int]) -> int:
    return processes[_hash(session) % len(processes)]


def by_rendezvous(session: str, _: int, processes: Sequence[int]) -> int:
    """Highest random weight (Thaler and Ravishankar 1998): who goes takes only its own sessions along."""
    return max(processes, key=lambda process: _hash(f"{process} {session}"))


@dataclass(frozen=True, slots=True)
class Way:
    name: str
    masters: int = 1
    route: Route = by_rendezvous
    replica: bool = False
    replication: Replication = NONE
    reading: bool = False


WAYS = (
    Way("sticky, token"),
    Way("token, remainder", route=by_remainder),
    Way("any process", route=any_process),
    Way("3 masters", masters=3),
    Way("replica", replica=True),
    Way("WAIT 1, warn", replica=True, replication=Replication(wait=1)),
    Way("WAIT 1, fail", replica=True, replication=Replication(wait=1, strict=True)),
    Way("replica is read", replica=True, reading=True),
)


@dataclass(frozen=True, slots=True)
class Row:
    """rate: turns a second in one thread; p50, p99: seconds. looks: histories read a second by who takes no turn.
    read: bytes that masters sent to stores, a turn. copies: bytes that all processes keep of these sessions. moved:
    share of sessions that get another process when one of four goes. acknowledged, lost: turns around a failover.
    None: there is no such thing."""

    way: str
    rate: float
    p50: float
    p99: float
    looks: float
    read: float
    copies: int
    moved: float | None
    acknowledged: int | None
    lost: int | None


def run(
    folder: Path, ways: Sequence[Way] = WAYS, *, seconds: float = 2.0, progress: Callable[[str], None]
) -> Iterator[Row]:
    """folder: scratch."""
    for way in ways:
        progress(way.name)
        with cluster(folder, way.masters, replica=way.replica) as servers, ExitStack() as stack:
            yield _row(way, servers, stack, seconds)


def _row(way: Way, servers: Sequence[Server], stack: ExitStack, seconds: float) -> Row:
    masters, url = servers[: way.masters], cluster_url(servers)
    stores = [_store(url, way.replication, way.reading, stack) for _ in range(PROCESSES)]
    sessions, everybody, chance = [f"session-{n}" for n in range(SESSIONS)], range(PROCESSES), random.Random(1)  # noqa: S311
    for session in sessions:
        stores[way.route(session, 0, everybody)].append(session, list(PAIR) * TURNS)
    for number in range(2 * PROCESSES):  # every process has seen what it is going to be asked for
        for session in sessions:
            stores[way.route(session, number, everybody)].messages(session)
    took: list[float] = []
    before, until = _sent(masters), perf_counter() + seconds
    while (begun := perf_counter()) < until or len(took) < 2:
        session = chance.choice(sessions)
        with stores[way.route(session, len(took), everybody)].turn(session) as turn:
            turn.commit(PAIR)
        took.append(perf_counter() - begun)
    read = (_sent(masters) - before) / len(took)
    percentiles = quantiles(took, n=100, method="inclusive")
    copies = sum(store.protocol.cache.size for store in stores)
    looker = _store(url, way.replication, way.reading, stack)
    for session in sessions:
        looker.messages(session)
    looks, until = 0, (begun := perf_counter()) + seconds / 2
    while perf_counter() < until or not looks:
        looker.messages(sessions[looks % SESSIONS])
        looks += 1
    looked = looks / (perf_counter() - begun)
    acknowledged, lost = _failover(way, servers, stack) if way.replica else (None, None)
    shares = percentiles[49], percentiles[98], looked, read, copies, moved(way.route, sessions)
    return Row(way.name, len(took) / sum(took), *shares, acknowledged, lost)


def moved(route: Route, sessions: Sequence[str]) -> float | None:
    """The share of sessions whose next turn is another process's when the last one of all goes."""
    if route is any_process:
        return None
    all_of_them, others = range(PROCESSES), range(PROCESSES - 1)
    return sum(route(one, n, all_of_them) != route(one, n, others) for n, one in enumerate(sessions)) / len(sessions)


def _store(url: str, replication: Replication, reading: bool, stack: ExitStack) -> SessionStore:
    client = connect(url)
    stack.callback(client.close)
    if reading:
        replication = replace(replication, reads=connect(url, replicas=True))
    store = SessionStore(client, replication=replication)
    stack.callback(store.close)
    return store


def _sent(masters: Sequence[Server]) -> int:
    """Bytes that went to clients, and not to replicas."""
    total = 0
    for master in masters:
        with plain(master.port) as client:
            stats = client.info("stats")
        total += int(stats["total_net_output_bytes"]) - int(stats.get("total_net_repl_output_bytes", 0))
    return total


def _failover(way: Way, servers: Sequence[Server], stack: ExitStack) -> tuple[int, int]:
    """How many turns were acknowledged while the replica was cut off, and how many of them the replica has not."""
    master, replica = servers
    writer = _store(cluster_url([master]), replace(way.replication, seconds=PATIENCE), False, stack)
    writer.append("failover", PAIR)
    with plain(replica.port) as client:
        client.config_set("masterauth", "wrong")
        client.client_kill_filter(_type="master")
        acknowledged = 0
        with _silent():
            for _ in range(IN_FAILOVER):
                try:
                    writer.append("failover", PAIR)
                except CrosswireError:
                    continue
                acknowledged += 1
        master.process.kill()
        client.execute_command("CLUSTER", "FAILOVER", "TAKEOVER")
    found = len(_messages(cluster_url([replica]), "failover")) // 2 - 1
    return acknowledged, max(0, acknowledged - found)


def _messages(url: str, session: str) -> list[object]:
    deadline = time.monotonic() + 20
    while True:
        try:
            with closing(connect(url)) as client:
                return list(SessionStore(client).messages(session))
        except SessionStoreUnavailable:  # it takes a moment to know that it is the master
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@contextmanager
def _silent() -> Iterator[None]:
    """Twenty lines about twenty turns that no replica has are the point here, and nothing to look at."""
    log = logging.getLogger("rag.sessions.operations")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
