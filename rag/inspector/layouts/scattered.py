"""Sessions whose parts lie under many keys: which keys those are is written down in a temporary file while walking, so
that no walk's memory grows with them.
"""

from __future__ import annotations

import sqlite3
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rag.inspector.key_scan import steps
from rag.inspector.layouts.base import BATCH, Histories, Layout, Stored
from rag.inspector.pace import Pace
from rag.inspector.parsing.looks import Look, looks
from rag.sessions.connection.errors import translated

LONGEST = 10_000
"""Keys of one session that are read."""


class KeyIndex:
    """Which keys a session has, in their order. Of one walk, in one thread at a time."""

    def __init__(self) -> None:
        # An empty name: SQLite makes a file, and removes it when it is closed.
        self._file = sqlite3.connect("", check_same_thread=False)
        self._file.execute(
            "CREATE TABLE part (session BLOB, place BLOB, key BLOB, PRIMARY KEY (session, place, key)) WITHOUT ROWID"
        )

    def add(self, parts: Iterable[tuple[str, bytes, bytes]]) -> None:
        """Session, what orders its keys, and the key."""
        rows = ((blob(session), place, key) for session, place, key in parts)
        self._file.executemany("INSERT OR IGNORE INTO part VALUES (?, ?, ?)", rows)

    def sessions(self) -> Iterator[list[str]]:
        found = self._file.execute("SELECT DISTINCT session FROM part")
        while rows := found.fetchmany(BATCH):
            yield [text(session) for (session,) in rows]

    def keys(self, session: str) -> list[bytes]:
        rows = self._file.execute(
            "SELECT key FROM part WHERE session = ? ORDER BY place, key LIMIT ?", (blob(session), LONGEST)
        )
        return [key for (key,) in rows]


class Scattered(Histories):
    """A layout's part of it: whose a key is, and what a session's keys hold together."""

    def __init__(self, client: Any, layout: Layout, prefix: str, target: str) -> None:
        super().__init__(client, layout, prefix, target)
        self.index = KeyIndex()
        self.walked = False

    @abstractmethod
    def part(self, look: Look) -> tuple[str, bytes] | None:
        """Whose key this is, and its place among the keys of its session; None if it is nobody's."""

    @abstractmethod
    def gathered(self, session_id: str, keys: Sequence[bytes], pace: Pace) -> Stored | None:
        """What is in these keys of a session. None if none of them is there any more."""

    def begin(self) -> None:
        """Forget the keys of an earlier walk."""
        self.index = KeyIndex()
        self.walked = True

    def found(self, seen: Iterable[Look]) -> None:
        """Write these keys down."""
        parts = ((self.part(look), look.key) for look in seen)
        self.index.add((*part, key) for part, key in parts if part is not None)

    def ids(self, pace: Pace) -> Iterator[tuple[int, list[str]]]:
        self.begin()
        claims = self.layout.claims
        with translated(self.target):
            for names in steps(self.client, pace, self.prefix):
                self.found(look for look in looks(self.client, names, pace) if claims is not None and claims(look))
                yield len(names), []
        for sessions in self.index.sessions():
            yield 0, sessions

    def read(self, ids: Sequence[str], pace: Pace, first: int | None = None) -> list[Stored]:
        del first
        if not self.walked:
            for _ in self.ids(pace):
                pass
        found = []
        with translated(self.target):
            for sid in ids:
                keys = self.index.keys(sid)
                if len(keys) >= LONGEST:
                    self.seen.doubt(Look(blob(sid), "keys"), f"only its first {LONGEST:,} keys are read")
                if keys and (stored := self.gathered(sid, keys, pace)) is not None:
                    found.append(stored)
        return found


def blob(session_id: str) -> bytes:
    return session_id.encode("utf-8", "surrogateescape")


def text(session: bytes) -> str:
    return session.decode("utf-8", "surrogateescape")
