"""What is asked of the server and what its answers mean, without any I/O: the sync and the async store share it.

An `Ask` is one round trip. Nothing in here waits, sends or holds a session.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Generic, NamedTuple, TypeVar

from langchain_core.messages import BaseMessage

from rag.sessions import scripts
from rag.sessions.cache import NOTHING, Cache, News
from rag.sessions.codec import Place, StoredMessage, Unreadable, as_stored, decode, decode_plain, encode
from rag.sessions.ids import SessionId
from rag.sessions.index import find_entries
from rag.sessions.keys import DEFAULT_PREFIX, Format, Keys
from rag.sessions.scripts import MOST_TTL, Script
from rag.sessions.seal import Seal, close_field, open_field

LOG = logging.getLogger(__name__)
T = TypeVar("T")


class Ask(NamedTuple, Generic[T]):
    """`durable`: it ends a turn, so replicas may be waited for. `repeatable`: it may be asked again without harm.

    `meanwhile`: what to do between asking and hearing, as often as it is asked; the async store leaves it out.
    """

    script: Script
    keys: Sequence[str]
    args: Sequence[str | bytes | int | float]
    parse: Callable[[Any], T]
    durable: bool = False
    repeatable: bool = True
    meanwhile: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What is known of a session without its messages. Times in epoch seconds; `ttl` in seconds, None for ever.

    messages: how many are stored; trimmed: how many older ones were cut off; quarantined: how many were put aside;
    summary: of the oldest `summary_turns` turns.
    """

    id: str
    created: float
    last_seen: float
    turns: int
    messages: int
    ttl: float | None
    title: str
    model: str
    trimmed: int = 0
    quarantined: int = 0
    summary: str = ""
    summary_turns: int = 0


@dataclass(frozen=True, slots=True)
class Bad:
    """An element of a history that is not shown. reason: foreign, tampered or corrupt."""

    reason: str
    detail: str
    raw: bytes


@dataclass(slots=True)
class Found:
    """A history as it is now; its lists may be kept, its messages belong to the cache."""

    turns: int
    epoch: str
    records: list[StoredMessage]
    messages: list[BaseMessage]
    bad: list[Bad] = field(default_factory=list)
    summary: str = ""
    summary_turns: int = 0
    quarantined: int = 0
    keys: tuple[str, ...] | None = None


class Commit(NamedTuple):
    """What one turn stores. summary: a text, and how many of the oldest turns it covers."""

    messages: Sequence[BaseMessage]
    documents: Sequence[str]
    model: str
    title: str
    summary: tuple[str, int] | None


class Busy(NamedTuple):
    before: int
    place: int


