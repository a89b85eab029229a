"""Sends commands; answers a request in one round trip, and again only where that can do no harm.

A reply that was lost is asked for again: scripts that may run twice are written so that the second time changes
nothing (turns and commits carry a token). Making a connection is patient in itself and not repeated here. Replies are
bytes, whatever the client decodes for others.
"""

# mypy: disable-error-code="no-untyped-call"
# (of redis-py)

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import redis
from hiredis import pack_command
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster
from redis.exceptions import ConnectionError, NoScriptError, ResponseError, TimeoutError

from rag.errors import CrosswireError
from rag.sessions.connection.connect import AsyncClient, Client
from rag.sessions.connection.errors import FAILURES, error_of, reason
from rag.sessions.connection.pools import HOPELESS, BoundedPool
from rag.sessions.embedded.disk import Disk
from rag.sessions.protocol.requests import Request
from rag.sessions.protocol.steps import NOT_DECODED, Awaiting, Blocking, Command, Steps, operation, pipelined
from rag.sessions.turns.waiting import waiters

T = TypeVar("T")
ATTEMPTS, LONGEST = 4, 6.0
"""How often a request is sent, and for how many seconds it is begun again."""


class _ReplyLost(Exception):
    """The command was sent, or may have been, and no reply came."""


class _Sender:
    """replicas: how many have to confirm a durable request, within `replica_wait` seconds."""

    _sleep: Any

    def __init__(self, client: Client | AsyncClient, target: str, replicas: int = 0, replica_wait: float = 1.0) -> None:
        clustered = isinstance(client, redis.RedisCluster | AsyncRedisCluster)
        if replicas and clustered:
            raise ValueError("waiting for replicas is not possible on a cluster: expected replicas=0")
        self.client: Any = client
        self.target = target
        self.waiters: Any = waiters(client)
        self._wait: Command | None = ("WAIT", replicas, int(replica_wait * 1000)) if replicas else None
        # Half of redis-py's time for a command goes into what surrounds it, so commands go to the connection itself.
        # Those that others make of it (a fake, a tracing one) mean to be asked themselves.
        plain = type(client) in (redis.Redis, redis.asyncio.Redis)
        self._pool: Any = cast(Any, client).connection_pool if plain else None
        kept = isinstance(self._pool, BoundedPool)
        self._take: Any = self._pool and (self._pool.take if kept else self._pool.get_connection)
        self._give: Any = self._pool and (self._pool.give if kept else self._pool.release)
        # The embedded server's; nobody else's can be seen from here.
        server = getattr(self._pool, "server", None)
        self.disk: Disk | None = server and server.disk

    def answer(self, request: Request[T]) -> Steps[T]:
        """What is asked in one round trip. Raises what is wrong in our words."""
        script, keys, args, disk, mark = request.script, request.keys, request.args, self.disk, None
        if disk is not None:
            if request.writes is not None:
                disk.require(request.writes)
            mark = disk.mark() if request.proof else None
        wait = self._wait if request.durable else None
        ask = self._routed if self._pool is None else self._exchanged
        begun, attempt = time.monotonic(), 1
        try:
            while True:
                try:
                    try:
                        reply = yield from ask(("EVALSHA", script.sha, len(keys), *keys, *args), wait)
                    except NoScriptError:
                        reply = yield from ask(("EVAL", script.source, len(keys), *keys, *args), wait)
                    break
                except _ReplyLost as lost:
                    if not request.repeatable or attempt == ATTEMPTS or time.monotonic() - begun > LONGEST:
                        raise lost.__cause__ or lost from None
                yield self._sleep(random.uniform(0, min(0.02 * 2**attempt, 0.5)))  # noqa: S311 (not a secret)
                attempt += 1
            if disk is not None and request.proof is not None and not disk.proved(mark, request.proof):
                yield self.client.ping()  # refused while the last write failed
        except FAILURES as exc:
            raise self._refused(exc) from exc
        return request.parse(reply)

    @operation
    def __call__(self, asked: Sequence[Command] | Callable[[Any], Any]) -> Steps[Any]:
        """The replies to these commands, in one pipeline, or what this function of the client returns."""
        try:
            return (yield asked(self.client) if callable(asked) else pipelined(self.client, asked))
        except FAILURES as exc:
            raise self._refused(exc) from exc

    def _refused(self, exc: Exception) -> CrosswireError:
        if self.disk is not None and str(exc).startswith("MISCONF"):
            return self.disk.full(reason(exc))
        return error_of(exc, self.target)

    def _exchanged(self, command: Command, wait: Command | None) -> Steps[Any]:
        """One command and its reply; with `wait`, a second one right behind it, whose reply is added."""
        connection, clean = (yield self._take()), False
        try:
            yield connection.send_packed_command([pack_command(cast(Any, command))], check_health=False)
            if wait:
                yield connection.send_command(*wait)
            try:
                reply = yield connection.read_response(disable_decoding=True)
            except ResponseError:
                if wait:
                    yield connection.read_response()
                clean = True
                raise
            if wait:
                reply = [*reply, (yield connection.read_response())]
            clean = True
        except (ConnectionError, TimeoutError) as exc:
            if clean:
                raise
            raise _ReplyLost from exc
        finally:
            # Whatever interrupted this: no reply may be left for the next user of the connection.
            if not clean:
                yield connection.disconnect(nowait=True)
            yield self._give(connection)
        return reply

    def _routed(self, command: Command, _: Command | None) -> Steps[Any]:
        try:
            return (yield self.client.execute_command(*command, **NOT_DECODED))
        except HOPELESS:
            raise
        except (ConnectionError, TimeoutError) as exc:
            raise _ReplyLost from exc


class Sender(_Sender, Blocking):
    """Thread-safe."""


class AsyncSender(_Sender, Awaiting):
    """The same for one event loop."""
