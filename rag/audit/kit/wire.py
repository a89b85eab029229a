"""What a store sends while it works, seen without its help: each command as its client library hands it over.

Seen are the clients that are loaded: redis-py and valkey-py (blocking and asyncio), sqlite3 and what stands on it
(aiosqlite, SQLAlchemy), psycopg, and SQLAlchemy's other drivers. What another client sends is not seen.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from rag.audit.kit.contract import NotApplicable
from rag.audit.kit.trial import Store, Trial
from rag.audit.kit.wire_clients import (
    Found,
    redis_like,
    size_of,
    watch_psycopg,
    watch_redis,
    watch_sqlalchemy,
    watch_sqlite,
)

HANDSHAKE = {"HELLO", "AUTH", "CLIENT", "SELECT", "PING", "COMMAND", "CLUSTER", "READONLY", "INFO", "SENTINEL"}
"""Commands that a connection to Redis sends for itself."""
UNSEEN = "None of the clients whose commands can be seen sent any (redis-py, valkey-py, sqlite3, psycopg, SQLAlchemy)"


@dataclass(frozen=True)
class Sent:
    """What was sent at once: a command, or a pipeline of several."""

    client: str
    """`redis` (valkey-py as well), `sqlite3`, `psycopg` or `sqlalchemy`."""
    what: str
    """The names of its commands."""
    size: int
    """Bytes."""
    thread: int
    """The identifier of the thread that sent it."""
    link: Any
    """Of Redis and psycopg: the connection; of sqlite3: the database's name."""
    commands: tuple[tuple[bytes, ...], ...] = ()
    """Of Redis: each with its words; of psycopg: the statements."""
    pipeline: Any = None
    """Of psycopg: the one that it is sent in."""

    def with_next(self, sent: Sent) -> Sent:
        """It and what follows in the same pipeline."""
        what, commands = f"{self.what}, {sent.what}", self.commands + sent.commands
        return replace(self, what=what, size=self.size + sent.size, commands=commands)


class Wire:
    """All that is sent while it is entered, in order. `before` is called with each before it goes, in its thread."""

    def __init__(self, folder: str = "") -> None:
        self.folder = os.path.realpath(folder) if folder else ""
        """Files that are opened in it are seen as well."""
        self.sent: list[Sent] = []
        self.received = 0
        """Bytes of the values in Redis' replies, and of PostgreSQL's rows."""
        self.opened: list[tuple[int, bool]] = []
        """Of each file that was opened in the folder: the thread, and whether to write."""
        self.before: Callable[[Sent], None] = lambda _: None
        self._aside = threading.local()
        self._watching: dict[Any, Callable[[], None]] = {}

    def __enter__(self) -> Wire:
        import sqlite3  # noqa: F401  # what it opens later is seen from its beginning alone

        entered().append(self)
        self.attach()
        return self

    def attach(self) -> None:
        """Watch the clients that have been loaded since, too."""
        for kind, watch in {"sqlite3": watch_sqlite, "sqlalchemy": watch_sqlalchemy}.items():
            if kind in sys.modules and kind not in self._watching:
                self._watching[kind] = watch(self._saw)
        if "psycopg" in sys.modules and "psycopg" not in self._watching:
            self._watching["psycopg"] = watch_psycopg(self._saw, self._heard)
        for module in redis_like():
            if module not in self._watching:
                self._watching[module] = watch_redis(module, self._saw, self._heard)

    def __exit__(self, *_: object) -> None:
        entered().remove(self)
        for undo in self._watching.values():
            undo()
        self._watching.clear()

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """What this thread sends now is the auditor's own."""
        self._aside.on = True
        try:
            yield
        finally:
            self._aside.on = False

    def _saw(self, found: Found) -> None:
        own = found.client == "redis" and HANDSHAKE.issuperset(found.names)
        if own or getattr(self._aside, "on", False):
            return
        what = ", ".join(found.names[:6])
        sent = Sent(found.client, what, found.size, threading.get_ident(), found.link, found.commands, found.pipeline)
        self.before(sent)
        if found.pipeline and self.sent and self.sent[-1].pipeline is found.pipeline:
            self.sent[-1] = self.sent[-1].with_next(sent)
        else:
            self.sent.append(sent)

    def _heard(self, reply: Any) -> None:
        if not getattr(self._aside, "on", False):
            self.received += size_of(reply)

    @property
    def outside(self) -> bool:
        """Whether something was put where it can outlive the process: on a server, or into a file."""
        return any(write for _, write in self.opened) or any(
            each.client != "sqlite3" or not is_volatile(each.link) for each in self.sent
        )


@cache
def entered() -> list[Wire]:
    """Those that see now. Python's audit hook, which tells them of files, is set once, and cannot be taken away."""
    sys.addaudithook(audited)
    return []


def is_volatile(database: str) -> bool:
    return database in ("", ":memory:") or ":memory:" in database or "mode=memory" in database


def audited(event: str, given: Any) -> None:
    """Python's own audit event of a file that is opened."""
    if event != "open" or not isinstance(given[0], str):
        return
    path, mode, flags = given
    for wire in list(entered()):
        if wire.folder and os.path.abspath(path).startswith(wire.folder + os.sep):  # noqa: PTH100  # opens nothing itself
            write = bool(set(mode or "") & set("wax+")) or bool((flags or 0) & (os.O_WRONLY | os.O_RDWR))
            wire.opened.append((threading.get_ident(), write))


@contextlib.asynccontextmanager
async def watched(trial: Trial) -> AsyncIterator[tuple[Store, Wire]]:
    """The store, opened anew and read once, so that it is connected, with all that it sends from then on."""
    with Wire(trial.folder) as wire:
        async with trial.store() as store:
            store.needs("read")
            await store.read("the auditor", trial.at("nobody"))
            wire.attach()
            await store.read("the auditor", trial.at("nobody"))
            wire.sent.clear()
            wire.opened.clear()
            wire.received = 0
            yield store, wire


def seen(wire: Wire) -> list[Sent]:
    """What was sent. Raises NotApplicable if nothing was seen."""
    if not wire.sent:
        raise NotApplicable(f"{UNSEEN}.")
    return wire.sent