class Committed(NamedTuple):
    turn: int
    next: str
    replicas: int | None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An element that was put aside. reason: foreign, tampered or corrupt; at: epoch seconds."""

    reason: str
    at: float
    raw: bytes


class Protocol:
    """Stateless but for the cache. Thread-safe."""

    def __init__(
        self,
        ttl: int,
        *,
        key_prefix: str = DEFAULT_PREFIX,
        fmt: Format = "crosswire",
        max_turns: int = 1000,
        lease: float = 10.0,
        encryption_keys: Sequence[bytes] = (),
        cache_bytes: int = 64 << 20,
        index: bool = True,
        clock: Callable[[], float],
    ) -> None:
        """index: whether scripts may write the live index and the audit themselves: not on a cluster.

        Raises ValueError for a number that cannot be.
        """
        _check("ttl", ttl, 1, MOST_TTL, "seconds")
        _check("max_turns", max_turns, 1, 10_000_000, "turns")
        _check("cache_bytes", cache_bytes, 0, 1 << 50, "bytes")
        if not 0.05 <= lease <= 3600:
            raise ValueError(f"lease is {lease!r}: expected 0.05 to 3600 seconds")
        self.ttl = ttl
        self.keys = Keys(key_prefix, fmt)
        self.lease = lease
        self.seal = Seal(encryption_keys) if encryption_keys else None
        self.cache = Cache(cache_bytes)
        self.name = os.urandom(4).hex()
        self.now = clock
        self._max_turns = max_turns
        self._lease_ms = int(lease * 1000)
        self._index = [self.keys.live, self.keys.ends, self.keys.audit, self.keys.find] if index else []
        self._counted = [self.keys.audit, self.keys.counts] if index else []

    def token(self) -> str:
        """Names one turn or waiter; up to the dot, the store that it belongs to."""
        return f"{self.name}.{os.urandom(8).hex()}"

    # --- turns

    def begin(
        self,
        sid: SessionId,
        token: str,
        place: int | None = None,
        *,
        queue: bool,
        meanwhile: Callable[[], None] | None = None,
    ) -> Ask[Found | Busy | None]:
        """None: what was known is no longer here, ask again."""
        keys = self.keys.of(sid)
        known = self.cache.known(sid)
        queued: str | int = 0 if not queue else "" if place is None else place
        args = (*known, token, self._lease_ms, self.ttl, queued)

        def parse(reply: list[Any]) -> Found | Busy | None:
            if not reply[0]:
                return Busy(reply[1], reply[2])
            found = self._found(sid, reply)
            if found is not None:
                found.keys = keys
            return found

        return Ask(scripts.BEGIN, keys, args, parse, meanwhile=meanwhile)

    def commit(
        self,
        sid: SessionId,
        token: str,
        found: Found,
        said: Commit,
    ) -> Ask[Committed]:
        now = round(self.now(), 3)
        place = Place(sid, found.turns + 1, now, token, tuple(said.documents))
        lines = encode(said.messages, place, self.seal)
        own = found.keys or self.keys.of(sid)
        keys = [*own[:4], *self._index[:3]]
        more: list[str | int] = []
        if said.model:
            more += ("model", said.model)
        if said.title:
            more += ("title", close_field(self.seal, sid, "title", said.title))
        if said.summary and said.summary[0]:
            more += ("summary", close_field(self.seal, sid, "summary", said.summary[0]))
            more += ("summary_turns", said.summary[1])
        if found.turns >= self._max_turns:
            more += ("oldest", found.turns + 1 - self._max_turns)
        if not found.turns:
            keys += self._index[3:]
            more += ("find", find_entries(sid))
        if found.quarantined:
            keys.append(own[5])
            more += ("quarantine", len(keys))
        args = (token, found.turns, self.ttl, now, sid, self._lease_ms, len(more), *more, *lines)

        kept: list[StoredMessage] = []

        def keep() -> None:
            # As any other process would decode them.
            kept[:] = as_stored(said.messages, lines, place, self.seal)

        def parse(reply: list[Any]) -> Committed:
            turn, epoch, trimmed, length, following, trouble, *replicas = reply
            _beside(trouble)
            if turn > 0 and epoch:
                if not kept:
                    keep()
                news = News(epoch.decode(), trimmed, trimmed + length - len(lines), kept, lines)
                self.cache.update(sid, news, hand_out=False)
            elif turn > 0:
                self.cache.forget(sid)
            return Committed(turn, following.decode(), replicas[0] if replicas else None)

        return Ask(scripts.COMMIT, keys, args, parse, durable=True, meanwhile=keep)

    def renew(self, sid: SessionId, token: str) -> Ask[bool]:
        keys = self.keys.of(sid)
        names = (keys.history, keys.session, keys.turn, keys.quarantine)
        return Ask(scripts.RENEW, names, (token, self._lease_ms, self.ttl), bool)

    def release(self, sid: SessionId, token: str) -> Ask[str]:
        keys = self.keys.of(sid)
        # Not asked again: a server that is away would keep the caller waiting for nothing, and the lease ends anyway.
        return Ask(scripts.RELEASE, (keys.turn, keys.queue, keys.alive), (token,), bytes.decode, repeatable=False)

    # --- reading

    def read(self, sid: SessionId, *, fresh: bool = False) -> Ask[Found | None]:
        """None: what was known is no longer here, ask again with `fresh`."""
        known = NOTHING if fresh else self.cache.known(sid)
        return Ask(scripts.READ, self.keys.of(sid)[:2], known, lambda reply: self._found(sid, reply))

    def plain(self, stored: Sequence[bytes]) -> tuple[list[StoredMessage], list[Bad]]:
        """A list of one of the other formats, oldest first."""
        lines = reversed(stored) if self.keys.fmt == "community" else stored
        return _sorted_out(lines, decode_plain)[:2]

    def about(self, sid: SessionId) -> Ask[SessionInfo | None]:
        return Ask(scripts.ABOUT, self.keys.of(sid)[:2], (), lambda reply: self.info(sid, *reply))

    def info(self, sid: SessionId, fields: Sequence[bytes], messages: int, left: int) -> SessionInfo | None:
        """From the session's hash as a flat list, its number of messages, and its ttl in ms."""
        if not fields:
            return None
        texts = [field.decode("utf-8", "replace") for field in fields]
        known = dict(zip(texts[::2], texts[1::2], strict=True))
        return SessionInfo(
            id=sid,
            created=_number(known.get("created")),
            last_seen=_number(known.get("seen")),
            turns=int(_number(known.get("turns"))),
            messages=messages,
            ttl=left / 1000 if left >= 0 else None,
            title=open_field(self.seal, sid, "title", known.get("title", "")),
            model=known.get("model", ""),
            trimmed=int(_number(known.get("trimmed"))),
            quarantined=int(_number(known.get("quarantined"))),
            summary=open_field(self.seal, sid, "summary", known.get("summary", "")),
            summary_turns=int(_number(known.get("summary_turns"))),
        )

    # --- changes outside of turns

    def clear(self, sid: SessionId, who: str, what: str) -> Ask[tuple[int, int]]:
        keys = self.keys.of(sid)
        self.cache.forget(sid)
        names = (keys.history, keys.session, keys.turn, keys.quarantine, *self._index)
        return Ask(scripts.CLEAR, names, (sid, who, what, find_entries(sid)), _ended, repeatable=False)

    def live(self, sid: SessionId, own: str, who: str = "session", what: str = "", *, make: bool = False) -> Ask[int]:
        """own: the session's own ttl in seconds, `0` for ever, `-` none, empty as it is. make: if there is none yet."""
        keys = self.keys.of(sid)
        names = (keys.history, keys.session, keys.quarantine, *self._index)
        token = self.token() if make else ""
        entries = find_entries(sid) if make else ""
        args = (sid, round(self.now(), 3), self.ttl, own, who, what, token, entries)
        return Ask(scripts.LIVE, names, args, _lives)

    def summarise(self, sid: SessionId, text: str, turns: int) -> Ask[bool]:
        sealed = close_field(self.seal, sid, "summary", text)
        return Ask(scripts.SUMMARY, (self.keys.of(sid).session,), (sealed, turns), bool)

    def quarantine(self, sid: SessionId, bad: Bad) -> Ask[bool]:
        keys = self.keys.of(sid)
        self.cache.forget(sid)
        names = (keys.history, keys.session, keys.quarantine, *self._counted)
        args = (sid, self.ttl, round(self.now(), 3), bad.reason, self.token(), bad.raw)
        return Ask(scripts.QUARANTINE, names, args, bool)

    def repair(self, sid: SessionId) -> Ask[int]:
        self.cache.forget(sid)
        names = (*self.keys.of(sid), *self.keys.misplaced(sid))
        return Ask(scripts.REPAIR, names, (self.ttl, round(self.now(), 3), self.token()), int)

    def quarantined(self, stored: Sequence[bytes]) -> list[Quarantined]:
        split = (line.split(b"\n", 2) for line in stored)
        return [Quarantined(reason.decode(), float(at), raw) for reason, at, raw in split]

    # --- shared

    def _found(self, sid: SessionId, reply: list[Any]) -> Found | None:
        _, turns, epoch_raw, trimmed, begins, stored, summary, covers, quarantined = reply
        epoch = epoch_raw.decode()
        records: list[StoredMessage] = []
        bad: list[Bad] = []
        lines: list[bytes] = []
        if stored:
            records, bad, lines = _sorted_out(stored, lambda raw: decode(raw, sid, self.seal))
        if bad:
            # The good ones alone may be a part only: all is read again, when the bad ones are gone.
            self.cache.forget(sid)
            found = Found(turns, epoch, records, [record.message for record in records], bad)
        else:
            whole = self.cache.update(sid, News(epoch, trimmed, begins, records, lines))
            if whole is None:
                return None
            found = Found(turns, epoch, *whole)
        if summary:
            found.summary = open_field(self.seal, sid, "summary", summary.decode("utf-8", "replace"))
            found.summary_turns = covers
        found.quarantined = quarantined
        return found


