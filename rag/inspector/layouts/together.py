"""Several layouts read as one: which session is whose is written down in a temporary file while walking."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from rag.inspector.layouts.base import Histories, Layout, Seen, Stored
from rag.inspector.layouts.scattered import Scattered, blob, text
from rag.inspector.pace import Pace
from rag.inspector.parsing.message_parsers import Said, classic
from rag.inspector.parsing.suspects import Spots

AUTO = Layout("auto", "Everything recognised", "", None, classic)
REMEMBERED = 1000
"""Sessions last read, whose elements may still be asked for."""


class Together(Histories):
    """readers: by their layout's name. spots: whether what a scan looks for is in a text, to pass over no such key."""

    def __init__(self, client: Any, prefix: str, target: str) -> None:
        super().__init__(client, AUTO, prefix, target)
        self.readers: dict[str, Histories] = {}
        self.spots: Spots | None = None
        self.parse = self._parse
        self._parsers: dict[str, Callable[[bytes, str], Said]] = {}
        self.begin()

    def begin(self) -> None:
        """Forget an earlier walk."""
        self.seen = Seen()
        # An empty name: SQLite makes a file, and removes it when it is closed.
        self._file = sqlite3.connect("", check_same_thread=False)
        self._file.execute("CREATE TABLE whose (shown BLOB PRIMARY KEY, id BLOB, layout TEXT) WITHOUT ROWID")
        for reader in self.readers.values():
            reader.seen = self.seen
            if isinstance(reader, Scattered):
                reader.begin()

    def known_as(self, session: str, layout: str) -> str:
        """The id under which it is read: its own, unless a session of another layout has that."""
        for shown in (session, f"{session} ({layout})"):
            row = (blob(shown), blob(session), layout)
            self._file.execute("INSERT OR IGNORE INTO whose VALUES (?, ?, ?)", row)
            if self.whose(shown) == (session, layout):
                return shown
        return session

    def whose(self, shown: str) -> tuple[str, str] | None:
        """Its own id, and its layout's name; None if no walk has met it."""
        row = self._file.execute("SELECT id, layout FROM whose WHERE shown = ?", (blob(shown),)).fetchone()
        return None if row is None else (text(row[0]), row[1])

    def read(self, ids: Sequence[str], pace: Pace, first: int | None = None) -> list[Stored]:
        found: dict[str, Stored] = {}
        known: dict[str, dict[str, str]] = {}
        for shown in ids:
            if (whose := self.whose(shown)) is not None:
                known.setdefault(whose[1], {})[whose[0]] = shown
        for name, of_layout in known.items():
            reader = self.readers[name]
            for stored in reader.read(list(of_layout), pace, first):
                shown = of_layout[stored.id]
                self._remember(shown, stored.id, reader)
                found[shown] = replace(stored, id=shown, owner=stored.id, reader=reader)
            self.missed([one for one, shown in of_layout.items() if shown not in found], reader, pace)
        return [found[one] for one in ids if one in found]

    def missed(self, ids: Sequence[str], reader: Histories, pace: Pace) -> None:
        """These were met on a walk, and are not there to be read."""

    def key_names(self, stored: Stored) -> list[str | bytes]:
        if stored.reader is None:
            return list(stored.left)
        return stored.reader.key_names(replace(stored, id=stored.owner))

    def _parse(self, raw: bytes, session_id: str) -> Said:
        parse = self._parsers.get(session_id)
        return classic(raw, session_id) if parse is None else parse(raw, session_id)

    def _remember(self, shown: str, own: str, reader: Histories) -> None:
        self._parsers.pop(shown, None)
        self._parsers[shown] = lambda raw, _: reader.parse(raw, own)
        while len(self._parsers) > REMEMBERED:
            del self._parsers[next(iter(self._parsers))]
