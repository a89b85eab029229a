"""Sends an `Request` in one round trip, and again only where that can do no harm.

A reply that was lost is asked for again: scripts that may run twice are written so that the second time changes
nothing (turns and commits carry a token). Making a connection is patient in itself and not repeated here.
"""

# mypy: disable-error-code="no-untyped-call"
# (of redis-py)

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import redis
from hiredis import pack_command
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster
from redis.exceptions import ConnectionError, NoScriptError, ResponseError, TimeoutError
from tenacity import AsyncRetrying, Retrying, retry_if_exception_type, stop_after_attempt, stop_after_delay
from tenacity import wait_random_exponential as jitter

from rag.errors import CrosswireError
from rag.sessions.connection.cache import connection_cache
from rag.sessions.connection.connect import AsyncClient, Client
from rag.sessions.connection.errors import error_of
from rag.sessions.connection.pools import HOPELESS, AsyncEmbeddedPool, EmbeddedPool
from rag.sessions.connection.reasons import FAILURES, reason
from rag.sessions.embedded.disk import Disk, Mark
from rag.sessions.protocol.requests import Request

T = TypeVar("T")


class _ReplyLost(Exception):
    """The command was sent, or may have been, and no reply came."""


_POLICY: dict[str, Any] = {
    "retry": retry_if_exception_type(_ReplyLost),
    "stop": stop_after_attempt(4) | stop_after_delay(6),
    "wait": jitter(multiplier=0.02, max=0.5),
    "reraise": True,
}


class _Sender:
    """What both have in common. replicas: how many have to confirm a durable request, within `replica_wait` seconds."""

    def __init__(self, client: Client | AsyncClient, target: str, replicas: int = 0, replica_wait: float = 1.0) -> None:
        self._target = target
        self._wait = _wait(client, replicas, replica_wait)
        self.disk = disk_of(client)

    def _before(self, request: Request[T]) -> Mark | None:
        """Raises StoreDiskFull for what finds no room on the embedded server's disk."""
        if self.disk is None:
            return None
        if request.writes is not None:
            self.disk.require(request.writes)
        return self.disk.mark() if request.proof else None

    def _proved(self, request: Request[T], mark: Mark | None) -> bool:
        """Whether what was done is with the kernel; if not, the server has to be asked."""
        if self.disk is None or request.proof is None or (mark and mark.followed_by(request.proof)):
            return True
        self.disk.reopen()
        return False

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raises SessionStoreUnavailable, StoreDiskFull or StoreFull in place of redis-py's errors."""
        try:
            yield
        except FAILURES as exc:
            raise self._refused(exc) from exc

    def _refused(self, exc: Exception) -> CrosswireError:
        if self.disk is not None and str(exc).startswith("MISCONF"):
            return self.disk.full(reason(exc))
        return error_of(exc, self._target)


