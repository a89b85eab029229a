"""Traced turns in Redis, by conversation: the newest ones of the newest conversations, for as long as they are wanted.

| key             | type       | holds                                                     |
|-----------------|------------|-----------------------------------------------------------|
| `traces:{<id>}` | List       | a turn each, as OTLP JSON, oldest first                   |
| `traces:live`   | Sorted set | conversation by its last turn (epoch s)                   |

No key of a session of the chat is ever written here. Writing is one round trip.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rag.sessions.connection.errors import translated
from rag.sessions.ids import SessionId
from rag.sessions.protocol.keys import tag

MOST_TURNS = 50
"""Of a conversation."""
MOST_CONVERSATIONS = 2000
LARGEST = 1 << 18
"""Bytes of a turn; a larger one is not kept."""
TTL = 24 * 3600
LIVE = "traces:live"


@dataclass(frozen=True, slots=True)
class Traced:
    """A conversation. at: epoch seconds of its last turn; ttl: seconds left."""

    id: str
    at: float
    turns: int
    ttl: float | None


class TraceStore:
    """Thread-safe as its client is. ttl: seconds after the last turn for which a conversation is kept."""

    def __init__(
        self, client: Any, ttl: int = TTL, clock: Callable[[], float] = time.time, target: str = "REDIS_URL"
    ) -> None:
        self._client = client
        self._ttl = ttl
        self._clock = clock
        self._target = target

    def add(self, turns: Sequence[tuple[str, str]]) -> int:
        """Store turns, each a conversation's id and its OTLP JSON. Returns how many were kept. Raises BadSessionId."""
        kept = [(SessionId(one), text) for one, text in turns if len(text) <= LARGEST]
        if not kept:
            return 0
        pipe = self._client.pipeline(transaction=False)
        for conversation, text in kept:
            key = name(conversation)
            pipe.rpush(key, text.encode("utf-8", "replace"))
            pipe.ltrim(key, -MOST_TURNS, -1)
            pipe.expire(key, self._ttl)
        now = self._clock()
        pipe.zadd(LIVE, {conversation: now for conversation, _ in kept})
        pipe.zremrangebyrank(LIVE, 0, -MOST_CONVERSATIONS - 1)
        pipe.zremrangebyscore(LIVE, "-inf", now - self._ttl)
        pipe.expire(LIVE, self._ttl)
        with translated(self._target):
            pipe.execute()
        return len(kept)

    def conversations(self, count: int = 200) -> list[Traced]:
        """Those with the newest turns first."""
        with translated(self._target):
            found = self._client.zrevrange(LIVE, 0, count - 1, withscores=True)
            ids = [(SessionId(raw.decode("utf-8", "replace")), at) for raw, at in found]
            pipe = self._client.pipeline(transaction=False)
            for conversation, _ in ids:
                pipe.llen(name(conversation))
                pipe.pttl(name(conversation))
            replies = pipe.execute(raise_on_error=False)
        pairs = zip(ids, replies[::2], replies[1::2], strict=True)
        return [
            Traced(conversation, at, turns, left / 1000 if left >= 0 else None)
            for (conversation, at), turns, left in pairs
            if isinstance(turns, int) and turns and isinstance(left, int)
        ]

    def turns(self, conversation_id: str) -> list[bytes]:
        """Oldest first, as they were sent."""
        with translated(self._target):
            found = self._client.lrange(name(conversation_id), -MOST_TURNS, -1)
        return [raw for raw in found if len(raw) <= LARGEST]

    def forget(self, conversation_id: str) -> None:
        with translated(self._target):
            self._client.unlink(name(conversation_id))
            self._client.zrem(LIVE, conversation_id)


def name(conversation_id: str) -> str:
    """Of the conversation's key. Raises BadSessionId."""
    return f"traces:{{{tag(SessionId(conversation_id))}}}"
