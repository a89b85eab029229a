"""Sessions and their histories in Redis: exact ids, whole turns, one time to live, nobody else's data."""

from __future__ import annotations

from rag.sessions.aio import AsyncSessionStore
from rag.sessions.codec import StoredMessage
from rag.sessions.connect import connect, connect_async
from rag.sessions.history import RedisChatMessageHistory
from rag.sessions.ids import SessionId
from rag.sessions.protocol import Quarantined, SessionInfo
from rag.sessions.store import SessionStore
from rag.sessions.turn import AsyncTurn, Turn

__all__ = [
    "AsyncSessionStore",
    "AsyncTurn",
    "Quarantined",
    "RedisChatMessageHistory",
    "SessionId",
    "SessionInfo",
    "SessionStore",
    "StoredMessage",
    "Turn",
    "connect",
    "connect_async",
]
