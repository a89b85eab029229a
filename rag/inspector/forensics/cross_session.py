"""What is the same in two sessions, among any number of them, in little memory.

Each message leaves hashes in a temporary file, which is sorted at the end. Only hashes under a key of this process
and the sessions' ids are written there, no text; the file is gone when the scan is.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Iterator
from contextlib import closing

from rag.inspector.forensics.findings import Finding, short
from rag.inspector.parsing.message_parsers import Said

LONG = 80
"""Characters from which on a text is taken to be nobody else's."""
COMMON = 5
"""A text of more sessions than this is a phrase that many use: a greeting, a suggestion, a form letter."""

_ID, _PLACE, _ASKED, _ANSWERED, _ASKED_THERE, _ANSWERED_THERE = range(6)
_TEXTS = (_ASKED, _ANSWERED, _ASKED_THERE, _ANSWERED_THERE)
"""Of what the app stored itself, and of others' histories, which do not say where an answer is from."""
_SPACE = re.compile(r"\s+")
_NAMED = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_ROWS = 20_000


class CrossSession:
    """Of one scan, in one thread. Close it."""

    def __init__(self, long: int = LONG) -> None:
        self.long = long
        # An empty name: SQLite makes a file, and removes it when it is closed.
        self._file = sqlite3.connect("", isolation_level=None)
        self._file.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-16000; PRAGMA temp_store=FILE;"
            "CREATE TABLE session (n INTEGER PRIMARY KEY, id BLOB UNIQUE);"
            "CREATE TABLE mark (kind INTEGER, hash INTEGER, session INTEGER, number INTEGER, context INTEGER);"
            "CREATE TABLE fold (hash INTEGER, session INTEGER);"
            "CREATE TABLE named (id BLOB, session INTEGER, number INTEGER);"
            "BEGIN"
        )
        self._rows: list[tuple[int, int, int, int, int]] = []

    def close(self) -> None:
        self._file.close()

    def new(self, session_id: str) -> int | None:
        """A number for this session; None if it was there before."""
        found = self._file.execute("INSERT OR IGNORE INTO session (id) VALUES (?)", (_blob(session_id),))
        return found.lastrowid if found.rowcount else None

    def number(self, session_id: str) -> int:
        """The number of this session, whether it was there before or not."""
        (found,) = self._file.execute(
            "INSERT INTO session (id) VALUES (?) ON CONFLICT (id) DO UPDATE SET id = id RETURNING n",
            (_blob(session_id),),
        ).fetchone()
        return int(found)

    def session(self, number: int, session_id: str) -> None:
        """Keep how its id looks when it is folded."""
        rows = {(_hash(form), number) for form in folded(session_id)}
        self._file.executemany("INSERT INTO fold VALUES (?, ?)", rows)

    def message(self, session: int, number: int, said: Said, question: str, *, ours: bool = True) -> None:
        """question: the last one before this message. ours: it says from which documents it was answered."""
        rows = self._rows
        if said.id:
            rows.append((_ID, _hash(said.id), session, number, 0))
        if said.place:
            rows.append((_PLACE, _hash(said.place), session, number, 0))
        if len(said.text) >= self.long:
            if said.role == "user":
                rows.append((_ASKED if ours else _ASKED_THERE, _hash(said.text), session, number, 0))
            elif said.role == "assistant":
                # The same question has the same answer, and so have two that are answered from the same documents.
                context = _hash(" ".join(said.documents) if said.documents else question)
                rows.append((_ANSWERED if ours else _ANSWERED_THERE, _hash(said.text), session, number, context))
        if len(rows) >= _ROWS:
            self._write()

    def names(self, session: int, number: int, raw: bytes, session_id: str) -> None:
        """Look for ids of our kind in an element; whether they are sessions is known at the end."""
        if _NAMED.search(raw):
            own = session_id.encode("utf-8", "surrogateescape")
            rows = [(other, session, number) for other in set(_NAMED.findall(raw)) if other != own]
            self._file.executemany("INSERT INTO named VALUES (?, ?, ?)", rows)

    def findings(self) -> Iterator[Finding]:
        self._write()
        yield from self._same()
        yield from self._colliding()
        yield from self._naming()

    def _same(self) -> Iterator[Finding]:
        shared = (
            "SELECT kind, hash, COUNT(DISTINCT session), COUNT(DISTINCT context) FROM mark GROUP BY kind, hash "
            "HAVING MIN(session) <> MAX(session)"
        )
        with closing(self._file.execute(shared)) as groups:
            told: set[tuple[tuple[int, int], ...]] = set()
            for kind, value, sessions, contexts in groups:
                if kind in _TEXTS and sessions > COMMON:
                    continue
                if kind in (_ANSWERED, _ANSWERED_THERE) and contexts == 1:
                    continue
                places = self._places(kind, value)
                # A message that moved has the same place, id and text: that is one finding.
                if places not in told:
                    told.add(places)
                    yield self._shared(kind, places)

    def _places(self, kind: int, value: int) -> tuple[tuple[int, int], ...]:
        found = self._file.execute(
            "SELECT session, MIN(number) FROM mark WHERE kind = ? AND hash = ? GROUP BY session LIMIT 20", (kind, value)
        )
        return tuple(found.fetchall())

    def _shared(self, kind: int, places: tuple[tuple[int, int], ...]) -> Finding:
        ids = tuple(self._id(session) for session, _ in places)
        numbers = tuple(number for _, number in places)
        where = " and ".join(f"message {number} of {short(one)}" for one, number in zip(ids[:3], numbers, strict=False))
        if kind in (_ID, _PLACE):
            return Finding("same-id", ids, numbers, f"The same message: {where}.")
        what = "question" if kind in (_ASKED, _ASKED_THERE) else "answer"
        text = f"The same long {what}, word for word: {where}."
        # A suggestion that many press, and an answer that many get, look the same as somebody else's words.
        return Finding("same-text", ids, numbers, text, certain=kind in (_ASKED, _ANSWERED))

    def _colliding(self) -> Iterator[Finding]:
        told: set[tuple[int, ...]] = set()
        groups = self._file.execute("SELECT hash FROM fold GROUP BY hash HAVING MIN(session) <> MAX(session)")
        for (value,) in groups:
            rows = self._file.execute("SELECT DISTINCT session FROM fold WHERE hash = ? LIMIT 20", (value,))
            sessions = tuple(sorted(session for (session,) in rows))
            if sessions not in told:
                told.add(sessions)
                ids = tuple(self._id(session) for session in sessions)
                shown = ", ".join(repr(one[:40]) for one in ids[:4])
                text = f"{shown}: a store that ignores case, spaces, commas or Unicode form would mix them up."
                yield Finding("ids-collide", ids, (-1,) * len(ids), text)

    def _naming(self) -> Iterator[Finding]:
        rows = self._file.execute(
            "SELECT other.id, named.session, named.number FROM named JOIN session other ON other.id = named.id"
        )
        for other, session, number in rows:
            sid, named = self._id(session), other.decode("utf-8", "surrogateescape")
            text = f"Message {number} contains the id of session {named[:12]}…."
            yield Finding("names-other", (sid, named), (number,), text)

    def _id(self, session: int) -> str:
        (found,) = self._file.execute("SELECT id FROM session WHERE n = ?", (session,)).fetchone()
        return str(found.decode("utf-8", "surrogateescape"))

    def _write(self) -> None:
        self._file.executemany("INSERT INTO mark VALUES (?, ?, ?, ?, ?)", self._rows)
        self._rows.clear()


def folded(session_id: str) -> set[str]:
    """The forms that careless stores make of an id; two sessions that share one of them may be mixed up there."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", session_id).casefold())
    parts = [_SPACE.sub("", part) for part in plain.split(",")]
    return {"".join(parts), *(part for part in parts if part)}


def _hash(text: str) -> int:
    """Of this process only: Python's own is keyed anew in each."""
    return hash(text)


def _blob(session_id: str) -> bytes:
    return session_id.encode("utf-8", "surrogateescape")
