"""A turn of one session while it is held: what was said before, and one chance to store what comes next."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from langchain_core.messages import BaseMessage

from rag.errors import TurnLost
from rag.sessions.ids import SessionId
from rag.sessions.messages.copy_on_read import CopyOnRead
from rag.sessions.protocol.replies import Commit, Committed, Snapshot
from rag.sessions.protocol.steps import Awaiting, Blocking, Steps, operation

CLEARED = "the session ended or was cleared while it was being answered"


class BaseTurn:
    """What sync and async turns have in common. `messages`: the history when the turn began, oldest first.

    turns: how many there were before this one, those included that are no longer stored. `summary` of the oldest
    `summary_turns` of them, if one was stored. `collection` of the session's documents then, empty if none is named.
    After a commit: `number`, from 1, and `replicas`, how many of them have it (None if that was not asked for).
    """

    def __init__(
        self,
        session_id: SessionId,
        found: Snapshot,
        token: str,
        store_turn: Callable[[SessionId, str, Snapshot, Commit], Steps[Committed]],
        confirmed: Callable[[SessionId, Committed], None],
    ) -> None:
        self.session_id = session_id
        self._store_turn = store_turn
        self._confirmed = confirmed
        self.messages: list[BaseMessage] = CopyOnRead(record.message for record in found.records)
        self._found = found
        self._token = token
        self.turns = found.turns
        self.summary = found.summary
        self.summary_turns = found.summary_turns
        self.collection = found.collection
        self.number: int | None = None
        self.replicas: int | None = None

    @property
    def committed(self) -> bool:
        return self.number is not None

    @property
    def summarised(self) -> int:
        """How many of `messages`, the oldest ones, the summary covers."""
        return bisect_right(self._found.records, self.summary_turns, key=attrgetter("turn")) if self.summary else 0

    def turn_at(self, place: int) -> int:
        """The number of the turn that the message at this place of `messages` belongs to, from 1."""
        return self._found.records[place].turn

    def said_from(self, place: int) -> list[tuple[str, str | list[Any]]]:
        """Type and content of `messages` from this place on, as they were stored. Not to be changed."""
        records = self._found.records
        return [(record.message.type, record.message.content) for record in records[place:]]

    @operation
    def commit(
        self,
        messages: Sequence[BaseMessage],
        documents: Sequence[str] = (),
        *,
        model: str | None = None,
        title: str | None = None,
        summary: tuple[str, int] | None = None,
        trace: str | None = None,
    ) -> Steps[int]:
        """Store these messages as one unit and end the turn. Returns the turn's number, from 1.

        documents: ids of what the answers used. title: for the session, if it has none yet. summary: a text and how
        many of the oldest turns it covers. trace: how the turn was answered, for whoever looks into it; the newest ones
        are kept, as long as the session is.
        Raises TurnLost if the session is no longer held; nothing is stored then. TurnUnconfirmed if it is stored, but
        too few replicas have it, and the store is strict about that. ValueError for an empty turn or a
        second commit, TypeError for a message that JSON cannot hold.
        """
        if self.committed:
            raise ValueError("this turn is committed already: begin another")
        if not messages:
            raise ValueError("a turn holds at least one message")
        commit = Commit(messages, documents, model or "", title or "", summary, trace or "")
        result = yield from self._store_turn(self.session_id, self._token, self._found, commit)
        if result.turn < 0:
            raise TurnLost(self.session_id, CLEARED) if result.turn == -2 else TurnLost(self.session_id)
        self.number = result.turn
        self.replicas = result.replicas
        self._confirmed(self.session_id, result)
        return result.turn


class Turn(BaseTurn, Blocking):
    """Made by `SessionStore.turn`."""


class AsyncTurn(BaseTurn, Awaiting):
    """Made by `AsyncSessionStore.turn`: its commit is to be awaited."""
