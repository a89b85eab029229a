"""A session as LangChain's `BaseChatMessageHistory`, for `RunnableWithMessageHistory` and everything built on it.

Both are deprecated in LangChain 1.x and go away in 2.0: they append whatever a run produced, without knowing of turns,
so two tabs of one session can each miss what the other said. New code takes `SessionStore.turn` instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage

from rag.sessions.connect import Client
from rag.sessions.keys import DEFAULT_PREFIX
from rag.sessions.store import SessionStore


class RedisChatMessageHistory(BaseChatMessageHistory):
    """Each `add_messages` is stored as one turn: whole, or not at all."""

    def __init__(
        self, session_id: str, redis_client: Client, ttl: int = 3600, key_prefix: str = DEFAULT_PREFIX
    ) -> None:
        self._store = SessionStore(redis_client, ttl, key_prefix=key_prefix)
        self.session_id = session_id

    @classmethod
    def of(cls, store: SessionStore, session_id: str) -> Self:
        """The history of one session of a store that is there already."""
        history = cls.__new__(cls)
        history._store = store
        history.session_id = session_id
        return history

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]
        return self._store.messages(self.session_id)

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        if messages:
            self._store.append(self.session_id, messages)

    def clear(self) -> None:
        self._store.clear(self.session_id)
