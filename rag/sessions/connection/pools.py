"""Connections that are patient while they are made and strict afterwards.

Making a connection is repeated with jitter, because nothing can happen twice by it. A command never is: when its
reply is lost nobody knows whether it took effect, and redis-py's default (ten silent repetitions since 6.0) would
store a turn twice. Whoever knows that a command may be repeated does it himself.

A connection that lay idle is tried with a PING when it leaves the pool, and only there: redis-py's own health check
may reconnect in the middle of a use, and so lose a WATCH without a word.
"""

# mypy: disable-error-code="no-untyped-call, misc, call-arg"
# (redis-py leaves the constructors and most methods of its connections and pools without types; what `super()` is in
# a mixin is known only when it is mixed in)

from __future__ import annotations

import asyncio
import builtins
import contextlib
import os
import time
from collections.abc import Iterator
from queue import Empty
from typing import Any, ClassVar

import redis
import redis.asyncio.retry
import redis.asyncio.sentinel
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster
from redis.backoff import EqualJitterBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ConnectionError,
    MaxConnectionsError,
    NoPermissionError,
    ResponseError,
    TimeoutError,
)

from rag.sessions.embedded.server import EmbeddedServer
from rag.sessions.protocol.steps import Awaiting, Blocking, Steps, operation

FRESH_SECONDS = 10.0
HOPELESS = (AuthenticationError, AuthorizationError, MaxConnectionsError)


@contextlib.contextmanager
def refusing_writes() -> Iterator[None]:
    """Around a PING: a server whose disk is full refuses it, and goes on to answer those who read."""
    try:
        yield
    except ResponseError as exc:
        if not str(exc).startswith("MISCONF"):
            raise


class _Patient:
    patience: ClassVar[float] = 1.0
    """For how many seconds a refused connection is tried again."""

    fresh_until = 0.0
    """Until then it need not be looked at before it is used."""

    _retry: ClassVar[Any]
    _call: Any

    @operation
    def connect(self: Any) -> Steps[None]:
        if self.is_connected and self.health_check_interval and time.monotonic() > self.next_health_check:
            try:
                with refusing_writes():
                    yield self._send_ping()
            except (ConnectionError, TimeoutError):
                yield self.disconnect(nowait=True)
        if not self.is_connected:
            deadline = time.monotonic() + self.patience

            def worth_it(error: Exception) -> bool:
                hopeless = isinstance(error, HOPELESS) or not isinstance(error, ConnectionError)
                return not hopeless and time.monotonic() < deadline

            retry = self._retry(EqualJitterBackoff(cap=0.5, base=0.01), -1)
            yield retry.call_with_retry(self.attempt, lambda _: self.disconnect(nowait=True), worth_it)

    @operation
    def attempt(self) -> Steps[None]:
        yield super().connect()

    @operation
    def on_connect_check_health(self: Any, check_health: bool = True) -> Steps[None]:
        yield super().on_connect_check_health(check_health)
        # Says early whether this is Redis, wants a password, or is still loading its data.
        with contextlib.suppress(NoPermissionError), refusing_writes():
            yield self._send_ping()

    @operation
    def check_health(self) -> Steps[None]:
        """Nothing: see the module's docstring."""
        yield from ()


class _Embedded:
    """To the server of a STATE_DIR: makes sure that there is one before it calls it gone."""

    def __init__(self, *, server: EmbeddedServer, **options: Any) -> None:
        super().__init__(path="", **options)
        self.server = server

    @operation
    def attempt(self: Any) -> Steps[None]:
        self.path = yield self._call(self.server.address)
        try:
            yield super().attempt()
        except ConnectionError:
            yield self._call(self.server.ensure)
            raise


class PatientConnection(_Patient, Blocking):
    _retry = redis.retry.Retry


class AsyncPatientConnection(_Patient, Awaiting):
    _retry = redis.asyncio.retry.Retry


class _AsyncUnixConnection(redis.asyncio.connection.UnixDomainSocketConnection):
    async def _connect(self) -> None:
        # redis-py's own makes the handshake here too, before the one that follows, and turns every error of it
        # (a wrong password, no answer) into a ConnectionError that looks worth another try.
        async with asyncio.timeout(self.socket_connect_timeout):
            self._reader, self._writer = await asyncio.open_unix_connection(path=self.path)


