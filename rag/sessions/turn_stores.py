"""The operations with turns that are held: by a thread's `with`, or by an event loop's `async with`.

A turn is two round trips: one takes the session and reads it, one stores the turn and frees it. Turns of one session
follow each other in the order in which they were asked. A turn is lost with its process within `lease` seconds, a
waiting one within two more.

Acknowledged turns are safe from everything that the server itself survives. With replicas, those are asynchronous: a
failover may lose the turns of its last moments, unless `Replication(wait=1)` makes each turn wait for one of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import cached_property
from typing import Any, TypeVar

from langchain_core.messages import BaseMessage

from rag.sessions.allowance import Allowance
from rag.sessions.listing.audit import AsyncAudit, Audit
from rag.sessions.listing.directory import AsyncDirectory, Directory
from rag.sessions.listing.documents_due import AsyncDocumentsDue, DocumentsDue
from rag.sessions.operations import Operations
from rag.sessions.protocol.keys import Keys
from rag.sessions.protocol.steps import Awaiting, Blocking
from rag.sessions.revocations import AsyncRevocations, Credential, Revocations
from rag.sessions.turns.lease import HEARTBEAT, AsyncHeartbeat, HeldTurn
from rag.sessions.turns.sending import AsyncSender, Sender
from rag.sessions.turns.turn import AsyncTurn, Turn

T = TypeVar("T")


def _part(kind: Callable[[Any, Keys], T]) -> T:
    """A property of a store: its audit, say, made when it is asked for. (Typed as what that is.)"""
    return property(lambda store: kind(store._sender, store.protocol.keys), doc=kind.__doc__)  # type: ignore[return-value]


class TurnStore(Operations, Blocking):
    """Thread-safe. One instance serves all sessions of a process."""

    _sending = Sender
    audit = _part(Audit)
    revocations = _part(Revocations)
    documents_due = _part(DocumentsDue)

    @contextmanager
    def turn(
        self,
        session_id: str,
        wait: float = 30.0,
        on_wait: Callable[[], None] | None = None,
        *,
        credential: Credential | None = None,
        allowance: Allowance | None = None,
    ) -> Iterator[Turn]:
        """Hold the session, alone, until the block ends; leaving it without a commit stores nothing.

        Waits up to `wait` seconds for the session's earlier turns, then raises TurnBusy. `on_wait` is called once if
        there are any. Raises CredentialEnded if the credential does not count any more, and OverLimit if the allowance
        is used up; that costs no round trip of its own (on a cluster: one).
        """
        sid, token = self._writable(session_id), self.protocol.token()
        held = HeldTurn(lambda: self._run(self._renew(sid, token)), self._interval)
        turn: Turn | None = None
        try:
            turn = Turn(
                sid,
                self._run(self._begin(sid, token, wait, on_wait, credential, allowance)),
                token,
                self._commit,
                self._confirmed,
            )
            HEARTBEAT.hold(held)
            yield turn
        finally:
            HEARTBEAT.drop(held)
            if not held.lost and (turn is None or not turn.committed):
                self._run(self._release(sid, token))

    def append(self, session_id: str, messages: Sequence[BaseMessage]) -> None:
        """Store messages as one turn, after the session's turn that is running."""
        with self.turn(session_id) as turn:
            turn.commit(messages)

    @property
    def directory(self) -> Directory:
        """All live sessions, page by page."""
        return Directory(self._sender, self.protocol)


class AsyncTurnStore(Operations, Awaiting):
    """One instance serves all sessions of an event loop."""

    _sending = AsyncSender
    audit = _part(AsyncAudit)
    revocations = _part(AsyncRevocations)
    documents_due = _part(AsyncDocumentsDue)

    @cached_property
    def _heartbeat(self) -> AsyncHeartbeat:
        return AsyncHeartbeat(lambda held: self._run(self._renew_all(held)), self._interval)

    @asynccontextmanager
    async def turn(
        self,
        session_id: str,
        wait: float = 30.0,
        on_wait: Callable[[], None] | None = None,
        *,
        credential: Credential | None = None,
        allowance: Allowance | None = None,
    ) -> AsyncIterator[AsyncTurn]:
        """As `SessionStore.turn`."""
        sid, token = self._writable(session_id), self.protocol.token()
        turn: AsyncTurn | None = None
        try:
            found = await self._run(self._begin(sid, token, wait, on_wait, credential, allowance))
            turn = AsyncTurn(sid, found, token, self._commit, self._confirmed)
            self._heartbeat.hold(sid, token)
            try:
                yield turn
            finally:
                self._heartbeat.drop(token)
        finally:
            if turn is None or not turn.committed:
                await asyncio.shield(self._run(self._release(sid, token)))

    async def append(self, session_id: str, messages: Sequence[BaseMessage]) -> None:
        """Store messages as one turn, after the session's turn that is running."""
        async with self.turn(session_id) as turn:
            await turn.commit(messages)

    @property
    def directory(self) -> AsyncDirectory:
        """All live sessions, page by page."""
        return AsyncDirectory(self._sender, self.protocol)
