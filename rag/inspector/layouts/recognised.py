"""All layouts of one database together: every key is looked at, and read by the reader of the layout that claims it.

What no layout claims is counted, or named as doubtful where it could hold messages (see `suspects`). Nothing depends on
how keys are named, but for the app's own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from rag.inspector.key_scan import steps
from rag.inspector.layouts.base import Histories, Layout, Seen, Stored
from rag.inspector.layouts.crosswire import Own
from rag.inspector.layouts.registry import CLASSIC, COMMUNITY, CROSSWIRE, LANGCHAIN_REDIS, LAYOUTS
from rag.inspector.layouts.scattered import Scattered, blob, text
from rag.inspector.pace import Pace
from rag.inspector.parsing.looks import Look, looks
from rag.inspector.parsing.message_parsers import Said, classic, document_by_key
from rag.inspector.parsing.suspects import Spots, suspicion
from rag.sessions import SessionStore
from rag.sessions.connection.errors import translated

AUTO = Layout("auto", "All that is recognised", "", None, classic)
REMEMBERED = 1000
"""Sessions last read, whose elements may still be asked for."""
UNREADABLE = "it looked like {}, and could not be read as that"


class Recognised(Histories):
    """A session's id is its key, without the prefix that was asked for; of layouts with several keys each, its own.

    spots: whether what a scan looks for is in a text; then a key in which it is is never passed over.
    """

    def __init__(self, client: Any, store: SessionStore, prefix: str | None, target: str) -> None:
        super().__init__(client, AUTO, prefix or "", target)
        self.spots: Spots | None = None
        self._own = Own(client, CROSSWIRE, store, target)
        self._readers: dict[str, Histories] = {CROSSWIRE.name: self._own}
        for layout in LAYOUTS.values():
            if layout.reader is not None:
                several = issubclass(layout.reader, Scattered)
                self._readers[layout.name] = layout.reader(client, layout, "" if several else self.prefix, target)
        self._readers[LANGCHAIN_REDIS.name].parse = document_by_key
        self._parsers: dict[str, Callable[[bytes, str], Said]] = {}
        self.parse = self._parse
        self._begun = False
        self._begin()

    def ids(self, pace: Pace) -> Iterator[tuple[int, list[str]]]:
        return self.sampled(pace, None)

    def sampled(self, pace: Pace, most: int | None) -> Iterator[tuple[int, list[str]]]:
        """The same for a first answer: after about so many keys the walk ends. `seen.keys` says how many it were."""
        self._begin()
        self._begun = most is None
        with translated(self.target):
            for names in steps(self.client, pace, self.prefix):
                self.seen.keys += len(names)
                yield len(names), self._claimed(names, pace)
                if most is not None and self.seen.keys >= most:
                    break
        for name, reader in self._readers.items():
            if isinstance(reader, Scattered):
                for sessions in reader.index.sessions():
                    yield 0, [self._known_as(session, name) for session in sessions]

    def read(self, ids: Sequence[str], pace: Pace, first: int | None = None) -> list[Stored]:
        found: dict[str, Stored] = {}
        for name, known in self._by_layout(ids, pace).items():
            reader = self._readers[name]
            for stored in reader.read(list(known), pace, first):
                shown = known[stored.id]
                stored.owner, stored.reader = stored.id, reader
                stored.id = shown
                self._remember(shown, stored.owner, reader)
                found[shown] = stored
            self._missed({one: reader for one, shown in known.items() if shown not in found}, pace)
        return [found[one] for one in ids if one in found]

    def key_names(self, stored: Stored) -> list[str | bytes]:
        if stored.reader is None:
            return list(stored.left)
        return stored.reader.key_names(replace(stored, id=stored.owner))

    def _claimed(self, names: Sequence[bytes], pace: Pace) -> list[str]:
        ids: dict[str, None] = {}
        others = list[bytes]()
        for name in names:
            owner = self._own.owner(name)
            if owner is None:
                others.append(name)
            else:
                ids[self._known_as(owner, CROSSWIRE.name)] = None
        for look in looks(self.client, others, pace):
            layout = claimed_by(look)
            if layout is None:
                self._unclaimed(look)
                continue
            reader = self._readers[layout.name]
            if isinstance(reader, Scattered):
                if reader.part(look) is None:
                    self.seen.doubt(look, f"it looks like {layout.title}, but its key does not say whose it is")
                else:
                    reader.found([look])
            else:
                ids[self._known_as(look.name[len(self.prefix) :], layout.name)] = None
        return list(ids)

    def _unclaimed(self, look: Look) -> None:
        why = suspicion(look, self.spots)
        if why:
            self.seen.doubt(look, why)
        else:
            self.seen.other(look)

    def _missed(self, missing: dict[str, Histories], pace: Pace) -> None:
        """Sessions of one key that were claimed and then not read: gone, or broken from the start."""
        keys = {blob(reader.prefix + one): reader for one, reader in missing.items() if not _several(reader)}
        for look in looks(self.client, list(keys), pace) if keys else ():
            self.seen.doubt(look, UNREADABLE.format(keys[look.key].layout.title))

    # --- whose is which

    def _begin(self) -> None:
        self.seen = Seen()
        self._begun = False
        # An empty name: SQLite makes a file, and removes it when it is closed.
        self._file = sqlite3.connect("", check_same_thread=False)
        self._file.execute("CREATE TABLE whose (shown BLOB PRIMARY KEY, id BLOB, layout TEXT) WITHOUT ROWID")
        for reader in self._readers.values():
            if isinstance(reader, Scattered):
                reader.begin()

    def _known_as(self, session: str, layout: str) -> str:
        """The id under which it is read: its own, unless a session of another layout has that."""
        for shown in (session, f"{session} ({layout})"):
            row = (blob(shown), blob(session), layout)
            self._file.execute("INSERT OR IGNORE INTO whose VALUES (?, ?, ?)", row)
            if self._whose(shown) == (session, layout):
                return shown
        return session

    def _whose(self, shown: str) -> tuple[str, str] | None:
        row = self._file.execute("SELECT id, layout FROM whose WHERE shown = ?", (blob(shown),)).fetchone()
        return None if row is None else (text(row[0]), row[1])

    def _by_layout(self, ids: Sequence[str], pace: Pace) -> dict[str, dict[str, str]]:
        """Of each layout, its sessions' own ids and how they are shown. Unknown ones are looked for."""
        if not self._begun and any(self._whose(one) is None for one in ids):
            with translated(self.target):
                self._claimed([blob(self.prefix + one) for one in ids], pace)
            if any(self._whose(one) is None for one in ids):
                for _ in self.ids(pace):
                    pass
        known: dict[str, dict[str, str]] = {}
        for shown in ids:
            if (whose := self._whose(shown)) is not None:
                known.setdefault(whose[1], {})[whose[0]] = shown
        return known

    def _parse(self, raw: bytes, session_id: str) -> Said:
        parse = self._parsers.get(session_id)
        return classic(raw, session_id) if parse is None else parse(raw, session_id)

    def _remember(self, shown: str, own: str, reader: Histories) -> None:
        self._parsers.pop(shown, None)
        self._parsers[shown] = lambda raw, _: reader.parse(raw, own)
        while len(self._parsers) > REMEMBERED:
            del self._parsers[next(iter(self._parsers))]


def claimed_by(look: Look) -> Layout | None:
    """The layout whose this is, by what it holds."""
    found = next((one for one in LAYOUTS.values() if one.claims is not None and one.claims(look)), None)
    return COMMUNITY if found is CLASSIC and _newest_first(look) else found


def _newest_first(look: Look) -> bool:
    """A conversation begins with a question and ends with an answer, as a rule; langchain-community names its keys."""
    first, last = (classic(look.parts[number], "").role for number in (0, -1))
    if first == last:
        return look.name.startswith(COMMUNITY.prefix)
    return first == "assistant" and last in ("user", "system")


def _several(reader: Histories) -> bool:
    return isinstance(reader, Own | Scattered)
