"""Replicas of the server: how many have to have a turn before it counts, and what they may be asked.

A turn begins and ends at the master, so what a model is shown is never old. Replicas answer only those who look at a
session. What is older than this process knows, or of a session that it changed a moment ago, is asked of the master
instead, and so is all of it for a while after a replica failed.
"""

# mypy: disable-error-code="no-untyped-call"
# (of redis-py)

from __future__ import annotations

import logging
import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import redis
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster
from redis.exceptions import SlotNotCoveredError

from rag.sessions.connection.pools import BoundedPool

LOG = logging.getLogger(__name__)
RECENT = 10.0
"""Seconds for which a session that was changed here is read from the master."""
REST = 5.0
"""Seconds for which all is read from the master after a replica failed."""


@dataclass(frozen=True, slots=True)
class Replication:
    """wait: how many replicas have to have a turn before its commit returns, within `seconds`. If too few had it: a
    line in the log or, where it is strict, TurnUnconfirmed. It is stored all the same; `turn.replicas` says how many.

    reads: a client that `connect(…, replicas=True)` made, for those who look at sessions.
    """

    wait: int = 0
    seconds: float = 1.0
    strict: bool = False
    reads: Any = None

    def __post_init__(self) -> None:
        if not 0 <= self.wait <= 16:
            raise ValueError(f"wait is {self.wait!r}: expected 0 to 16 replicas")
        if not 0.01 <= self.seconds <= 60:
            raise ValueError(f"seconds is {self.seconds!r}: expected 0.01 to 60")


NONE = Replication()


class Link(NamedTuple):
    """Where a connection comes from, and where it goes afterwards. Either may have to be awaited."""

    take: Callable[[], Any]
    give: Callable[[Any], Any]


def pooled(pool: Any) -> Link:
    kept = isinstance(pool, BoundedPool)
    return Link(pool.take, pool.give) if kept else Link(pool.get_connection, pool.release)


def clustered(client: Any) -> bool:
    return isinstance(client, redis.RedisCluster | AsyncRedisCluster)


def link_of(client: Any, key: str, *, replica: bool = False) -> Link:
    """To the master that holds this key, or one of its replicas where it has any. Raises SlotNotCoveredError."""
    if not clustered(client):
        return pooled(client.connection_pool)
    nodes = client.nodes_manager.slots_cache.get(client.keyslot(key))
    if not nodes:
        raise SlotNotCoveredError(f"no master has the slot of {key!r}")
    node = random.choice(nodes[1:]) if replica and len(nodes) > 1 else nodes[0]  # noqa: S311 (not a secret)
    if isinstance(client, AsyncRedisCluster):
        return Link(lambda: client.take(node), lambda connection: client.give(node, connection))  # type: ignore[attr-defined]
    pool = client.get_redis_connection(node).connection_pool
    return Link(pool.get_connection, pool.release)


class ReplicaReads:
    """When replicas are asked. Thread-safe."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self._resting_until = 0.0
        self._changed: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def changed(self, key: str) -> None:
        """A session that this is a key of may be another one from now on."""
        now = time.monotonic()
        with self._lock:
            self._changed[_tag(key)] = now
            self._changed.move_to_end(_tag(key))
            while now - next(iter(self._changed.values())) > RECENT:
                self._changed.popitem(last=False)

    def possible(self, key: str) -> bool:
        now = time.monotonic()
        return now >= self._resting_until and now - self._changed.get(_tag(key), -RECENT) >= RECENT

    def failed(self, why: str) -> None:
        self._resting_until = time.monotonic() + REST
        LOG.warning("A replica did not answer (%s). For %g s the master is asked instead.", why, REST)


def _tag(key: str) -> str:
    """What all keys of a session have in common."""
    return key.partition("{")[2].partition("}")[0]
