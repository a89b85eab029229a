"""A store that is right, over SQLite, in which each fault is planted by overriding one method."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import Any

Row = dict[str, Any]
"""A message as it is stored."""


class Core:
    """Rows of a conversation, in order. A right store: each method is one transaction of its own connection.

    The methods are coroutines. In the lane `async` each gives the loop back before and after it touches the database,
    as a driver does; in `sync` never.
    """

    faces: tuple[str, ...] = ("history", "session", "saver", "store")
    """The interfaces behind which it is tried."""
    unquoted = False
    """Whether a search puts the names of fields into its query as they are."""

    def __init__(self, folder: str, lane: str) -> None:
        self.path = f"{folder}/planted.db"
        self.lane = lane
        with self.database() as database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS rows (n INTEGER PRIMARY KEY, session TEXT, row TEXT, stamp INTEGER)"
            )

    def database(self) -> Any:
        """A connection that commits and closes at the end of its `with`."""
        connection = sqlite3.connect(self.path, timeout=10, isolation_level=None)
        connection.execute("PRAGMA synchronous = OFF")  # no test pulls the plug, and a flush takes long on a busy disk
        return _Closing(connection)

    async def gap(self) -> None:
        """A place where another call can come between."""
        if self.lane == "async":
            await asyncio.sleep(0)

    def key(self, session: str) -> str:
        """What a conversation is stored under."""
        return session

    @classmethod
    def place(cls, prefix: str, owner: str, session: str) -> tuple[str, str]:
        """Where owners and prefixes are known: the folder of this one's conversations, and the id of this one there."""
        return name_of(prefix, owner), session

    def stale(self, newest: str, read: str | None) -> bool:
        """Whether a saver over it refuses to write: not over a checkpoint that its writer has not read."""
        return newest != read

    def wrote(self, checkpoint: str) -> None:
        """A saver over it has."""

    def stamped(self, session: str, rows: list[Row]) -> list[tuple[str, str, int]]:
        """What is inserted. The order of a conversation is that of its rows; their stamps are for show."""
        now = time.time_ns()
        return [(self.key(session), self.written(row), now + n) for n, row in enumerate(rows)]

    def stamps(self, session: str) -> list[int]:
        with self.database() as database:
            found = database.execute("SELECT stamp FROM rows WHERE session = ? ORDER BY n", (self.key(session),))
            return [stamp for (stamp,) in found]

    def written(self, row: Row) -> str:
        return json.dumps(row)

    def readable(self, texts: list[str]) -> list[Row]:
        """The rows of these texts. One that is damaged is left out."""
        found = []
        for text in texts:
            with contextlib.suppress(json.JSONDecodeError):
                found.append(json.loads(text))
        return found

    async def rows(self, session: str) -> list[Row]:
        key = self.key(session)
        await self.gap()
        with self.database() as database:
            found = database.execute("SELECT row FROM rows WHERE session = ? ORDER BY n", (key,)).fetchall()
        await self.gap()
        return self.readable([text for (text,) in found])

    async def add(self, session: str, rows: list[Row]) -> None:
        """All of them, or none."""
        await self.gap()
        with self.database() as database:
            database.execute("BEGIN IMMEDIATE")
            database.executemany(
                "INSERT INTO rows (session, row, stamp) VALUES (?, ?, ?)",
                self.stamped(session, rows),
            )
            database.execute("COMMIT")
        await self.gap()

    async def replace(self, session: str, rows: list[Row], expected: int) -> None:
        """Write the whole, as a saver does, if as many rows are there as its writer had read. Raises RuntimeError."""
        await self.gap()
        with self.database() as database:
            database.execute("BEGIN IMMEDIATE")
            ((there,),) = database.execute(
                "SELECT count(*) FROM rows WHERE session = ?", (self.key(session),)
            ).fetchall()
            if there != expected:
                raise RuntimeError("somebody else wrote to this conversation meanwhile")
            database.execute("DELETE FROM rows WHERE session = ?", (self.key(session),))
            database.executemany(
                "INSERT INTO rows (session, row, stamp) VALUES (?, ?, ?)",
                self.stamped(session, rows),
            )
            database.execute("COMMIT")
        await self.gap()

    async def turn(self, session: str, asked: Row, think: Callable[[list[Row]], Awaitable[Row]]) -> Row:
        """Load, let the model think, keep both. The answer."""
        answer = await think(await self.rows(session))
        await self.add(session, [asked, answer])
        return answer

    async def wipe(self, session: str) -> None:
        await self.gap()
        with self.database() as database:
            database.execute("DELETE FROM rows WHERE session = ?", (self.key(session),))

    async def sessions(self) -> list[str]:
        await self.gap()
        with self.database() as database:
            return [each for (each,) in database.execute("SELECT DISTINCT session FROM rows ORDER BY session")]

    async def listed(self, owner: str) -> list[str]:  # they have a folder of their own
        """The ids of this owner's conversations."""
        return await self.sessions()

    async def found(self, session: str, word: str) -> list[Row]:
        """The rows of this conversation that hold the word."""
        return [row for row in await self.rows(session) if word in json.dumps(row, ensure_ascii=False)]


def name_of(*parts: str) -> str:
    """A name for a folder, which is theirs alone."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


class _Closing:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def __enter__(self) -> sqlite3.Connection:
        return self.connection

    def __exit__(self, *_: object) -> None:
        self.connection.close()
