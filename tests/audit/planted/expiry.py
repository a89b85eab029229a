"""Stores in a Redis, behind LangChain's history: right ones, and one for each check that needs such a server."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import redis

from tests.audit.planted.core import Core, Row
from tests.audit.planted.faces import History
from tests.servers import Server

TTL = 600
"""Seconds."""


class InRedis(Core):
    """A list a conversation. Each method is one transaction; the expiry is set with it."""

    url = ""

    def __init__(self, folder: str, lane: str) -> None:
        self.lane = lane
        self.client = redis.Redis.from_url(self.url)
        self.prefix = hashlib.sha256(folder.encode()).hexdigest()[:8]

    def key(self, session: str) -> str:
        return f"{self.prefix}:{session}"

    async def rows(self, session: str) -> list[Row]:
        await self.gap()
        return self.readable(self.client.lrange(self.key(session), 0, -1))  # type: ignore[arg-type]  # bytes do

    async def add(self, session: str, rows: list[Row]) -> None:
        await self.gap()
        with self.client.pipeline(transaction=True) as pipe:
            pipe.rpush(self.key(session), *(self.written(row) for row in rows))
            self.expires(pipe, self.key(session))
            pipe.execute()

    def expires(self, client: Any, key: str) -> None:
        client.expire(key, TTL)

    async def wipe(self, session: str) -> None:
        await self.gap()
        self.client.delete(self.key(session))


class WithoutExpiry(InRedis):
    def expires(self, client: Any, key: str) -> None:
        """It does not."""


class ExpiringLater(InRedis):
    """The expiry is a command of its own."""

    async def add(self, session: str, rows: list[Row]) -> None:
        await self.gap()
        self.client.rpush(self.key(session), *(self.written(row) for row in rows))
        self.expires(self.client, self.key(session))


class FromItsBeginning(InRedis):
    """A conversation lives so long from its first turn on."""

    def expires(self, client: Any, key: str) -> None:
        client.expire(key, TTL, nx=True)


class ByMessage(InRedis):
    """Each message has a key and a time of its own; the list of their names is renewed."""

    async def rows(self, session: str) -> list[Row]:
        await self.gap()
        names: Any = self.client.lrange(self.key(session), 0, -1)
        texts: Any = self.client.mget(names) if names else []
        return self.readable([text for text in texts if text is not None])

    async def add(self, session: str, rows: list[Row]) -> None:
        await self.gap()
        with self.client.pipeline(transaction=True) as pipe:
            for row in rows:
                name = f"{self.key(session)}:{uuid.uuid4().hex}"
                pipe.set(name, self.written(row), ex=TTL)
                pipe.rpush(self.key(session), name)
            self.expires(pipe, self.key(session))
            pipe.execute()


class WithACount(InRedis):
    """Right: a second key, which is not renewed, is not missed when it goes."""

    async def add(self, session: str, rows: list[Row]) -> None:
        await super().add(session, rows)
        self.client.set(f"{self.key(session)}:seen", json.dumps(len(rows)), ex=TTL, nx=True)


def in_redis(kind: type[InRedis], url: str) -> Callable[..., Any]:
    """A factory as an audit takes it."""

    def make(session_id: str, folder: str) -> Any:
        return History(session_id, folder, type("Here", (kind,), {"url": url}))

    return make


def served(*options: str) -> Callable[..., Any]:
    """A factory of a store that has a server of its own, in its folder, and starts it again when it ends."""

    @contextlib.contextmanager
    def make(folder: str) -> Iterator[Callable[..., Any]]:
        server = Server(*options)
        server.folder.rmdir()
        server.folder = Path(folder, "server")
        server.folder.mkdir(exist_ok=True)
        server.socket = server.folder / "s"
        over, changing = threading.Event(), threading.Lock()

        def keep() -> None:
            process = server.process
            while process is not None:
                process.wait()
                with changing:
                    process = None if over.is_set() else server.start().process

        with server:
            keeper = threading.Thread(target=keep, daemon=True)
            keeper.start()
            kind = type("Served", (InRedis,), {"url": server.url})
            try:
                yield lambda session_id: History(session_id, folder, kind)
            finally:
                with changing:  # not while it starts: it would fail to
                    over.set()
                    server.stop()
                keeper.join()

    return make


FAULTS: dict[str, type[InRedis]] = {
    "lasting.expiry-set-with-write": ExpiringLater,
    "lasting.expiry-slides": FromItsBeginning,
    "lasting.expiry-whole": ByMessage,
}
"""Check -> the store that it alone fails."""

RIGHT: dict[str, type[InRedis]] = {"a list": InRedis, "a list and a count": WithACount}
"""By name."""

RESTART = "lasting.server-restart"
"""It is tried at a store with a server of its own."""

SERVED: tuple[tuple[str, ...], ...] = ((), ("--appendonly", "yes"))
"""Options of a server that forgets at its end what it acknowledged, and of one that keeps it."""
