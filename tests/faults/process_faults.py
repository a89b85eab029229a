"""What can happen to the application's own processes and to Chroma's, behind nginx, on a cluster."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.fault import Fault, Sign
from tests.faults.redis_faults import READY
from tests.faults.world import World


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
    """Without a replica, so that a third of the sessions waits until it is back."""
    assert world.cluster is not None
    server = world.cluster.servers[1]
    server.kill()
    yield
    server.start()
    time.sleep(0.5)


def _starts(world: World) -> int:
    return sum(app.log().count("You can now view") for app in world.apps)


def _chroma_starts(world: World) -> int:
    assert world.chroma is not None
    return world.chroma.log().count("Connect to Chroma at")


def _cluster_starts(world: World) -> int:
    assert world.cluster is not None
    return sum(server.log().count(READY) for server in world.cluster.servers)


FAULTS = (
    Fault("a replica killed, started again", "processes", _replica_killed, Sign("starts", _starts)),
    Fault("rolling restart of all four", "processes", _rolling_restart, Sign("starts", _starts), seconds=0.5),
    Fault("one of three masters killed, started again", "processes", _cluster_master_killed,
        Sign("starts", _cluster_starts)),
    Fault("Chroma killed, started again", "library", _chroma_killed, Sign("starts", _chroma_starts)),
)  # fmt: skip
