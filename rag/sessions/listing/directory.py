"""All live sessions, page by page. What a page costs depends on its size and not on how many sessions there are.

Two round trips a page: one for the ids, one for everything about them. No KEYS, no SCAN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rag.errors import SealBroken
from rag.sessions.ids import SessionId
from rag.sessions.listing.sweep import BATCH, Index, soon
from rag.sessions.names import colour, friendly_name
from rag.sessions.protocol.replies import SessionInfo
from rag.sessions.protocol.requests import SessionProtocol
from rag.sessions.protocol.steps import Awaiting, Blocking, Command, Lenient, Steps, operation

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


@dataclass(slots=True)
class _Range:
    """Entries of the search index that begin with `first`: those before `after` are read, and name `ids`."""

    first: bytes
    after: bytes = b""
    ids: list[SessionId] = field(default_factory=list)
    ended: bool = False

    def __post_init__(self) -> None:
        self.after = b"[" + self.first


class _Listing:
    def __init__(self, send: Callable[[Sequence[Command]], Any], protocol: SessionProtocol) -> None:
        self._send = send
        self._protocol = protocol
        self._keys = protocol.keys
        self._index = Index(send, protocol.keys)

    @operation
    def count(self) -> Steps[int]:
        """How many sessions live."""
        yield from self._sweep()
        (count,) = yield self._send([("ZCARD", self._keys.live)])
        return int(count)

    @operation
    def sweep(self) -> Steps[list[str]]:
        """Take ended sessions out of the index. Returns their ids, each to one caller only, of all processes."""
        return self._sweep()

    @operation
    def page(self, start: int = 0, size: int = 50, order: Order = "newest") -> Steps[Page]:
        """A title that cannot be decrypted with the keys at hand is left empty."""
        while True:
            overdue, early, ids, total = yield from self._ids(start, size, order)
            if not overdue:
                rows, ended = yield from self._rows(ids, early)
                if not ended:
                    return Page(tuple(rows), start, total)
                yield from self._index.settle(ended, self._protocol.now())
            else:
                yield from self._sweep()

    @operation
    def find(self, text: str, limit: int = 50) -> Steps[list[Row]]:
        """Sessions whose id starts so, or whose name or its last word does (in either case), by id and name.

        Two round trips, and more only where those that have ended are in the way: they are taken out of the index.
        """
        wanted = [f"id:{text}", f"name:{' '.join(text.lower().split())}"] if text else []
        ranges = [_Range(prefix.encode("utf-8", "surrogatepass")) for prefix in wanted]
        rows: dict[SessionId, Row] = {}
        num = limit
        while len(rows) < limit and (left := [one for one in ranges if not one.ended]):
            yield from self._further(left, num)
            ids = dict.fromkeys(sid for one in ranges for sid in one.ids)
            there, ended = yield from self._rows([sid for sid in ids if sid not in rows])
            rows |= {SessionId(row.info.id): row for row in there}
            yield from self._index.settle(ended, self._protocol.now())
            for one in ranges:
                one.ids = [sid for sid in one.ids if sid in rows]
            num = min(2 * num, BATCH)
        return [rows[sid] for sid in dict.fromkeys(sid for one in ranges for sid in one.ids)][:limit]

    def _sweep(self) -> Steps[list[str]]:
        return self._index.sweep(self._protocol.now())

    def _further(self, ranges: list[_Range], num: int) -> Steps[None]:
        find = self._keys.find
        replies = yield self._send(
            [("ZRANGEBYLEX", find, one.after, b"[" + one.first + b"\xff", "LIMIT", 0, num) for one in ranges]
        )
        for one, entries in zip(ranges, replies, strict=True):
            one.ended = len(entries) < num
            if entries:
                one.after = b"(" + entries[-1]
            members = [entry.removeprefix(b"id:").rpartition(b"\0")[2] for entry in entries]
            one.ids += yield from self._index.own(members)

    @operation
    def rows(self, ids: Sequence[SessionId]) -> Steps[list[Row]]:
        """Those of these sessions that live, in this order."""
        rows, _ = yield from self._rows(ids)
        return rows

    def _ids(self, start: int, size: int, order: Order) -> Steps[tuple[bool, list[SessionId], list[SessionId], int]]:
        """Whether some should have ended by now, those that may have by another clock, a page's, how many there are."""
        now = self._protocol.now()
        index = self._keys.live if order in ("newest", "oldest") else self._keys.ends
        overdue, early, members, total = yield self._send(
            [
                ("ZCOUNT", self._keys.ends, "-inf", now),
                ("ZRANGEBYSCORE", self._keys.ends, *soon(now), "LIMIT", 0, BATCH),
                ("ZREVRANGE" if order in ("newest", "lasting") else "ZRANGE", index, start, start + size - 1),
                ("ZCARD", self._keys.live),
            ]
        )
        others = yield from self._index.own(early)
        ids = yield from self._index.own(members)
        return bool(overdue), others, ids, total

    def _rows(
        self, ids: Sequence[SessionId], others: Sequence[SessionId] = ()
    ) -> Steps[tuple[list[Row], list[SessionId]]]:
        """Of these sessions, and which of them, and of others, are not there any more."""
        asked = Lenient()
        for sid in ids:
            keys = self._keys.of(sid)
            asked += [
                ("HMGET", keys.session, *_FIELDS),
                ("LLEN", keys.history),
                ("PTTL", keys.session),
                ("MEMORY USAGE", keys.history),
            ]
        asked += [("EXISTS", self._keys.session(sid)) for sid in others]
        if not asked:
            return [], []
        replies = yield self._send(asked)
        ended = [sid for sid, there in zip(others, replies[4 * len(ids) :], strict=True) if there == 0]
        rows = []
        parts = (replies[kind : 4 * len(ids) : 4] for kind in range(4))
        for sid, values, length, left, size in zip(ids, *parts, strict=True):
            if left == -2:
                ended.append(sid)
                continue
            known = [] if isinstance(values, Exception) else zip(_FIELDS, values, strict=True)
            fields = {name: value for name, value in known if value is not None}
            info = self._info(sid, fields, length if isinstance(length, int) else 0, left)
            used = size if isinstance(size, int) else (0 if size is None else None)
            rows.append(Row(info, friendly_name(sid), colour(sid), used, fields.get("ttl") == b"0"))
        return rows, ended

    def _info(self, sid: SessionId, fields: dict[str, bytes], messages: int, left: int) -> SessionInfo:
        try:
            return self._protocol.info(sid, fields, messages, left)
        except SealBroken:
            return self._protocol.info(sid, fields | {"title": b""}, messages, left)


class Directory(_Listing, Blocking):
    """Made by `SessionStore.directory`."""


class AsyncDirectory(_Listing, Awaiting):
    """Made by `AsyncSessionStore.directory`: its methods are to be awaited."""
