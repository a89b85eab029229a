"""Every stored session once, in small steps, whatever its format; and one session by its id.

What is read is what is there: nothing is put into quarantine, healed or written.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from rag.errors import BadSessionId
from rag.inspector.key_scan import size, steps
from rag.inspector.layouts.formats import Layout
from rag.inspector.layouts.message_parsers import Parse, ours
from rag.inspector.pace import Pace
from rag.sessions.connection.errors import translated
from rag.sessions.ids import SessionId
from rag.sessions.protocol.keys import Keys, SessionKeys
from rag.sessions.protocol.requests import SessionProtocol

BATCH = 50
FIELDS = ("turns", "trimmed", "quarantined", "ttl", "seen")
_ESCAPED = re.compile("%(25|7B|7D)")
_UNESCAPED = {"25": "%", "7B": "{", "7D": "}"}


@dataclass(slots=True)
class Stored:
    """A session as it lies there. elements: oldest first, read as they are asked for.

    left: of each of its keys, the milliseconds that it has left (-1: no end). wrong: keys that hold something else
    than they should, with what the server says. session: None where there is no hash, or no such thing.
    """

    id: str
    elements: Iterable[bytes]
    length: int
    left: dict[str, int]
    session: dict[str, str] | None = None
    wrong: dict[str, str] = field(default_factory=dict)
    listed: bool = True
    busy: bool = False

    @property
    def pinned(self) -> bool:
        return self.session is not None and self.session.get("ttl") == "0"


class Histories(Protocol):
    layout: Layout
    parse: Parse

    def total(self) -> int:
        """About how many keys a walk looks at."""

    def ids(self, pace: Pace) -> Iterator[tuple[int, list[str]]]:
        """How many keys a step looked at, and whose they are. A session may come more than once."""

    def read(self, ids: Sequence[str], pace: Pace, first: int | None = None) -> list[Stored]:
        """Those of these sessions that are there. first: elements to fetch at once, if not as many as a step has."""

    def lines(self, ids: Sequence[str], pace: Pace) -> list[tuple[str, Iterable[bytes]]]:
        """The elements of each of these sessions, and nothing else of it."""


class Own:
    """The app's own sessions."""

    def __init__(self, client: Any, layout: Layout, rules: SessionProtocol, target: str) -> None:
        self.layout = layout
        self.parse = ours(rules.seal)
        self.keys: Keys = rules.keys
        self._client = client
        self._target = target
        spaces = [self.keys.prefix, self.keys.session(SessionId("x")).removesuffix("session:{x}")]
        names = "|".join(["(?:session|turn|queue|alive|quarantine|misplaced):"])
        self._name = re.compile(
            rf"(?:{re.escape(spaces[0])}|{re.escape(spaces[1])}{names})\{{(?P<tag>[^{{}}]+)\}}(?::\w+)?", re.DOTALL
        )

    def total(self) -> int:
        with translated(self._target):
            return size(self._client)

    def ids(self, pace: Pace) -> Iterator[tuple[int, list[str]]]:
        with translated(self._target):
            for found in steps(self._client, pace, pattern="*{*}*"):
                owners = (self.owner(key) for key in found)
                yield len(found), list(dict.fromkeys(owner for owner in owners if owner is not None))

    def owner(self, key: bytes) -> str | None:
        """Whose key this is; None if it is not one of ours."""
        try:
            found = self._name.fullmatch(key.decode())
            return None if found is None else SessionId(_ESCAPED.sub(lambda m: _UNESCAPED[m[1]], found["tag"]))
        except (UnicodeDecodeError, BadSessionId):
            return None

    def read(self, ids: Sequence[str], pace: Pace, first: int | None = None) -> list[Stored]:
        sids = [SessionId(one) for one in ids]
        with translated(self._target):
            replies = pace(self._ask, sids, first or pace.step)
            listed = pace(self._client.execute_command, "ZMSCORE", self.keys.live, *sids) if sids else []
        every = len(SessionKeys._fields) + 3
        found = []
        for number, sid in enumerate(sids):
            stored = self._stored(sid, replies[every * number : every * (number + 1)], pace)
            if stored is not None:
                stored.listed = listed[number] is not None
                found.append(stored)
        return found

    def lines(self, ids: Sequence[str], pace: Pace) -> list[tuple[str, Iterable[bytes]]]:
        keys = [self.keys.history(SessionId(one)) for one in ids]
        with translated(self._target):
            firsts = pace(self._firsts, keys, pace.step)
        return [
            (one, _Lines(self._client, key, first, math.inf if len(first) == pace.step else len(first), pace))
            for one, key, first in zip(ids, keys, firsts, strict=True)
            if isinstance(first, list)
        ]

    def _firsts(self, keys: Sequence[str], step: int) -> list[Any]:
        pipe = self._client.pipeline(transaction=False)
        for key in keys:
            pipe.lrange(key, 0, step - 1)
        return list(pipe.execute(raise_on_error=False))

    def _ask(self, sids: Sequence[SessionId], step: int) -> list[Any]:
        pipe = self._client.pipeline(transaction=False)
        for sid in sids:
            keys = self.keys.of(sid)
            pipe.lrange(keys.history, 0, step - 1)
            pipe.llen(keys.history)
            pipe.hmget(keys.session, *FIELDS)
            for name in keys:
                pipe.pttl(name)
        return list(pipe.execute(raise_on_error=False))

    def _stored(self, sid: SessionId, replies: Sequence[Any], pace: Pace) -> Stored | None:
        first, length, values, *lefts = replies
        keys = self.keys.of(sid)
        left = {name: ms for name, ms in zip(keys, lefts, strict=True) if isinstance(ms, int) and ms != -2}
        wrong = {
            name: str(reply)
            for name, reply in ((keys.history, length), (keys.session, values))
            if isinstance(reply, Exception)
        }
        if not left:
            return None
        lines: Iterable[bytes] = (
            _Lines(self._client, keys.history, first, length, pace) if isinstance(first, list) else ()
        )
        session = None
        if isinstance(values, list) and keys.session in left:
            session = {
                name: value.decode("utf-8", "replace")
                for name, value in zip(FIELDS, values, strict=True)
                if value is not None
            }
        return Stored(
            sid, lines, length if isinstance(length, int) else 0, left, session, wrong, busy=keys.turn in left
        )


