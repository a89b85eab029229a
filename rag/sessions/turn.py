"""A turn of one session while it is held: what was said before, and one chance to store what comes next."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from langchain_core.messages import BaseMessage

from rag.errors import TurnLost

Commit = Callable[[Sequence[BaseMessage], Sequence[str], str | None, str | None], int]


class Turn:
    """Made by `SessionStore.turn`. `messages`: the history when the turn began, oldest first."""

    def __init__(self, session_id: str, messages: list[BaseMessage], commit: Commit) -> None:
        self.session_id = session_id
        self.messages = messages
        self._commit = commit
        self.number: int | None = None

    @property
    def committed(self) -> bool:
        return self.number is not None

    def commit(
        self,
        messages: Sequence[BaseMessage],
        documents: Sequence[str] = (),
        *,
        model: str | None = None,
        title: str | None = None,
    ) -> int:
        """Store these messages as one unit and end the turn. Returns the turn's number, from 1.

        documents: ids of what the answers used. title: for the session, if it has none yet.
        Raises TurnLost if the session is no longer held; nothing is stored then. ValueError for an empty turn or a
        second commit.
        """
        if self.committed:
            raise ValueError("this turn is committed already: begin another")
        if not messages:
            raise ValueError("a turn holds at least one message")
        number = self._commit(messages, documents, model, title)
        if number < 0:
            raise TurnLost(self.session_id)
        self.number = number
        return number
