"""Every stored session once, in small steps, whatever its layout; and one session by its id.

What is read is what is there: nothing is put into quarantine, healed or written.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rag.colours import colour
from rag.inspector.key_scan import size, steps
from rag.inspector.pace import Pace
from rag.inspector.parsing.looks import Look
from rag.inspector.parsing.message_parsers import Parse
from rag.sessions.connection.errors import translated
from rag.sessions.listing.directory import Row
from rag.sessions.names import friendly_name
from rag.sessions.protocol.replies import SessionInfo

BATCH = 50
LISTED = 200
NAMED = 5
"""Keys of a type that are named."""
PEEK = 3
"""Elements of a session that tell whether it is one."""


@dataclass(slots=True)
class Stored:
    """A session as it is stored. elements: oldest first, read as they are asked for.

    left: of each of its keys, the milliseconds that it has left (-1: no end). wrong: keys that hold something else
    than they should, with what the server says. session: None where there is no hash, or no such thing.
    reader: of its layout, where several are read together. owner: whose it is, if another layout's session has its id.
    """

    id: str
    elements: Iterable[bytes]
    length: int
    left: dict[str, int]
    session: dict[str, str] | None = None
    wrong: dict[str, str] = field(default_factory=dict)
    listed: bool = True
    reader: Histories | None = None
    owner: str = ""

    @property
    def pinned(self) -> bool:
        return self.session is not None and self.session.get("ttl") == "0"


@dataclass(frozen=True, slots=True)
class Unread:
    """A key that could hold messages and was not read. why: what of it says so."""

    key: str
    type: str
    why: str


@dataclass(slots=True)
class Seen:
    """What a walk looked at besides the sessions that it names.

    keys: all of them; nothing: how many of each type hold no messages, of some the names; unread: the first of those
    that could hold messages in a form that is not known, of `doubtful` in all.
    """

    keys: int = 0
    nothing: Counter[str] = field(default_factory=Counter)
    names: dict[str, list[str]] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)
    doubtful: int = 0

    def other(self, look: Look) -> None:
        """A key without messages."""
        self.nothing[look.type] += 1
        names = self.names.setdefault(look.type, [])
        if len(names) < NAMED:
            names.append(look.key.decode("utf-8", "replace"))

    def doubt(self, look: Look, why: str) -> None:
        """A key that could hold messages, and is not read."""
        self.doubtful += 1
        if len(self.unread) < LISTED:
            self.unread.append(Unread(look.key.decode("utf-8", "replace"), look.type, why))


@dataclass(frozen=True, slots=True)
class Layout:
    """How histories are stored: how their keys are named, and how their elements are written.

    prefix: what the keys usually begin with. reader: of its histories; None: the app's own, which needs the store.
    parse: one element. newest_first: how its lists are ordered. partial: single messages may expire. claims: whether
    a key is one of its keys, by what it holds. alternates: an answer follows each question, as a rule.
    """

    name: str
    title: str
    prefix: str
    reader: type[Histories] | None
    parse: Parse
    newest_first: bool = False
    partial: bool = False
    claims: Callable[[Look], bool] | None = None
    alternates: bool = True

    @property
    def ours(self) -> bool:
        return self.name == "crosswire"


class Histories(ABC):
    """The sessions of one layout. target: what to call the server in messages."""

    def __init__(self, client: Any, layout: Layout, prefix: str, target: str) -> None:
        self.layout = layout
        self.parse = layout.parse
        self.prefix = prefix
        self.client = client
        self.target = target
        self.seen = Seen()

    def total(self) -> int:
        """About how many keys a walk looks at."""
        with translated(self.target):
            return size(self.client)

    @abstractmethod
    def ids(self, pace: Pace) -> Iterator[tuple[int, list[str]]]:
        """How many keys a step looked at, and whose they are. A session may come more than once."""

    @abstractmethod
    def read(self, ids: Sequence[str], pace: Pace, first: int | None = None) -> list[Stored]:
        """Those of these sessions that are there. first: elements to fetch at once, if not as many as a step has."""

    def listed(self, pace: Pace) -> Iterator[tuple[int, list[str]]]:
        """The same in steps of so many sessions at most; of the app's own, those that the index lists."""
        for keys, ids in self.ids(pace):
            yield keys, []
            for start in range(0, len(ids), LISTED):
                yield 0, ids[start : start + LISTED]

    def rows(self, ids: Sequence[str], pace: Pace) -> list[Row]:
        """A line of a list for each of these sessions that is there."""
        return [row_of(stored) for stored in self.read(ids, pace, PEEK)] if ids else []

    def lines(self, ids: Sequence[str], pace: Pace) -> list[tuple[str, Iterable[bytes]]]:
        """The elements of each of these sessions, and nothing else of it."""
        return [(stored.id, stored.elements) for stored in self.read(ids, pace)]

    def key_names(self, stored: Stored) -> list[str | bytes]:
        """Every key that the session has, or can have."""
        return list(stored.left)


class Keyed(Histories):
    """Histories that are one key each: a session's id is the key's name without the prefix."""

    def ids(self, pace: Pace) -> Iterator[tuple[int, list[str]]]:
        with translated(self.target):
            for found in steps(self.client, pace, self.prefix):
                yield len(found), [name.decode("utf-8", "surrogateescape")[len(self.prefix) :] for name in found]

    def key_names(self, stored: Stored) -> list[str | bytes]:
        return [self.key(stored.id)]

    def key(self, session_id: str) -> bytes:
        """The name of its key."""
        return (self.prefix + session_id).encode("utf-8", "surrogateescape")


class ListElements:
    """The elements of a list, oldest first: the first of them at hand, the others read a step at a time."""

    def __init__(
        self, client: Any, key: str | bytes, first: list[bytes], length: float, pace: Pace, *, backwards: bool = False
    ) -> None:
        self._client = client
        self._key = key
        self._first = first
        self._length = length
        self._pace = pace
        self._backwards = backwards

    def __iter__(self) -> Iterator[bytes]:
        done, part = 0, self._first
        while part:
            yield from reversed(part) if self._backwards else part
            done += len(part)
            if done >= self._length:
                return
            # An end that is not known yet is found by a step that comes back empty.
            start, end = done, done + self._pace.step - 1
            if self._backwards:
                start, end = -min(end + 1, int(self._length)), -done - 1
            part = self._pace(self._client.lrange, self._key, start, end)


def row_of(stored: Stored) -> Row:
    """Of a session that no index knows."""
    left = min(stored.left.values(), default=-1)
    info = SessionInfo(stored.id, 0.0, 0.0, 0, stored.length, left / 1000 if left >= 0 else None, "", "")
    return Row(info, friendly_name(stored.id), colour(stored.id), None, pinned=False)