def _connections(patient: type, library: Any, unix: type) -> dict[str, type]:
    """By the kind of address that they serve. library: redis-py's package of the sync or of the async ones."""
    connection, sentinel = library.connection, library.sentinel

    def kind(name: str, *bases: type, **more: float) -> type:
        return type(name, bases, more)

    return {
        "tcp": kind("Tcp", patient, connection.Connection),
        "tls": kind("Tls", patient, connection.SSLConnection),
        "unix": kind("Unix", patient, unix),
        "embedded": kind("Embedded", _Embedded, patient, unix, patience=10.0),
        "sentinel": kind("Sentinel", patient, sentinel.SentinelManagedConnection, patience=5.0),
        "sentinel+tls": kind("SentinelTls", patient, sentinel.SentinelManagedSSLConnection, patience=5.0),
    }


CONNECTIONS = _connections(PatientConnection, redis, redis.connection.UnixDomainSocketConnection)
ASYNC_CONNECTIONS = _connections(AsyncPatientConnection, redis.asyncio, _AsyncUnixConnection)


class NoFreeConnection(MaxConnectionsError):
    """All connections of a pool stayed in use for as long as we were ready to wait."""

    def __init__(self, connections: int, seconds: float) -> None:
        super().__init__(f"all {connections} connections were in use for {seconds:g} s")


class _Bounded:
    """Never more than `max_connections`; who finds none waits `timeout` seconds, then gets NoFreeConnection."""

    server: EmbeddedServer | None

    def __init__(self, *, server: EmbeddedServer | None = None, **options: Any) -> None:
        super().__init__(**options, **({"server": server} if server else {}))
        self.server = server

    @operation
    def get_connection(self: Any, *_: Any, **__: Any) -> Steps[Any]:
        try:
            return (yield super().get_connection())
        except ConnectionError as exc:
            if str(exc) == "No connection available.":
                raise NoFreeConnection(self.max_connections, self.timeout or 0) from None
            raise

    def _closed(self) -> None:
        if self.server is not None:
            self.server.release()


class BoundedPool(_Bounded, Blocking, redis.connection.BlockingConnectionPool):
    def take(self) -> Any:
        """As `get_connection`, without its look at a connection that was in use a moment ago.

        That look takes as long as half a round trip. If the server has closed it since, the command fails, and is
        asked again where that does no harm.
        """
        if self.pid == os.getpid():
            with contextlib.suppress(Empty):
                found = self.pool.get_nowait()
                if found is not None and found.is_connected and time.monotonic() < found.fresh_until:
                    return found
                self.pool.put_nowait(found)
        return self.get_connection()

    def give(self, connection: Any) -> None:
        if connection.is_connected and self.pid == os.getpid() == connection.pid and not connection.should_reconnect():
            connection.fresh_until = time.monotonic() + FRESH_SECONDS
            self.pool.put_nowait(connection)
        else:
            self.release(connection)

    def close(self) -> None:
        super().close()
        self._closed()


class SentinelPool(redis.sentinel.SentinelConnectionPool, BoundedPool):
    def disconnect(self, inuse_connections: bool = True) -> None:
        """Idle ones are taken out of the pool meanwhile: where a connection finds another master, redis-py ends the
        others in its place, and a thread that has just begun to use one would fail with an AttributeError."""
        if inuse_connections:
            super().disconnect()
            return
        idle: list[Any] = []
        with contextlib.suppress(Empty):
            while True:
                idle.append(self.pool.get_nowait())
        try:
            for connection in filter(None, idle):
                connection.disconnect()
        finally:
            for connection in reversed(idle):
                self.pool.put_nowait(connection)

    def _closed(self) -> None:
        self.sentinel_manager.close()


class AsyncBoundedPool(_Bounded, Awaiting, redis.asyncio.connection.BlockingConnectionPool):
    async def aclose(self) -> None:
        await super().aclose()
        self._closed()


class AsyncSentinelPool(redis.asyncio.sentinel.SentinelConnectionPool, AsyncBoundedPool):
    async def aclose(self) -> None:
        await super().aclose()
        await self.sentinel_manager.aclose()


class AsyncBoundedCluster(AsyncRedisCluster):
    """redis-py's own raises when a node's connections are all in use; this one waits as the pools do."""

    def __init__(self, *, max_connections: int, pool_timeout: float, **options: Any) -> None:
        super().__init__(max_connections=max_connections, **options)
        self.bound = (max_connections, pool_timeout)
        self.free = asyncio.Semaphore(max_connections)

    async def take(self, node: Any) -> Any:
        """A connection to this node."""
        await self._acquire()
        return node.acquire_connection()

    def give(self, node: Any, connection: Any) -> None:
        node.release(connection)
        self.free.release()

    async def _acquire(self) -> None:
        try:
            async with asyncio.timeout(self.bound[1]):
                await self.free.acquire()
        except builtins.TimeoutError:
            raise NoFreeConnection(*self.bound) from None

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        await self._acquire()
        try:
            return await super().execute_command(*args, **options)
        finally:
            self.free.release()