class _Lines:
    """The elements of a list, the first of them at hand, the others read a step at a time."""

    def __init__(self, client: Any, key: str | bytes, first: list[bytes], length: float, pace: Pace) -> None:
        self._client = client
        self._key = key
        self._first = first
        self._length = length
        self._pace = pace

    def __iter__(self) -> Iterator[bytes]:
        yield from self._first
        at = len(self._first)
        while at < self._length:
            part = self._pace(self._client.lrange, self._key, at, at + self._pace.step - 1)
            if not part:
                return
            yield from part
            at += len(part)


class Lists:
    """Sessions that are one list each: classic, community, LlamaIndex."""

    def __init__(self, client: Any, layout: Layout, prefix: str, target: str) -> None:
        self.layout = layout
        self.parse = layout.parse
        self.prefix = prefix
        self._client = client
        self._target = target

    def total(self) -> int:
        with translated(self._target):
            return size(self._client)

    def ids(self, pace: Pace) -> Iterator[tuple[int, list[str]]]:
        with translated(self._target):
            for found in steps(self._client, pace, self.prefix):
                yield len(found), [name.decode("utf-8", "surrogateescape")[len(self.prefix) :] for name in found]

    def key(self, session_id: str) -> bytes:
        return (self.prefix + session_id).encode("utf-8", "surrogateescape")

    def read(self, ids: Sequence[str], pace: Pace, first: int | None = None) -> list[Stored]:
        size = first or pace.step

        def ask() -> list[Any]:
            pipe = self._client.pipeline(transaction=False)
            for sid in ids:
                key = self.key(sid)
                pipe.lrange(key, *((-size, -1) if self.layout.newest_first else (0, size - 1)))
                pipe.llen(key)
                pipe.pttl(key)
            return list(pipe.execute(raise_on_error=False))

        with translated(self._target):
            replies = pace(ask)
        found = []
        for number, sid in enumerate(ids):
            lines, length, left = replies[3 * number : 3 * number + 3]
            # Not a list, or not a history: other keys may begin the same.
            if not isinstance(lines, list) or not lines or all(self.parse(raw, sid).problem for raw in lines[:3]):
                continue
            key = self.key(sid)
            every = (_Backwards if self.layout.newest_first else _Lines)(self._client, key, lines, length, pace)
            found.append(Stored(sid, every, length, {key.decode("utf-8", "replace"): left}))
        return found

    def lines(self, ids: Sequence[str], pace: Pace) -> list[tuple[str, Iterable[bytes]]]:
        return [(stored.id, stored.elements) for stored in self.read(ids, pace)]


class _Backwards(_Lines):
    """The same from the end to the beginning."""

    def __iter__(self) -> Iterator[bytes]:
        yield from reversed(self._first)
        before = int(self._length) - len(self._first)
        while before > 0:
            start = max(0, before - self._pace.step)
            part = self._pace(self._client.lrange, self._key, start, before - 1)
            yield from reversed(part)
            before = start
