"""langchain-redis: a JSON document a message, found by its key. Needs a server that has the JSON module.

Nothing says which documents a session has but their keys, which lie scattered: a walk first writes them down in a
temporary file, so that its memory does not grow with them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from rag.errors import CrosswireError
from rag.inspector.key_scan import of_each, steps
from rag.inspector.layouts.base import BATCH, Histories, Layout, Stored
from rag.inspector.pace import Pace
from rag.sessions.connection.errors import translated

DOCUMENT = b"ReJSON-RL"
LONGEST = 10_000
"""Documents of one session that are read."""


class Documents(Histories):
    def __init__(self, client: Any, layout: Layout, prefix: str, target: str) -> None:
        super().__init__(client, layout, prefix, target)
        self._known: sqlite3.Connection | None = None

    def ids(self, pace: Pace) -> Iterator[tuple[int, list[str]]]:
        self._needs_module()
        # An empty name: SQLite makes a file, and removes it when it is closed.
        self._known = known = sqlite3.connect("", check_same_thread=False)
        known.execute("CREATE TABLE document (session BLOB, key BLOB, PRIMARY KEY (session, key)) WITHOUT ROWID")
        with translated(self.target):
            for found in steps(self.client, pace, self.prefix):
                pairs = ((self._session(key), key) for key in found)
                known.executemany("INSERT OR IGNORE INTO document VALUES (?, ?)", [p for p in pairs if p[0]])
                yield len(found), []
        sessions = known.execute("SELECT DISTINCT session FROM document")
        while part := sessions.fetchmany(BATCH):
            yield 0, [_text(session) for (session,) in part]

    def read(self, ids: Sequence[str], pace: Pace, first: int | None = None) -> list[Stored]:
        del first
        self._needs_module()
        found = []
        with translated(self.target):
            for sid in ids:
                names = self._names(sid, pace)
                if names and (stored := pace(self._read, sid, names)) is not None:
                    found.append(stored)
        return found

    def _read(self, sid: str, names: list[bytes]) -> Stored | None:
        def ask(pipe: Any, name: bytes) -> None:
            pipe.execute_command("JSON.GET", name)
            pipe.pttl(name)
            pipe.type(name)

        lines, left = list[bytes](), dict[str, int]()
        for name, (document, ms, kind) in zip(names, of_each(self.client, names, ask), strict=True):
            if kind == DOCUMENT and isinstance(document, bytes | str):
                lines.append(document.encode() if isinstance(document, str) else document)
                left[name.decode("utf-8", "replace")] = ms
        return Stored(sid, lines, len(lines), left) if lines else None

    def _names(self, sid: str, pace: Pace) -> list[bytes]:
        """Of a session's documents, oldest first: a ULID begins with the time."""
        if self._known is not None:
            rows = self._known.execute(
                "SELECT key FROM document WHERE session = ? ORDER BY key LIMIT ?", (_blob(sid), LONGEST)
            )
            return [name for (name,) in rows]
        found = {name for part in steps(self.client, pace, f"{self.prefix}{sid}:") for name in part}
        return sorted(name for name in found if self._session(name) == _blob(sid))[:LONGEST]

    def _session(self, key: bytes) -> bytes | None:
        session, colon, ulid = key.removeprefix(self.prefix.encode()).rpartition(b":")
        return session if colon and len(ulid) == 26 and ulid.isalnum() else None

    def _needs_module(self) -> None:
        try:
            with translated(self.target):
                self.client.execute_command("JSON.GET", self.prefix)
        except CrosswireError as exc:
            if "unknown command" not in str(exc):
                raise
            raise CrosswireError(
                f"The server at {self.target} has no JSON module, so there is nothing of langchain-redis in it. "
                "Expected Redis 8, or Redis Stack; or choose another format."
            ) from exc


def _blob(session_id: str) -> bytes:
    return session_id.encode("utf-8", "surrogateescape")


def _text(session: bytes) -> str:
    return session.decode("utf-8", "surrogateescape")
