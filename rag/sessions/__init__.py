"""Sessions and their histories in Redis: exact ids, whole turns, one time to live, nobody else's data."""

from __future__ import annotations

from rag.sessions.codec import StoredMessage
from rag.sessions.connect import connect
from rag.sessions.history import RedisChatMessageHistory
from rag.sessions.ids import SessionId
from rag.sessions.store import SessionInfo, SessionStore
from rag.sessions.turn import Turn

__all__ = [
    "RedisChatMessageHistory",
    "SessionId",
    "SessionInfo",
    "SessionStore",
    "StoredMessage",
    "Turn",
    "connect",
]
