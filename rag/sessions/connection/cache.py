"""A few connections kept at hand: taking one from redis-py's blocking pool costs as much as a whole round trip.

They belong to the pool, which counts them as in use, so its bound holds. They are given back as soon as anybody here
waits for one, and when they lay idle, because only the pool tries idle connections before it hands them out. Whoever
uses a connection leaves it clean, or disconnected: replies are always read, so nobody gets another's.
"""

# mypy: disable-error-code="no-untyped-call"
# (of redis-py)

from __future__ import annotations

from collections import deque
from contextlib import suppress
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary, ref

from redis.connection import ConnectionPool

from rag.sessions.fork import reset_in_children

_MOST = 4
_SHARE = 8
_IDLE = 10.0


class ConnectionCache:
    """Of one pool, which whoever calls it keeps alive. Thread-safe."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = ref(pool)
        self._most = min(_MOST, int(getattr(pool, "max_connections", 0)) // _SHARE)
        self.reset_after_fork()
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        self._free: deque[tuple[Any, float]] = deque()
        self._waiting = 0

    def take(self) -> Any:
        while self._free:
            try:
                connection, until = self._free.pop()
            except IndexError:
                break
            if monotonic() < until and not connection.should_reconnect():
                return connection
            self._release(connection)
        pool = self._pool()
        if pool is None:
            raise ReferenceError("the pool is gone")
        self._waiting += 1
        try:
            return pool.get_connection()
        finally:
            self._waiting -= 1

    def give(self, connection: Any) -> None:
        # One that was cut is made again by the pool, which asks where the server is now.
        if self._waiting or len(self._free) >= self._most or not connection.is_connected:
            self._release(connection)
            while self._waiting and self._free:
                with suppress(IndexError):
                    self._release(self._free.popleft()[0])
        else:
            self._free.append((connection, monotonic() + _IDLE))

    def _release(self, connection: Any) -> None:
        if (pool := self._pool()) is not None:
            pool.release(connection)


_CACHES: WeakKeyDictionary[ConnectionPool, ConnectionCache] = WeakKeyDictionary()


def connection_cache(pool: ConnectionPool) -> ConnectionCache:
    """The one of this pool, shared by all stores on it."""
    return _CACHES.setdefault(pool, ConnectionCache(pool))