class Sender(_Sender):
    """Thread-safe."""

    def __init__(self, client: Client, target: str, replicas: int = 0, replica_wait: float = 1.0) -> None:
        super().__init__(client, target, replicas, replica_wait)
        self._client = client
        # Half of redis-py's time for a command goes into what surrounds it, so commands go to the connection itself.
        self._connections = connection_cache(client.connection_pool) if type(client) is redis.Redis else None

    def __call__(self, request: Request[T]) -> T:
        mark = self._before(request)
        try:
            try:
                reply = self._send(request)
            except _ReplyLost as lost:
                if not request.repeatable:
                    raise _cause(lost) from None
                reply = self._again(request)
            if not self._proved(request, mark):
                self._client.ping()
        except FAILURES as exc:
            raise self._refused(exc) from exc
        return request.parse(reply)

    def _again(self, request: Request[T]) -> Any:
        try:
            return Retrying(**_POLICY)(self._send, request)
        except _ReplyLost as lost:
            raise _cause(lost) from None

    def _send(self, request: Request[T]) -> Any:
        script, keys, args = request.script, request.keys, request.args
        try:
            return self._exchange(request, ("EVALSHA", script.sha, len(keys), *keys, *args))
        except NoScriptError:
            return self._exchange(request, ("EVAL", script.source, len(keys), *keys, *args))

    def _exchange(self, request: Request[T], command: tuple[Any, ...]) -> Any:
        if self._connections is None:
            if request.meanwhile is not None:
                request.meanwhile()
            return self._routed(command)
        connection, clean = self._connections.take(), False
        try:
            connection.send_packed_command([pack_command(command)], check_health=False)
            both = request.durable and self._wait
            if both:
                connection.send_command(*both)
            if request.meanwhile is not None:
                request.meanwhile()
            reply = self._both(connection.read_response) if both else connection.read_response()
            clean = True
        except ResponseError:
            clean = True
            raise
        except (ConnectionError, TimeoutError) as exc:
            raise _ReplyLost from exc
        finally:
            # Whatever interrupted this: no reply may be left for the next user of the connection.
            if not clean:
                connection.disconnect()
            self._connections.give(connection)
        return reply

    def _routed(self, command: tuple[Any, ...]) -> Any:
        try:
            return self._client.execute_command(*command)
        except HOPELESS:
            raise
        except (ConnectionError, TimeoutError) as exc:
            raise _ReplyLost from exc

    def _both(self, read: Callable[[], Any]) -> Any:
        try:
            reply = read()
        except ResponseError:
            read()
            raise
        return [*reply, read()]


class AsyncSender(_Sender):
    """The same for one event loop."""

    def __init__(self, client: AsyncClient, target: str, replicas: int = 0, replica_wait: float = 1.0) -> None:
        super().__init__(client, target, replicas, replica_wait)
        self._client = client

    async def __call__(self, request: Request[T]) -> T:
        mark = self._before(request)
        try:
            try:
                reply = await self._send(request)
            except _ReplyLost as lost:
                if not request.repeatable:
                    raise _cause(lost) from None
                reply = await self._again(request)
            if not self._proved(request, mark):
                await self._client.ping()
        except FAILURES as exc:
            raise self._refused(exc) from exc
        return request.parse(reply)

    async def _again(self, request: Request[T]) -> Any:
        try:
            return await AsyncRetrying(**_POLICY)(self._send, request)
        except _ReplyLost as lost:
            raise _cause(lost) from None

    async def _send(self, request: Request[T]) -> Any:
        script, keys, args = request.script, request.keys, request.args
        try:
            try:
                return await self._exchange(request, ("EVALSHA", script.sha, len(keys), *keys, *args))
            except NoScriptError:
                return await self._exchange(request, ("EVAL", script.source, len(keys), *keys, *args))
        except HOPELESS:
            raise
        except (ConnectionError, TimeoutError) as exc:
            raise _ReplyLost from exc

    async def _exchange(self, request: Request[T], command: tuple[Any, ...]) -> Any:
        if not (request.durable and self._wait):
            return await self._client.execute_command(*command)
        pipe: Any = self._client.pipeline(transaction=False)
        pipe.execute_command(*command)
        pipe.execute_command(*self._wait)
        replies = await pipe.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return [*replies[0], replies[1]]


def disk_of(client: Client | AsyncClient) -> Disk | None:
    """The embedded server's; nobody else's can be seen from here."""
    pool = getattr(client, "connection_pool", None)
    return pool.server.disk if isinstance(pool, EmbeddedPool | AsyncEmbeddedPool) else None


def _wait(client: Client | AsyncClient, replicas: int, seconds: float) -> tuple[str, int, int] | None:
    if replicas and isinstance(client, redis.RedisCluster | AsyncRedisCluster):
        raise ValueError("waiting for replicas is not possible on a cluster: expected replicas=0")
    return ("WAIT", replicas, int(seconds * 1000)) if replicas else None


def _cause(lost: _ReplyLost) -> Exception:
    return lost.__cause__ if isinstance(lost.__cause__, Exception) else lost
