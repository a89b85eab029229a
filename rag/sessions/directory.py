"""All live sessions, page by page. What a page costs depends on its size and not on how many sessions there are.

Two round trips a page: one for the ids, one for everything about them. No KEYS, no SCAN.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from rag.errors import SealBroken
from rag.sessions.faults import translated
from rag.sessions.ids import SessionId
from rag.sessions.names import colour, friendly_name
from rag.sessions.protocol import Protocol, SessionInfo
from rag.sessions.sweep import BATCH, own, settle, soon, sweep

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


class Directory:
    """Made by `SessionStore.directory`."""

    def __init__(self, client: Any, protocol: Protocol, target: str) -> None:
        self._client = client
        self._protocol = protocol
        self._keys = protocol.keys
        self._target = target

    def count(self) -> int:
        """How many sessions live."""
        with translated(self._target):
            sweep(self._client, self._keys, self._protocol.now())
            return int(self._client.zcard(self._keys.live))

    def sweep(self) -> list[str]:
        """Take ended sessions out of the index. Returns their ids, each to one caller only, of all processes."""
        with translated(self._target):
            return sweep(self._client, self._keys, self._protocol.now())

    def page(self, start: int = 0, size: int = 50, order: Order = "newest") -> Page:
        """A title that cannot be decrypted with the keys at hand is left empty."""
        with translated(self._target):
            while True:
                overdue, early, ids, total = self._ids(start, size, order)
                if not overdue:
                    rows, ended = self._rows(ids, early)
                    if not ended:
                        return Page(tuple(rows), start, total)
                    settle(self._client, self._keys, ended, self._protocol.now())
                else:
                    sweep(self._client, self._keys, self._protocol.now())

    def find(self, text: str, limit: int = 50) -> list[Row]:
        """Sessions whose id starts so, or whose name or its last word does (in either case), by id and name.

        Two round trips, and more only where those that have ended are in the way: they are taken out of the index.
        """
        wanted = [f"id:{text}", f"name:{' '.join(text.lower().split())}"] if text else []
        ranges = [_Range(prefix.encode("utf-8", "surrogatepass")) for prefix in wanted]
        rows: dict[SessionId, Row] = {}
        num = limit
        with translated(self._target):
            while len(rows) < limit and (left := [one for one in ranges if not one.ended]):
                self._further(left, num)
                ids = dict.fromkeys(sid for one in ranges for sid in one.ids)
                there, ended = self._rows([sid for sid in ids if sid not in rows])
                rows |= {SessionId(row.info.id): row for row in there}
                settle(self._client, self._keys, ended, self._protocol.now())
                for one in ranges:
                    one.ids = [sid for sid in one.ids if sid in rows]
                num = min(2 * num, BATCH)
        return [rows[sid] for sid in dict.fromkeys(sid for one in ranges for sid in one.ids)][:limit]

    def _further(self, ranges: list[_Range], num: int) -> None:
        pipe: Any = self._client.pipeline(transaction=False)
        for one in ranges:
            pipe.zrangebylex(self._keys.find, one.after, b"[" + one.first + b"\xff", start=0, num=num)
        for one, entries in zip(ranges, pipe.execute(), strict=True):
            one.ended = len(entries) < num
            if entries:
                one.after = b"(" + entries[-1]
            members = [entry.removeprefix(b"id:").rpartition(b"\0")[2] for entry in entries]
            one.ids += own(self._client, self._keys, members)

    def rows(self, ids: Sequence[SessionId]) -> list[Row]:
        """Those of these sessions that live, in this order."""
        with translated(self._target):
            return self._rows(ids)[0]

    def _ids(self, start: int, size: int, order: Order) -> tuple[bool, list[SessionId], list[SessionId], int]:
        """Whether some should have ended by now, those that may have by another clock, a page's, how many there are."""
        now = self._protocol.now()
        index = self._keys.live if order in ("newest", "oldest") else self._keys.ends
        pipe: Any = self._client.pipeline(transaction=False)
        pipe.zcount(self._keys.ends, "-inf", now)
        pipe.zrangebyscore(self._keys.ends, *soon(now), start=0, num=BATCH)
        pipe.zrange(index, start, start + size - 1, desc=order in ("newest", "lasting"))
        pipe.zcard(self._keys.live)
        overdue, early, ids, total = pipe.execute()
        return bool(overdue), own(self._client, self._keys, early), own(self._client, self._keys, ids), total

    def _rows(self, ids: Sequence[SessionId], others: Sequence[SessionId] = ()) -> tuple[list[Row], list[SessionId]]:
        """Of these sessions, and which of them, and of others, are not there any more."""
        pipe: Any = self._client.pipeline(transaction=False)
        for sid in ids:
            keys = self._keys.of(sid)
            pipe.hmget(keys.session, *_FIELDS)
            pipe.llen(keys.history)
            pipe.pttl(keys.session)
            pipe.memory_usage(keys.history)
        for sid in others:
            pipe.exists(self._keys.session(sid))
        replies = pipe.execute(raise_on_error=False)
        rows: list[Row] = []
        ended = [sid for sid, there in zip(others, replies[4 * len(ids) :], strict=True) if there == 0]
        for sid, (values, length, left, size) in zip(ids, _fours(replies[: 4 * len(ids)]), strict=True):
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
