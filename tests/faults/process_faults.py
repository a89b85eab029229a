"""What can happen to the application's own processes and to Chroma's, behind nginx, on a cluster."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.faults.fault import Fault, Sign, noticed, repeated
from tests.faults.people.uploading import FOUND
from tests.faults.redis_faults import READY
from tests.faults.world import World
from tests.servers import wait_for

_COOKIE = re.compile(r"crosswire_\w+=[\w-]+")
PROMOTED = "Failover election won"


@contextmanager
def _replica_killed(world: World) -> Iterator[None]:
    world.apps[0].kill()
    yield
    world.apps[0].start()


@contextmanager
def _rolling_restart(world: World) -> Iterator[None]:
    """One after the other, by SIGTERM."""
    for app in world.apps:
        app.stop()
        app.start()
    yield


@contextmanager
def _chroma_killed(world: World) -> Iterator[None]:
    assert world.chroma is not None
    world.chroma.kill()
    yield
    world.chroma.start()


@contextmanager
def _cluster_master_killed(world: World) -> Iterator[None]:
    """Its replica may not be promoted, so that a third of the sessions waits until it is back."""
    assert world.cluster is not None
    server = world.cluster.servers[1]
    with world.cluster.replica_of(server).client() as replica:
        replica.config_set("cluster-replica-no-failover", "yes")
        server.kill()
        yield
        server.start()
        time.sleep(0.5)
        replica.config_set("cluster-replica-no-failover", "no")


@contextmanager
def _cluster_master_replaced(world: World) -> Iterator[None]:
    assert world.cluster is not None
    server = world.cluster.servers[0]
    replica = world.cluster.replica_of(server)
    server.kill()
    wait_for(lambda: PROMOTED in replica.log(), "a promotion", 30)
    yield
    server.start()


@contextmanager
def _cut(world: World) -> Iterator[None]:
    """Every connection on its way to nginx, each second."""

    def once() -> None:
        for front in world.fronts:
            front.cut()

    with repeated(once, 1.0):
        yield


@contextmanager
def _one_restarted(world: World) -> Iterator[None]:
    """Of those that are not uploaded to: each visitor searches on it, too, before and afterwards."""
    world.apps[-1].stop()
    yield
    world.apps[-1].start()


def _reconnected(name: str, *, elsewhere: bool) -> Callable[[World], int]:
    """How many websockets were opened by a browser that had one before: to that one's replica, or elsewhere."""

    def count(world: World) -> int:
        lines = (world.folder / name / "replicas").read_text(encoding="utf-8").splitlines()
        last: dict[str, str] = {}
        found = 0
        for path, replica, cookies in (line.split(" ", 2) for line in lines):
            if path == "/_stcore/stream" and (cookie := _COOKIE.search(cookies)):
                found += cookie[0] in last and (last[cookie[0]] != replica) == elsewhere
                last[cookie[0]] = replica
        return found

    return count


def _starts(world: World) -> int:
    return sum(app.log().count("You can now view") for app in world.apps)


def _chroma_starts(world: World) -> int:
    assert world.chroma is not None
    return world.chroma.log().count("Connect to Chroma at")


def _cluster_log(words: str) -> Callable[[World], int]:
    def count(world: World) -> int:
        assert world.cluster is not None
        return sum(server.log().count(words) for server in world.cluster.servers)

    return count


FAULTS = (
    Fault("a replica killed, started again", "processes", _replica_killed, Sign("starts", _starts)),
    Fault("rolling restart of all", "processes", _rolling_restart, Sign("starts", _starts), seconds=0.5),
    Fault("one of three masters killed, started again", "processes", _cluster_master_killed,
        Sign("starts", _cluster_log(READY))),
    Fault("one of three masters killed, its replica promoted", "processes", _cluster_master_replaced,
        Sign("promotions reported", _cluster_log(PROMOTED))),
    Fault("all connections cut each second, not sticky", "processes", _cut,
        Sign("pages reconnected elsewhere", _reconnected("spread", elsewhere=True)), seconds=5.0),
    Fault("all connections cut each second, sticky", "processes", _cut,
        Sign("pages reconnected there", _reconnected("sticky", elsewhere=False)), seconds=5.0, sticky=True),
    Fault("one restarted, uploads on another, searches on all", "library", _one_restarted,
        noticed(FOUND), uploads=True),
    Fault("Chroma killed, started again", "library", _chroma_killed, Sign("starts", _chroma_starts)),
)  # fmt: skip
