"""Sessions and their histories in Redis: exact ids, whole turns, one time to live, nobody else's data."""

from __future__ import annotations

from rag.sessions.connection.connect import connect, connect_async
from rag.sessions.connection.replication import Replication
from rag.sessions.health import Eviction, StoreHealth
from rag.sessions.history import RedisChatMessageHistory, history_factory
from rag.sessions.ids import SessionId
from rag.sessions.messages.codec import StoredMessage
from rag.sessions.protocol.replies import Quarantined, SessionInfo
from rag.sessions.store import AsyncSessionStore, SessionStore
from rag.sessions.turns.turn import AsyncTurn, Turn

__all__ = [
    "AsyncSessionStore",
    "AsyncTurn",
    "Eviction",
    "Quarantined",
    "RedisChatMessageHistory",
    "Replication",
    "SessionId",
    "SessionInfo",
    "SessionStore",
    "StoreHealth",
    "StoredMessage",
    "Turn",
    "connect",
    "connect_async",
    "history_factory",
]
