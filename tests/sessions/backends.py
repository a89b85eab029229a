"""Where the contract runs, and how stores are opened there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from typing import Any
from uuid import uuid4

import redis

from rag.sessions import SessionStore, connect
from rag.sessions.connection.connect import Client
from rag.sessions.ids import SessionId
from rag.sessions.protocol.keys import tag
from tests.sessions.blocking import BlockingStore, Loop

KEYS = (bytes(range(32)), bytes(range(32, 64)))
"""Two encryption keys."""

AnyStore = SessionStore | BlockingStore


@dataclass(slots=True)
class Backend:
    """One kind of store on one server. Each test has a key prefix of its own, so index and audit are its own, too."""

    url: str
    sealed: bool
    loop: Loop | None
    raw: Client
    prefix: str = field(default_factory=lambda: f"{uuid4().hex[:12]}:")
    _opened: ExitStack = field(default_factory=ExitStack)

    def open(self, **options: Any) -> AnyStore:
        """A store as another process would open it: nothing is shared with those opened before."""
        options = {"key_prefix": self.prefix, "encryption_keys": KEYS[:1] if self.sealed else (), **options}
        if self.loop is not None:
            return self._opened.enter_context(BlockingStore(self.loop, self.url, **options))
        client = connect(self.url)
        self._opened.callback(client.close)
        return SessionStore(client, **options)

    def keys(self, session_id: str = "") -> set[str]:
        """All keys of this test, or those of one session."""
        mark = f"{{{tag(SessionId(session_id))}}}" if session_id else ""
        found = (raw.decode() for raw in self._scan())
        return {key for key in found if key.startswith(self.prefix) and mark in key}

    def left(self, session_id: str) -> dict[str, int]:
        """Milliseconds that each key of a session has left."""
        return {key: self.raw.pttl(key) for key in self.keys(session_id)}

    def dumped(self, *session_ids: str) -> dict[str, bytes | None]:
        """All that is stored of these sessions, but for how long."""
        keys = [key for session_id in session_ids for key in self.keys(session_id)]
        return {key: self.raw.dump(key) for key in keys}

    def expire(self, session_id: str, milliseconds: int) -> None:
        for key in self.keys(session_id):
            self.raw.pexpire(key, milliseconds)

    def forget(self, session_id: str) -> None:
        """As if everything of the session had expired, its lock included."""
        for key in self.keys(session_id):
            self.raw.delete(key)

    def history(self, session_id: str) -> str:
        """The key of a session's messages."""
        (key,) = (key for key in self.keys(session_id) if self.raw.type(key) == b"list")
        return key

    def close(self) -> None:
        self._opened.close()

    def _scan(self) -> Iterator[bytes]:
        if isinstance(self.raw, redis.RedisCluster):
            return chain.from_iterable(
                self.raw.get_redis_connection(node).scan_iter(count=1000)
                for node in self.raw.get_primaries()  # type: ignore[no-untyped-call]
            )
        return self.raw.scan_iter(count=1000)
