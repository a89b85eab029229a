"""All live sessions, page by page. What a page costs depends on its size and not on how many sessions there are.

Two round trips a page: one for the ids, one for everything about them. No KEYS, no SCAN.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from rag.errors import SealBroken
from rag.sessions.faults import translated
from rag.sessions.ids import SessionId
from rag.sessions.names import colour, friendly_name
from rag.sessions.protocol import Protocol, SessionInfo
from rag.sessions.steps import Lenient, Steps, arun, run
from rag.sessions.sweep import owning, settling, sweeping

T = TypeVar("T")
Order = Literal["newest", "oldest", "ending", "lasting"]
"""By last activity, newest or oldest first; by the end of the time to live, soonest or latest first."""

_FIELDS = ("created", "seen", "turns", "title", "model", "trimmed", "quarantined", "ttl")


@dataclass(frozen=True, slots=True)
class Row:
    """One session of a page. bytes: that its messages take in Redis, None if the server does not say."""

    info: SessionInfo
    name: str
    colour: str
    bytes: int | None
    pinned: bool


@dataclass(frozen=True, slots=True)
class Page:
    """rows from `start` on, of `total`."""

    rows: tuple[Row, ...]
    start: int
    total: int


class Directory:
    """Made by `SessionStore.directory`."""

    def __init__(self, client: Any, protocol: Protocol, target: str) -> None:
        self._client = client
        self._listing = _Listing(protocol)
        self._target = target

    def count(self) -> int:
        """How many sessions live."""
        return self._run(self._listing.count())

    def sweep(self) -> list[str]:
        """Take ended sessions out of the index. Returns their ids, each to one caller only, of all processes."""
        return self._run(self._listing.sweep())

    def page(self, start: int = 0, size: int = 50, order: Order = "newest") -> Page:
        """A title that cannot be decrypted with the keys at hand is left empty."""
        return self._run(self._listing.page(start, size, order))

    def find(self, text: str, limit: int = 50) -> list[Row]:
        """Sessions whose id starts so, or whose name or its last word does (in either case), by id and name."""
        return self._run(self._listing.find(text, limit))

    def rows(self, ids: Sequence[SessionId]) -> list[Row]:
        """Those of these sessions that live, in this order."""
        return self._run(self._listing.rows(ids))

    def _run(self, steps: Steps[T]) -> T:
        with translated(self._target):
            return run(self._client, steps)


class AsyncDirectory:
    """Made by `AsyncSessionStore.directory`: the methods of `Directory`, to be awaited."""

    def __init__(self, client: Any, protocol: Protocol, target: str) -> None:
        self._client = client
        self._listing = _Listing(protocol)
        self._target = target

    async def count(self) -> int:
        return await self._run(self._listing.count())

    async def sweep(self) -> list[str]:
        return await self._run(self._listing.sweep())

    async def page(self, start: int = 0, size: int = 50, order: Order = "newest") -> Page:
        return await self._run(self._listing.page(start, size, order))

    async def find(self, text: str, limit: int = 50) -> list[Row]:
        return await self._run(self._listing.find(text, limit))

    async def rows(self, ids: Sequence[SessionId]) -> list[Row]:
        return await self._run(self._listing.rows(ids))

    async def _run(self, steps: Steps[T]) -> T:
        with translated(self._target):
            return await arun(self._client, steps)


class _Listing:
    """What both ask, and what they make of the answers."""

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._keys = protocol.keys

    def count(self) -> Steps[int]:
        yield from self.sweep()
        (count,) = yield [("ZCARD", self._keys.live)]
        return int(count)

    def sweep(self) -> Steps[list[str]]:
        return sweeping(self._keys, self._protocol.now())

    def page(self, start: int, size: int, order: Order) -> Steps[Page]:
        while True:
            overdue, ids, total = yield from self._ids(start, size, order)
            if not overdue:
                rows, ended = yield from self._rows(ids)
                if not ended:
                    return Page(tuple(rows), start, total)
                yield from settling(self._keys, ended, self._protocol.now())
            else:
                yield from self.sweep()

    def find(self, text: str, limit: int) -> Steps[list[Row]]:
        if not text:
            return []
        firsts = [
            prefix.encode("utf-8", "surrogatepass")
            for prefix in (f"id:{text}", f"name:{' '.join(text.lower().split())}")
        ]
        replies = yield [
            ("ZRANGEBYLEX", self._keys.find, b"[" + first, b"[" + first + b"\xff", "LIMIT", 0, limit)
            for first in firsts
        ]
        found = [entry.removeprefix(b"id:").rpartition(b"\0")[2] for entries in replies for entry in entries]
        ids = yield from owning(self._keys, found)
        return (yield from self.rows(list(dict.fromkeys(ids))[:limit]))

    def rows(self, ids: Sequence[SessionId]) -> Steps[list[Row]]:
        rows, _ = yield from self._rows(ids)
        return rows

    def _ids(self, start: int, size: int, order: Order) -> Steps[tuple[bool, list[SessionId], int]]:
        index = self._keys.live if order in ("newest", "oldest") else self._keys.ends
        overdue, members, total = yield [
            ("ZCOUNT", self._keys.ends, "-inf", self._protocol.now()),
            ("ZREVRANGE" if order in ("newest", "lasting") else "ZRANGE", index, start, start + size - 1),
            ("ZCARD", self._keys.live),
        ]
        ids = yield from owning(self._keys, members)
        return bool(overdue), ids, total

    def _rows(self, ids: Sequence[SessionId]) -> Steps[tuple[list[Row], list[SessionId]]]:
        """Of these sessions, and which of them are not there any more."""
        if not ids:
            return [], []
        asked = Lenient()
        for sid in ids:
            keys = self._keys.of(sid)
            asked += [
                ("HMGET", keys.session, *_FIELDS),
                ("LLEN", keys.history),
                ("PTTL", keys.session),
                ("MEMORY USAGE", keys.history),
            ]
        replies = yield asked
        rows, ended = [], []
        for sid, (values, length, left, size) in zip(ids, _fours(replies), strict=True):
            row = self._row(sid, values, length, left, size)
            if row is None:
                ended.append(sid)
            else:
                rows.append(row)
        return rows, ended

    def _row(self, sid: SessionId, values: Any, length: Any, left: Any, size: Any) -> Row | None:
        """None only for a session that is gone: the caller takes those out of the index and asks again."""
        if left == -2:
            return None
        known = [] if isinstance(values, Exception) else zip(_FIELDS, values, strict=True)
        pairs = [(name.encode(), value) for name, value in known if value is not None]
        messages = length if isinstance(length, int) else 0
        info = self._info(sid, pairs, messages, left)
        used = size if isinstance(size, int) else (0 if size is None else None)
        return Row(info, friendly_name(sid), colour(sid), used, dict(pairs).get(b"ttl") == b"0")

    def _info(self, sid: SessionId, pairs: list[tuple[bytes, bytes]], messages: int, left: int) -> SessionInfo:
        """What cannot be decrypted is left out, and so is everything where a number is none."""
        legible = [pair for pair in pairs if pair[0] != b"title"]
        for known in (pairs, legible):
            with suppress(SealBroken, ValueError):
                if info := self._protocol.info(sid, [part for pair in known for part in pair], messages, left):
                    return info
        return SessionInfo(sid, 0.0, 0.0, 0, messages, left / 1000 if left >= 0 else None, "", "")


def _fours(replies: list[Any]) -> list[list[Any]]:
    return [replies[n : n + 4] for n in range(0, len(replies), 4)]
