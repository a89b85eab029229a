"""Connections that are patient while they are made and strict afterwards.

Making a connection is repeated with jitter, because nothing can happen twice by it. A command never is: when its
reply is lost nobody knows whether it took effect, and redis-py's default (ten silent repetitions since 6.0) would
store a turn twice. Whoever knows that a command may be repeated does it himself.

A connection that lay idle is tried with a PING when it leaves the pool, and only there: redis-py's own health check
may reconnect in the middle of a use, and so lose a WATCH without a word.
"""

# mypy: disable-error-code="no-untyped-call"
# (redis-py leaves the constructors and most methods of its connections and pools without types)

from __future__ import annotations

import asyncio
import builtins
import contextlib
import os
import time
from collections.abc import Callable, Iterator
from queue import Empty
from typing import Any, ClassVar

import redis.asyncio.connection as aio
import redis.asyncio.sentinel as aio_sentinel
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import EqualJitterBackoff
from redis.connection import AbstractConnection, BlockingConnectionPool, Connection, SSLConnection
from redis.connection import UnixDomainSocketConnection as UnixConnection
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ConnectionError,
    MaxConnectionsError,
    NoPermissionError,
    ResponseError,
    TimeoutError,
)
from redis.retry import Retry
from redis.sentinel import SentinelConnectionPool, SentinelManagedConnection, SentinelManagedSSLConnection

from rag.sessions.embedded.server import EmbeddedServer

FRESH_SECONDS = 10.0
HOPELESS = (AuthenticationError, AuthorizationError, MaxConnectionsError)


def _backoff() -> EqualJitterBackoff:
    return EqualJitterBackoff(cap=0.5, base=0.01)


@contextlib.contextmanager
def refusing_writes() -> Iterator[None]:
    """Around a PING: a server whose disk is full refuses it, and goes on to answer those who read."""
    try:
        yield
    except ResponseError as exc:
        if not str(exc).startswith("MISCONF"):
            raise


def _until(deadline: float) -> Callable[[Exception], bool]:
    def worth_it(error: Exception) -> bool:
        hopeless = isinstance(error, HOPELESS) or not isinstance(error, ConnectionError)
        return not hopeless and time.monotonic() < deadline

    return worth_it


class PatientConnection(AbstractConnection):
    patience: ClassVar[float] = 1.0
    """For how many seconds a refused connection is tried again."""

    fresh_until = 0.0
    """Until then it need not be looked at before it is used."""

    def connect(self) -> None:
        if self.is_connected and self.health_check_interval and time.monotonic() > self.next_health_check:
            try:
                with refusing_writes():
                    self._send_ping()
            except (ConnectionError, TimeoutError):
                self.disconnect()
        if not self.is_connected:
            worth_it = _until(time.monotonic() + self.patience)
            Retry(_backoff(), -1).call_with_retry(self.attempt, lambda _: self.disconnect(), worth_it)

    def attempt(self) -> None:
        super().connect()

    def on_connect_check_health(self, check_health: bool = True) -> None:
        super().on_connect_check_health(check_health)
        # Says early whether this is Redis, wants a password, or is still loading its data.
        with contextlib.suppress(NoPermissionError), refusing_writes():
            self._send_ping()

    def check_health(self) -> None:
        """Nothing: see the module's docstring."""


class TcpConnection(PatientConnection, Connection): ...


class TlsConnection(PatientConnection, SSLConnection): ...


class SocketConnection(PatientConnection, UnixConnection): ...


class SentinelConnection(PatientConnection, SentinelManagedConnection):
    patience = 5.0


class SentinelTlsConnection(PatientConnection, SentinelManagedSSLConnection):
    patience = 5.0


class EmbeddedConnection(SocketConnection):
    """To the server of a STATE_DIR: makes sure that there is one before it calls it gone."""

    patience = 10.0

    def __init__(self, *, server: EmbeddedServer, **options: Any) -> None:
        super().__init__(path="", **options)
        self.server = server

    def attempt(self) -> None:
        self.path = self.server.address()
        try:
            super().attempt()
        except ConnectionError:
            self.server.ensure()
            raise


class NoFreeConnection(MaxConnectionsError):
    """All connections of a pool stayed in use for as long as we were ready to wait."""

    def __init__(self, connections: int, seconds: float) -> None:
        super().__init__(f"all {connections} connections were in use for {seconds:g} s")


class BoundedPool(BlockingConnectionPool):
    """Never more than `max_connections`; who finds none waits `timeout` seconds, then gets NoFreeConnection."""

    def get_connection(self, *_: Any, **__: Any) -> Connection:
        try:
            found: Connection = super().get_connection()
        except ConnectionError as exc:
            if str(exc) == "No connection available.":
                raise NoFreeConnection(self.max_connections, self.timeout) from None
            raise
        return found

    def take(self) -> Connection:
        """As `get_connection`, without its look at a connection that was in use a moment ago.

        That look takes as long as half a round trip. If the server has closed it since, the command fails, and is
        asked again where that does no harm.
        """
        if self.pid == os.getpid():
            with contextlib.suppress(Empty):
                found = self.pool.get_nowait()
                if found is not None and found.is_connected and time.monotonic() < found.fresh_until:
                    return found  # type: ignore[no-any-return]
                self.pool.put_nowait(found)
        return self.get_connection()

    def give(self, connection: Connection) -> None:
        if connection.is_connected and self.pid == os.getpid() == connection.pid and not connection.should_reconnect():
            connection.fresh_until = time.monotonic() + FRESH_SECONDS  # type: ignore[attr-defined]
            self.pool.put_nowait(connection)
        else:
            self.release(connection)


