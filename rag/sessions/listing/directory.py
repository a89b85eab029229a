"""All live sessions, page by page. What a page costs depends on its size and not on how many sessions there are.

Two round trips a page: one for the ids, one for everything about them. No KEYS, no SCAN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

from rag.colours import colour
from rag.errors import SealBroken
from rag.sessions.ids import SessionId
from rag.sessions.listing.sweep import BATCH, Index, soon
from rag.sessions.names import friendly_name
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
        after = {prefix: b"[" + prefix for prefix in (one.encode("utf-8", "surrogatepass") for one in wanted)}
        ids: dict[bytes, list[SessionId]] = {prefix: [] for prefix in after}
        rows: dict[SessionId, Row] = {}
        num, find = limit, self._keys.find
        while len(rows) < limit and after:
            replies = yield self._send(
                [("ZRANGEBYLEX", find, at, b"[" + prefix + b"\xff", "LIMIT", 0, num) for prefix, at in after.items()]
            )
            for prefix, entries in zip([*after], replies, strict=True):
                if len(entries) < num:
                    del after[prefix]  # all that begin so are read
                else:
                    after[prefix] = b"(" + entries[-1]
                members = [entry.removeprefix(b"id:").rpartition(b"\0")[2] for entry in entries]
                ids[prefix] += yield from self._index.own(members)
            asked = dict.fromkeys(chain.from_iterable(ids.values()))
            there, ended = yield from self._rows([sid for sid in asked if sid not in rows])
            rows |= {SessionId(row.info.id): row for row in there}
            yield from self._index.settle(ended, self._protocol.now())
            ids = {prefix: [sid for sid in sids if sid in rows] for prefix, sids in ids.items()}
            num = min(2 * num, BATCH)
        return [rows[sid] for sid in dict.fromkeys(chain.from_iterable(ids.values()))][:limit]

    def _sweep(self) -> Steps[list[str]]:
        return self._index.sweep(self._protocol.now())

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
