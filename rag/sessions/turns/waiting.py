"""How a turn that waits for another one of its session learns that it is next.

Whoever ends a turn is told by the server who comes next. In the same process that one is woken directly; in another, by
a message on the channel that its token names. Both only save time: a waiter asks by itself as well, sooner the nearer
it is.

All stores on one client wait together: one name, one channel, and one connection to listen on, which is not of the
pool, so that those who wait take nothing from those whom they wait for.
"""

# mypy: disable-error-code="no-untyped-call"
# (of redis-py)

from __future__ import annotations

import asyncio
import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary, WeakSet, ref

import redis
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster

from rag.sessions.connection.connect import AsyncClient, Client
from rag.sessions.fork import reset_in_children
from rag.sessions.protocol.requests import SessionProtocol
from rag.sessions.protocol.steps import Awaiting, Blocking, Steps, operation

_STEP, _LONGEST = 0.015, 0.4
_IDLE = 1.0

E = TypeVar("E", threading.Event, asyncio.Event)


def pause(before: int) -> float:
    """Seconds until a waiter with so many before it asks again."""
    return min(_STEP * (before + 1), _LONGEST) * random.uniform(0.8, 1.2)  # noqa: S311 (not a secret)


class _Waiters(Generic[E]):
    """What sync and async have in common. Holds tokens only, and no client longer than others do. Thread-safe."""

    _event: type[E]
    _sleep: Any

    def __init__(self, client: Client | AsyncClient) -> None:
        self._client = ref(client)
        self._named: WeakSet[SessionProtocol] = WeakSet()
        self.reset_after_fork()
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        self._lock = threading.Lock()
        self._listener: Any = None
        self._waiting: dict[str, E] = {}
        # A child's own: messages for its waiters are not its parent's, who would not pass them on.
        self.name = os.urandom(4).hex()
        for protocol in self._named:
            protocol.name = self.name

    def enlist(self, protocol: SessionProtocol) -> None:
        """From now on its tokens are woken here."""
        protocol.name = self.name
        self._named.add(protocol)

    def wake(self, token: str) -> None:
        """Does nothing if this one does not wait here."""
        if token and (woken := self._waiting.get(token)):
            woken.set()

    @contextmanager
    def waiting(self, token: str) -> Iterator[None]:
        with self._lock:
            self._waiting[token] = self._event()
            self._listener = self._listening()
        try:
            yield
        finally:
            with self._lock:
                del self._waiting[token]

    def _listening(self) -> Any:
        """Who listens, or a new one that does."""
        raise NotImplementedError

    @operation
    def _listen(self) -> Steps[None]:
        while self._anyone():
            # A server that is away, an account that may not subscribe, a client that was closed, for which redis-py
            # raises what it happens to: then asking by itself has to do.
            with suppress(Exception):
                yield from self._hear()
                return
            yield self._sleep(_IDLE)

    def _hear(self) -> Steps[None]:
        connection = self._connection()
        try:
            yield connection.connect()
            yield connection.send_command("SUBSCRIBE", f"turns:{self.name}")
            while self._anyone():
                message = yield self._next(connection)
                if message is not None and message[0] == b"message":
                    self.wake(message[2].decode())
        finally:
            yield connection.disconnect(nowait=True)

    def _next(self, connection: Any) -> Any:
        """The next message, or None if there is none for a while."""
        raise NotImplementedError

    def _anyone(self) -> bool:
        with self._lock:
            if not self._waiting:
                self._listener = None
            return bool(self._waiting)

    def _connection(self) -> Any:
        """A new one, like those of the pool."""
        client = self._client()
        if isinstance(client, AsyncRedisCluster):
            node = random.choice(client.get_nodes())  # noqa: S311 (not a secret)
            return node.connection_class(**node.connection_kwargs)
        if isinstance(client, redis.RedisCluster):
            client = client.get_redis_connection(client.get_random_node())
        if client is None:
            raise ReferenceError("the client is gone")
        pool: Any = client.connection_pool
        return pool.connection_class(**pool.connection_kwargs)


class Waiters(_Waiters[threading.Event], Blocking):
    """The waiting turns of a client."""

    _event = threading.Event

    def wait(self, token: str, seconds: float) -> None:
        """Until it is woken, or for so long."""
        woken = self._waiting[token]
        woken.wait(seconds)
        woken.clear()

    def _listening(self) -> threading.Thread:
        thread: threading.Thread | None = self._listener
        if thread is None or not thread.is_alive():
            thread = threading.Thread(target=self._listen, name="turn-waiters", daemon=True)
            thread.start()
        return thread

    def _next(self, connection: Any) -> Any:
        if connection.can_read(_IDLE):
            return connection.read_response(disable_decoding=True, push_request=True)
        return None


class AsyncWaiters(_Waiters[asyncio.Event], Awaiting):
    """The same for an async client and its event loop."""

    _event = asyncio.Event

    async def wait(self, token: str, seconds: float) -> None:
        woken = self._waiting[token]
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await woken.wait()
        woken.clear()

    def _listening(self) -> asyncio.Task[None]:
        loop = asyncio.get_running_loop()
        task: asyncio.Task[None] | None = self._listener
        if task is None or task.done() or task.get_loop() is not loop:
            task = loop.create_task(self._listen())
        return task

    def _next(self, connection: Any) -> Any:
        return connection.read_response(disable_decoding=True, timeout=_IDLE, push_request=True)


_WAITERS: WeakKeyDictionary[Client | AsyncClient, Waiters | AsyncWaiters] = WeakKeyDictionary()


def waiters(client: Client | AsyncClient) -> Waiters | AsyncWaiters:
    """Those of this client, shared by all stores on it."""
    kind = AsyncWaiters if isinstance(client, redis.asyncio.Redis | AsyncRedisCluster) else Waiters
    return _WAITERS.get(client) or _WAITERS.setdefault(client, kind(client))
