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
from contextlib import suppress
from typing import Any, TypeVar, cast

import redis
from hiredis import pack_command
from redis.exceptions import AskError, ConnectionError, MovedError, NoScriptError, ResponseError, TimeoutError

from rag.errors import CrosswireError
from rag.sessions.connection.connect import AsyncClient, Client
from rag.sessions.connection.errors import FAILURES, error_of, reason
from rag.sessions.connection.pools import HOPELESS
from rag.sessions.connection.replication import NONE, Link, ReplicaReads, Replication, clustered, link_of, pooled
from rag.sessions.embedded.disk import Disk, Mark
from rag.sessions.protocol.requests import Request
from rag.sessions.protocol.steps import NOT_DECODED, Awaiting, Blocking, Command, Steps, operation, pipelined
from rag.sessions.turns.waiting import waiters

T = TypeVar("T")
ATTEMPTS, LONGEST = 4, 6.0
"""How often a request is sent, and for how many seconds it is begun again."""


class _ReplyLost(Exception):
    """The command was sent, or may have been, and no reply came."""


class _Sender:
    """A durable request waits for as many replicas as `replication` says."""

    _sleep: Any

    def __init__(self, client: Client | AsyncClient, target: str, replication: Replication = NONE) -> None:
        self.client: Any = client
        self.target = target
        self.waiters: Any = waiters(client)
        self.replication = replication
        wait, milliseconds = replication.wait, int(replication.seconds * 1000)
        self._wait: Command | None = ("WAIT", wait, milliseconds) if wait else None
        self._reads = ReplicaReads(replication.reads) if replication.reads is not None else None
        # Half of redis-py's time for a command goes into what surrounds it, so commands go to the connection itself.
        # Those that others make of it (a fake, a tracing one) mean to be asked themselves.
        plain = type(client) in (redis.Redis, redis.asyncio.Redis)
        self._link = pooled(cast(Any, client).connection_pool) if plain else None
        # The embedded server's; nobody else's can be seen from here.
        server = getattr(plain and cast(Any, client).connection_pool, "server", None)
        self.disk: Disk | None = server and server.disk

    def answer(self, request: Request[T]) -> Steps[T]:
        """What is asked in one round trip. Raises what is wrong in our words."""
        script, keys, args, disk = request.script, request.keys, request.args, self.disk
        if disk is not None and request.writes is not None:
            disk.require(request.writes)
        marks: list[Mark | None] | None = [] if disk is not None and request.proof else None
        wait = self._wait if request.durable else None
        if self._reads is not None and (reply := (yield from self._replica(request, self._reads))) is not None:
            return request.parse(reply)
        ask = self._exchanged if self._link else self._on_one_node if wait else self._routed
        begun, attempt = time.monotonic(), 1
        try:
            while True:
                try:
                    try:
                        reply = yield from ask(("EVALSHA", script.sha, len(keys), *keys, *args), wait, marks=marks)
                    except NoScriptError:
                        reply = yield from ask(("EVAL", script.source, len(keys), *keys, *args), wait, marks=marks)
                    break
                except _ReplyLost as lost:
                    if not request.repeatable or attempt == ATTEMPTS or time.monotonic() - begun > LONGEST:
                        raise lost.__cause__ or lost from None
                yield self._sleep(random.uniform(0, min(0.02 * 2**attempt, 0.5)))  # noqa: S311 (not a secret)
                attempt += 1
            # Where it was sent for the first time, because it may have been stored then.
            mark = marks[0] if marks else None
            proof = request.proof
            if disk is not None and proof is not None and not (proof and disk.proved(mark, proof)):
                yield self.client.ping()  # refused while the last write failed
                if disk.proved(mark, proof) is False:
                    raise disk.removed()
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

    def _replica(self, request: Request[Any], reads: ReplicaReads) -> Steps[Any]:
        """What a replica replies; None where the master has to be asked."""
        script, keys, args = request.script, request.keys, request.args
        if request.behind is None:
            reads.changed(keys[0])
            return None
        if not reads.possible(keys[0]):
            return None
        try:
            link = link_of(reads.client, keys[0], replica=True)
            try:
                reply = yield from self._exchanged(("EVALSHA", script.sha, len(keys), *keys, *args), None, link)
            except NoScriptError:
                reply = yield from self._exchanged(("EVAL", script.source, len(keys), *keys, *args), None, link)
        except (*FAILURES, _ReplyLost) as exc:
            reads.failed(reason(exc.__cause__ if isinstance(exc, _ReplyLost) and exc.__cause__ else exc))  # type: ignore[arg-type]
            if clustered(reads.client):
                with suppress(*FAILURES):
                    yield reads.client.nodes_manager.initialize()
            return None
        return None if request.behind(reply) else reply

    def _on_one_node(self, command: Command, wait: Command | None, **_: Any) -> Steps[Any]:
        """On clusters: WAIT is about what went over its own connection, so both go over one to the session's master."""
        nodes = self.client.nodes_manager
        for last in (False, True):
            try:
                return (yield from self._exchanged(command, wait, link_of(self.client, str(command[3]))))
            except HOPELESS:
                raise
            except (ConnectionError, TimeoutError, _ReplyLost) as exc:
                with suppress(*FAILURES):  # another one may be master by now
                    yield nodes.initialize()
                raise _ReplyLost from (exc.__cause__ if isinstance(exc, _ReplyLost) else exc)
            except AskError as exc:
                if last or not isinstance(exc, MovedError):
                    break
                yield nodes.initialize()
        # The slot is on its way to another master: stored there, and confirmed by nobody.
        return [*(yield from self._routed(command, None)), 0]

    def _exchanged(
        self,
        command: Command,
        wait: Command | None,
        link: Link | None = None,
        marks: list[Mark | None] | None = None,
    ) -> Steps[Any]:
        """One command and its reply; with `wait`, a second one right behind it, whose reply is added.

        marks: to be told where the append-only file ended when it was sent. Not when a connection was asked for: among
        thousands that wait for one, each would look through what all others wrote meanwhile.
        """
        take, give = link or cast(Link, self._link)
        connection, clean = (yield take()), False
        try:
            if marks is not None and self.disk is not None:
                marks.append(self.disk.mark())
            packed = pack_command(cast(Any, command))
            if wait:
                packed += pack_command(cast(Any, wait))
            yield connection.send_packed_command([packed], check_health=False)
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
            yield give(connection)
        return reply

    def _routed(self, command: Command, _: Command | None, **__: Any) -> Steps[Any]:
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