def lifetime(seconds: int) -> str:
    """As `live` takes it. Raises ValueError."""
    _check("seconds", seconds, 1, MOST_TTL, "seconds: use expire_now to end a session, pin to keep it for ever")
    return str(seconds)


def _check(name: str, value: object, least: int, most: int, unit: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{name} is {value!r}: expected a whole number of {least} to {most} {unit}")


def _number(text: str | None) -> float:
    """0 for what is no number: somebody else wrote into this hash, and that must not hide the session."""
    try:
        found = float(text or 0)
    except ValueError:
        return 0.0
    return found if isfinite(found) else 0.0


def _ended(reply: list[Any]) -> tuple[int, int]:
    _beside(reply[2])
    return reply[0], reply[1]


def _lives(reply: list[Any]) -> int:
    _beside(reply[1])
    return int(reply[0])


def _beside(trouble: bytes) -> None:
    if trouble:
        LOG.error("The list of live sessions or the audit could not be written (%s)", trouble.decode())


def _sorted_out(
    lines: Any, decoded: Callable[[bytes], StoredMessage]
) -> tuple[list[StoredMessage], list[Bad], list[bytes]]:
    records, bad, kept = [], [], []
    for raw in lines:
        try:
            records.append(decoded(raw))
            kept.append(raw)
        except Unreadable as exc:
            bad.append(Bad(exc.reason, str(exc), raw))
    return records, bad, kept
