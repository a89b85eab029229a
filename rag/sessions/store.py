"""The stores as they are used: everything of a session by its id, and LangChain's view of one."""

from __future__ import annotations

from rag.sessions.history import RedisChatMessageHistory
from rag.sessions.turn_stores import AsyncTurnStore, TurnStore


class SessionStore(TurnStore):
    """Thread-safe. One instance serves all sessions of a process. Its arguments stand at `Operations`."""

    def history(self, session_id: str) -> RedisChatMessageHistory:
        """The session as LangChain knows it."""
        return RedisChatMessageHistory.of(self, session_id)


class AsyncSessionStore(AsyncTurnStore):
    """The same for asyncio, to be awaited; sync and async stores may serve the same sessions at the same time."""

    def history(self, session_id: str) -> RedisChatMessageHistory:
        """The session as LangChain knows it, by the methods that are to be awaited."""
        return RedisChatMessageHistory.of(self, session_id)
