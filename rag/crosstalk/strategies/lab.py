"""What a run gives a strategy: places of its own to store in. One Lab serves a process; it can be sent to another one,
where it opens the same places anew."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from rag.errors import CrosswireError
from rag.sessions import SessionStore, connect
from rag.sessions.embedded.server import EmbeddedServer
from rag.sessions.protocol.keys import DEFAULT_PREFIX
from rag.settings import without_password

TTL = 900


class _Opened:
    """The connections of one process. Thread-safe."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.client: Any = None
        self.store: SessionStore | None = None


@dataclass(frozen=True, slots=True)
class Lab(AbstractContextManager["Lab"]):
    """folder: for files, exists. prefix: of every key, session and table that a strategy makes. redis_url and
    state_dir: as for `rag.sessions.connect`. sql_url: SQLAlchemy's; None: a file in the folder. ttl: seconds."""

    folder: Path
    prefix: str = "lab:"
    seed: int = 0
    redis_url: str = "embedded"
    state_dir: Path | None = None
    sql_url: str | None = None
    history_prefix: str = DEFAULT_PREFIX
    ttl: int = TTL
    connections: int = 128
    _opened: _Opened = field(default_factory=_Opened, repr=False, compare=False)

    def under(self, prefix: str) -> Self:
        """The same places and connections, other keys."""
        return replace(self, prefix=prefix)

    def again(self) -> Self:
        """The same places, with connections of its own."""
        return replace(self, _opened=_Opened())

    @property
    def redis(self) -> Any:
        """The client of this process: redis.Redis or RedisCluster, which share no useful base."""
        return self.open_redis()

    def open_redis(self) -> Any:
        """The same, as an act: raises SessionStoreUnavailable now and not in the first turn."""
        with self._opened.lock:
            if self._opened.client is None:
                self._opened.client = connect(
                    self.redis_url, state_dir=self.state_dir, max_connections=self.connections
                )
            return self._opened.client

    @property
    def store(self) -> SessionStore:
        """Crosswire's own session store, as the app uses it."""
        client = self.redis
        with self._opened.lock:
            if self._opened.store is None:
                self._opened.store = SessionStore(client, ttl=self.ttl, key_prefix=self.history_prefix)
            return self._opened.store

    @property
    def plain_redis_url(self) -> str:
        """The server's address as any other Redis client reads it. Raises CrosswireError for several servers."""
        if self.redis_url.startswith(("redis+", "rediss+")):
            raise CrosswireError(
                f"This strategy's own Redis client knows single servers only, not {without_password(self.redis_url)}. "
                "Set REDIS_URL to embedded or to one server, or choose another strategy.",
                "This strategy does not run on the session store of this server. Choose another strategy.",
            )
        if self.redis_url != "embedded":
            return self.redis_url
        self.redis.ping()
        return f"unix://{EmbeddedServer(self.state_dir).address()}"

    def reads(self) -> int | None:
        """How often the server has read from its clients so far; None if it is not in use here or does not say."""
        client = self._opened.client
        if client is None:
            return None
        found: Any = client.info("stats")
        count = found.get("total_reads_processed")
        return count if isinstance(count, int) else None

    def close(self) -> None:
        with self._opened.lock:
            if self._opened.client is not None:
                self._opened.client.close()
            self._opened.client = self._opened.store = None

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[Lab], tuple[Any, ...]]:
        return type(self), tuple(getattr(self, one.name) for one in fields(self) if one.compare)