class SentinelPool(SentinelConnectionPool, BoundedPool):
    def close(self) -> None:
        super().close()
        self.sentinel_manager.close()


class EmbeddedPool(BoundedPool):
    def __init__(self, *, server: EmbeddedServer, **options: Any) -> None:
        super().__init__(connection_class=EmbeddedConnection, server=server, **options)
        self.server = server

    def close(self) -> None:
        super().close()
        self.server.release()


class AsyncPatientConnection(aio.AbstractConnection):
    patience: ClassVar[float] = 1.0

    async def connect(self) -> None:
        if self.is_connected and self.health_check_interval and self._idle():
            try:
                with refusing_writes():
                    await self._send_ping()
            except (ConnectionError, TimeoutError):
                await self.disconnect(nowait=True)
        if not self.is_connected:
            worth_it = _until(time.monotonic() + self.patience)
            await AsyncRetry(_backoff(), -1).call_with_retry(
                self.attempt, lambda _: self.disconnect(nowait=True), worth_it
            )

    def _idle(self) -> bool:
        return asyncio.get_running_loop().time() > self.next_health_check

    async def attempt(self) -> None:
        await super().connect()

    async def on_connect_check_health(self, check_health: bool = True) -> None:
        await super().on_connect_check_health(check_health)
        with contextlib.suppress(NoPermissionError), refusing_writes():
            await self._send_ping()

    async def check_health(self) -> None:
        """Nothing: see the module's docstring."""


class AsyncTcpConnection(AsyncPatientConnection, aio.Connection): ...


class AsyncTlsConnection(AsyncPatientConnection, aio.SSLConnection): ...


class AsyncSocketConnection(AsyncPatientConnection, aio.UnixDomainSocketConnection):
    async def _connect(self) -> None:
        # redis-py's own makes the handshake here too, before the one that follows, and turns every error of it
        # (a wrong password, no answer) into a ConnectionError that looks worth another try.
        async with asyncio.timeout(self.socket_connect_timeout):
            self._reader, self._writer = await asyncio.open_unix_connection(path=self.path)


class AsyncSentinelConnection(AsyncPatientConnection, aio_sentinel.SentinelManagedConnection):
    patience = 5.0


class AsyncSentinelTlsConnection(AsyncPatientConnection, aio_sentinel.SentinelManagedSSLConnection):
    patience = 5.0


class AsyncEmbeddedConnection(AsyncSocketConnection):
    patience = 10.0

    def __init__(self, *, server: EmbeddedServer, **options: Any) -> None:
        super().__init__(path="", **options)
        self.server = server

    async def attempt(self) -> None:
        self.path = await asyncio.to_thread(self.server.address)
        try:
            await super().attempt()
        except ConnectionError:
            await asyncio.to_thread(self.server.ensure)
            raise


class AsyncBoundedPool(aio.BlockingConnectionPool):
    async def get_connection(self, *_: Any, **__: Any) -> aio.AbstractConnection:
        try:
            found: aio.AbstractConnection = await super().get_connection()
        except ConnectionError as exc:
            if str(exc) == "No connection available.":
                raise NoFreeConnection(self.max_connections, self.timeout or 0) from None
            raise
        return found


class AsyncSentinelPool(aio_sentinel.SentinelConnectionPool, AsyncBoundedPool):
    async def aclose(self) -> None:
        await super().aclose()
        await self.sentinel_manager.aclose()


class AsyncEmbeddedPool(AsyncBoundedPool):
    def __init__(self, *, server: EmbeddedServer, **options: Any) -> None:
        super().__init__(connection_class=AsyncEmbeddedConnection, server=server, **options)
        self.server = server

    async def aclose(self) -> None:
        await super().aclose()
        self.server.release()


class AsyncBoundedCluster(AsyncRedisCluster):
    """redis-py's own raises when a node's connections are all in use; this one waits as the pools do."""

    def __init__(self, *, max_connections: int, pool_timeout: float, **options: Any) -> None:
        super().__init__(max_connections=max_connections, **options)
        self.bound = (max_connections, pool_timeout)
        self.free = asyncio.Semaphore(max_connections)

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        try:
            async with asyncio.timeout(self.bound[1]):
                await self.free.acquire()
        except builtins.TimeoutError:
            raise NoFreeConnection(*self.bound) from None
        try:
            return await super().execute_command(*args, **options)
        finally:
            self.free.release()
