"""What is asked of the server and what its answers mean, without any I/O: the sync and the async store share it.

An `Request` is one round trip. Nothing in here waits, sends or holds a session.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import isfinite
from typing import Any, Generic, NamedTuple, TypeVar

from rag.errors import CredentialEnded, NewerCookie, NewerFormat, SealBroken
from rag.sessions.allowance import Allowance, Bucket, granted
from rag.sessions.ids import SessionId
from rag.sessions.messages.codec import Place, StoredMessage, Unreadable, as_stored, decode, decode_plain, encode
from rag.sessions.messages.seal import Seal, close_field, open_field
from rag.sessions.protocol import scripts
from rag.sessions.protocol.history_cache import NOTHING, Cache
from rag.sessions.protocol.index_entries import find_entries
from rag.sessions.protocol.keys import DEFAULT_PREFIX, Format, Keys
from rag.sessions.protocol.replies import BadElement, Busy, Commit, Committed, Quarantined, SessionInfo, Snapshot
from rag.sessions.protocol.scripts import MOST_TTL, SESSION_VERSION, Script
from rag.sessions.revocations import Credential

LOG = logging.getLogger(__name__)
T = TypeVar("T")


class Request(NamedTuple, Generic[T]):
    """`durable`: it ends a turn, so replicas may be waited for. `repeatable`: it may be asked again without harm.

    `behind`: of a reply, whether it is older than what is known here; a replica may be asked then. None: the master.
    `writes`: bytes that it needs on the server's disk, None if it is not refused for want of room. `proof`: what the
    server's append-only file holds once it is done; empty: the server is asked; None: nobody relies on it.
    """

    script: Script
    keys: Sequence[str]
    args: Sequence[str | bytes | int | float]
    parse: Callable[[Any], T]
    durable: bool = False
    repeatable: bool = True
    writes: int | None = None
    proof: bytes | None = None
    behind: Callable[[Any], bool] | None = None


class SessionProtocol:
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
        credential: Credential | None = None,
        allowance: Allowance | None = None,
    ) -> Request[Snapshot | Busy | None]:
        """None: what was known is no longer here, ask again. With a credential or an allowance, which is not possible
        on a cluster, its answer may be to raise CredentialEnded or OverLimit."""
        queued: str | int = 0 if not queue else "" if place is None else place
        cookies = [] if credential is None else [self.keys.cookies(credential.browser)]
        generation = "" if credential is None else credential.generation
        buckets, numbers = self._buckets(allowance, (*allowance.buckets, *allowance.first) if allowance else ())
        first = len(allowance.first) if allowance else 0
        keys = (*self.keys.of(sid), *cookies, *buckets)
        args = (*self.cache.known(sid), token, self._lease_ms, self.ttl, queued, generation, first, *numbers)

        def parse(reply: list[Any]) -> Snapshot | Busy | None:
            if reply[0] in (-1, -3):
                raise CredentialEnded if reply[0] == -1 else NewerCookie
            if reply[0] == -4:
                granted(allowance, *reply[1:])
            return self._found(sid, reply) if reply[0] else Busy(reply[1], reply[2])

        return Request(scripts.BEGIN, keys, args, parse, writes=0)

    def commit(self, sid: SessionId, token: str, found: Snapshot, commit: Commit) -> Request[Committed]:
        now = round(self.now(), 3)
        place = Place(sid, found.turns + 1, now, token, tuple(commit.documents))
        lines = encode(commit.messages, place, self.seal)
        own = self.keys.of(sid)
        keys = [*own[:4], own.trace, *self._index[:3]]
        more: list[str | int] = []
        if commit.model:
            more += ("model", commit.model)
        if commit.title:
            more += ("title", close_field(self.seal, sid, "title", commit.title))
        if commit.summary and commit.summary[0]:
            more += ("summary", close_field(self.seal, sid, "summary", commit.summary[0]))
            more += ("summary_turns", commit.summary[1])
        if found.turns >= self._max_turns:
            more += ("oldest", found.turns + 1 - self._max_turns)
        if not found.turns:
            keys += self._index[3:]
            more += ("find", find_entries(sid))
        if found.quarantined:
            keys.append(own.quarantine)
            more += ("quarantine", len(keys))
        if commit.trace:
            more += ("trace", close_field(self.seal, sid, "trace", commit.trace))
        args = (token, found.turns, self.ttl, now, sid, self._lease_ms, len(more), *more, *lines)

        def parse(reply: list[Any]) -> Committed:
            turn, epoch, trimmed, length, following = _written(reply[:6])
            if turn > 0 and epoch:
                # As any other process would decode them.
                kept = as_stored(commit.messages, lines, place, self.seal)
                self.cache.update(sid, epoch.decode(), trimmed, trimmed + length - len(lines), kept, lines)
            elif turn > 0:
                self.cache.forget(sid)
            return Committed(turn, following.decode(), reply[6] if len(reply) > 6 else None)

        size, proof = sum(map(len, lines)) + len(commit.trace), b'"id":"%b:' % token.encode()
        return Request(scripts.COMMIT, keys, args, parse, durable=True, writes=size, proof=proof)

    def renew(self, sid: SessionId, token: str) -> Request[bool]:
        keys = self.keys.of(sid)
        names = (keys.history, keys.session, keys.turn, keys.quarantine, keys.trace)
        return Request(scripts.RENEW, names, (token, self._lease_ms, self.ttl), bool)

    def release(self, sid: SessionId, token: str) -> Request[str]:
        keys = self.keys.of(sid)
        # Not asked again: a server that is away would keep the caller waiting for nothing, and the lease ends anyway.
        return Request(scripts.RELEASE, (keys.turn, keys.queue, keys.alive), (token,), bytes.decode, repeatable=False)

    def charge(self, allowance: Allowance) -> Request[None]:
        """Not as a first turn. Raises OverLimit."""
        keys, args = self._buckets(allowance, allowance.buckets)
        return Request(scripts.CHARGE, keys, args, lambda reply: granted(allowance, *reply), repeatable=False)

    def _buckets(self, allowance: Allowance | None, buckets: Sequence[Bucket]) -> tuple[list[str], list[int]]:
        whose = allowance.whose if allowance else ""
        keys = [self.keys.limit(whose, bucket.name) for bucket in buckets]
        return keys, [number for bucket in buckets for number in (bucket.every, bucket.most)]

    # --- reading

    def read(self, sid: SessionId, *, fresh: bool = False) -> Request[Snapshot | None]:
        """None: what was known is no longer here, ask again with `fresh`, which is answered by the master."""
        known = NOTHING if fresh else self.cache.known(sid)

        def behind(reply: list[Any]) -> bool:
            return self._behind(sid, reply[2], reply[4] + len(reply[5]))

        parse = partial(self._found, sid)
        return Request(scripts.READ, self.keys.of(sid)[:2], known, parse, behind=None if fresh else behind)

    def plain(self, stored: Sequence[bytes], owner: str | None = None) -> tuple[list[StoredMessage], list[BadElement]]:
        """A list of one of the other formats, oldest first. owner: the session that its elements may name."""
        lines = reversed(stored) if self.keys.fmt == "community" else stored
        return _sorted_out(lines, lambda raw: decode_plain(raw, owner))[:2]

    def about(self, sid: SessionId) -> Request[SessionInfo | None]:
        def parse(reply: list[Any]) -> SessionInfo | None:
            flat, messages, left = reply
            fields = {name.decode("utf-8", "replace"): value for name, value in zip(flat[::2], flat[1::2], strict=True)}
            if fields.get("v", b"") not in (b"", b"%d" % SESSION_VERSION):
                raise NewerFormat(sid, fields["v"])
            return self.info(sid, fields, messages, left) if fields else None

        def behind(reply: list[Any]) -> bool:
            fields = dict(zip(reply[0][::2], reply[0][1::2], strict=True))
            trimmed = int(_number(fields.get(b"trimmed", b"").decode("utf-8", "replace")))
            return self._behind(sid, fields.get(b"epoch", b""), trimmed + reply[1])

        return Request(scripts.ABOUT, self.keys.of(sid)[:2], (), parse, behind=behind)

    def info(self, sid: SessionId, fields: Mapping[str, bytes], messages: int, left: int) -> SessionInfo:
        """From the session's hash, its number of messages, and its ttl in ms."""
        known = {name: value.decode("utf-8", "replace") for name, value in fields.items()}
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

    def clear(self, sid: SessionId, who: str, what: str) -> Request[list[int]]:
        keys = self.keys.of(sid)
        self.cache.forget(sid)
        names = (*keys, *self.keys.misplaced(sid), *self._index)
        return Request(scripts.CLEAR, names, (sid, who, what, find_entries(sid)), _written, repeatable=False, proof=b"")

    def live(
        self,
        sid: SessionId,
        own: str,
        who: str = "session",
        what: str = "",
        *,
        make: bool = False,
        collection: str = "",
    ) -> Request[tuple[int, str]]:
        """own: the session's own ttl in seconds, `0` for ever, `-` none, empty as it is. make: if there is none yet.
        collection: of its documents, if it has none yet. Its answer is the ttl, and which collection it has."""
        keys = self.keys.of(sid)
        names = (keys.history, keys.session, keys.quarantine, keys.trace, *self.keys.misplaced(sid), *self._index)
        token = self.token() if make else ""
        entries = find_entries(sid) if make else ""
        args = (sid, round(self.now(), 3), self.ttl, own, who, what, token, entries, collection)

        def parse(reply: list[Any]) -> tuple[int, str]:
            ttl, named = _written(reply)
            return int(ttl), named.decode("utf-8", "replace")

        return Request(scripts.LIVE, names, args, parse, writes=0, proof=b"")

    def summarise(self, sid: SessionId, text: str, turns: int) -> Request[bool]:
        sealed = close_field(self.seal, sid, "summary", text)
        keys = (self.keys.of(sid).session,)
        return Request(scripts.SUMMARY, keys, (sealed, turns), bool, writes=len(sealed), proof=b"")

    def quarantine(self, sid: SessionId, bad: BadElement) -> Request[bool]:
        keys = self.keys.of(sid)
        self.cache.forget(sid)
        names = (keys.history, keys.session, keys.quarantine, keys.trace, *self._counted)
        args = (sid, self.ttl, round(self.now(), 3), bad.reason, self.token(), bad.raw)
        return Request(scripts.QUARANTINE, names, args, bool)

    def repair(self, sid: SessionId) -> Request[int]:
        self.cache.forget(sid)
        names = (*self.keys.of(sid), *self.keys.misplaced(sid))
        return Request(scripts.REPAIR, names, (self.ttl, round(self.now(), 3), self.token()), int)

    def quarantined(self, stored: Sequence[bytes]) -> list[Quarantined]:
        split = (line.split(b"\n", 2) for line in stored)
        return [Quarantined(reason.decode(), float(at), raw) for reason, at, raw in split]

    def traces(self, sid: SessionId, stored: Sequence[bytes]) -> list[str]:
        """Empty where one cannot be opened."""
        found = []
        for line in stored:
            try:
                found.append(open_field(self.seal, sid, "trace", line.decode("utf-8", "replace")))
            except SealBroken:
                found.append("")
        return found

    # --- shared

    def _behind(self, sid: SessionId, epoch: bytes, end: int) -> bool:
        """Whether this is not, or may not be, as new as what was seen here: another epoch, or fewer messages."""
        known = self.cache.known(sid)
        return known is not NOTHING and (known.epoch.encode() != epoch or end < known.end)

    def _found(self, sid: SessionId, reply: list[Any]) -> Snapshot | None:
        if reply[0] == -2:
            raise NewerFormat(sid, reply[1])
        _, turns, epoch, trimmed, begins, stored, summary, covers, quarantined, named = reply
        records, bad, lines = _sorted_out(stored, lambda raw: decode(raw, sid, self.seal))
        whole: list[StoredMessage] | None = records
        if bad:
            # The good ones alone may be a part only: all is read again, when the bad ones are gone.
            self.cache.forget(sid)
        else:
            whole = self.cache.update(sid, epoch.decode(), trimmed, begins, records, lines)
        if whole is None:
            return None
        text = open_field(self.seal, sid, "summary", summary.decode("utf-8", "replace"))
        collection = named.decode("utf-8", "replace")
        return Snapshot(turns, whole, bad, text, covers if text else 0, quarantined, collection)


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


def _written(reply: list[Any]) -> list[Any]:
    """The reply without its last part: what went wrong with the index, which the session itself does not need."""
    *found, trouble = reply
    if trouble:
        LOG.error("The list of live sessions or the audit could not be written (%s)", trouble.decode())
    return found


def _sorted_out(
    lines: Any, decoded: Callable[[bytes], StoredMessage]
) -> tuple[list[StoredMessage], list[BadElement], list[bytes]]:
    records, bad, kept = [], [], []
    for raw in lines:
        try:
            records.append(decoded(raw))
            kept.append(raw)
        except Unreadable as exc:
            bad.append(BadElement(exc.reason, str(exc), raw))
    return records, bad, kept
