"""Sends an `Request` in one round trip, and again only where that can do no harm.

A reply that was lost is asked for again: scripts that may run twice are written so that the second time changes
nothing (turns and commits carry a token). Making a connection is patient in itself and not repeated here.
"""

# mypy: disable-error-code="no-untyped-call"
# (of redis-py)

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import redis
from hiredis import pack_command
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster
from redis.exceptions import ConnectionError, NoScriptError, ResponseError, TimeoutError
from tenacity import AsyncRetrying, Retrying, retry_if_exception_type, stop_after_attempt, stop_after_delay
from tenacity import wait_random_exponential as jitter

from rag.sessions.connection.cache import connection_cache
from rag.sessions.connection.connect import AsyncClient, Client
from rag.sessions.connection.errors import error_of
from rag.sessions.connection.pools import HOPELESS
from rag.sessions.connection.reasons import FAILURES
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


class Sender:
    """Thread-safe. replicas: how many have to confirm a durable ask, waited for at most `replica_wait` seconds."""

    def __init__(self, client: Client, target: str, replicas: int = 0, replica_wait: float = 1.0) -> None:
        self._client = client
        self._target = target
        self._wait = _wait(client, replicas, replica_wait)
        # Half of redis-py's time for a command goes into what surrounds it, so commands go to the connection itself.
        self._connections = connection_cache(client.connection_pool) if type(client) is redis.Redis else None

    def __call__(self, ask: Request[T]) -> T:
        try:
            try:
                reply = self._send(ask)
            except _ReplyLost as lost:
                if not ask.repeatable:
                    raise _cause(lost) from None
                reply = self._again(ask)
        except FAILURES as exc:
            raise error_of(exc, self._target) from exc
        return ask.parse(reply)

    def _again(self, ask: Request[T]) -> Any:
        try:
            return Retrying(**_POLICY)(self._send, ask)
        except _ReplyLost as lost:
            raise _cause(lost) from None

    def _send(self, ask: Request[T]) -> Any:
        script, keys, args = ask.script, ask.keys, ask.args
        try:
            return self._exchange(ask, ("EVALSHA", script.sha, len(keys), *keys, *args))
        except NoScriptError:
            return self._exchange(ask, ("EVAL", script.source, len(keys), *keys, *args))

    def _exchange(self, ask: Request[T], command: tuple[Any, ...]) -> Any:
        if self._connections is None:
            if ask.meanwhile is not None:
                ask.meanwhile()
            return self._routed(command)
        connection, clean = self._connections.take(), False
        try:
            connection.send_packed_command([pack_command(command)], check_health=False)
            both = ask.durable and self._wait
            if both:
                connection.send_command(*both)
            if ask.meanwhile is not None:
                ask.meanwhile()
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


class AsyncSender:
    """The same for one event loop."""

    def __init__(self, client: AsyncClient, target: str, replicas: int = 0, replica_wait: float = 1.0) -> None:
        self._client = client
        self._target = target
        self._wait = _wait(client, replicas, replica_wait)

    async def __call__(self, ask: Request[T]) -> T:
        try:
            try:
                reply = await self._send(ask)
            except _ReplyLost as lost:
                if not ask.repeatable:
                    raise _cause(lost) from None
                reply = await self._again(ask)
        except FAILURES as exc:
            raise error_of(exc, self._target) from exc
        return ask.parse(reply)

    async def _again(self, ask: Request[T]) -> Any:
        try:
            return await AsyncRetrying(**_POLICY)(self._send, ask)
        except _ReplyLost as lost:
            raise _cause(lost) from None

    async def _send(self, ask: Request[T]) -> Any:
        script, keys, args = ask.script, ask.keys, ask.args
        try:
            try:
                return await self._exchange(ask, ("EVALSHA", script.sha, len(keys), *keys, *args))
            except NoScriptError:
                return await self._exchange(ask, ("EVAL", script.source, len(keys), *keys, *args))
        except HOPELESS:
            raise
        except (ConnectionError, TimeoutError) as exc:
            raise _ReplyLost from exc

    async def _exchange(self, ask: Request[T], command: tuple[Any, ...]) -> Any:
        if not (ask.durable and self._wait):
            return await self._client.execute_command(*command)
        pipe: Any = self._client.pipeline(transaction=False)
        pipe.execute_command(*command)
        pipe.execute_command(*self._wait)
        replies = await pipe.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return [*replies[0], replies[1]]


def _wait(client: Client | AsyncClient, replicas: int, seconds: float) -> tuple[str, int, int] | None:
    if replicas and isinstance(client, redis.RedisCluster | AsyncRedisCluster):
        raise ValueError("waiting for replicas is not possible on a cluster: expected replicas=0")
    return ("WAIT", replicas, int(seconds * 1000)) if replicas else None


def _cause(lost: _ReplyLost) -> Exception:
    return lost.__cause__ if isinstance(lost.__cause__, Exception) else lost
