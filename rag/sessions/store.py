"""Sessions in Redis. A turn is two round trips: one takes the session and reads it, one stores the turn and frees it.

All of a session's keys expire together and the time to live slides on every turn. Every method names its session;
what the store remembers of sessions, it remembers by their ids. Raises SessionStoreUnavailable or StoreFull where the
server fails, BadSessionId for an id that cannot be one, SealBroken where a key is missing.

Turns of one session follow each other in the order in which they were asked. A turn is lost with its process within
`lease` seconds, a waiting one within two more. On a cluster the live index and the audit are written after the turn,
a moment later (see turns/deferred_writes.py); everywhere else in the same script.

Acknowledged turns are safe from everything that the server itself survives. With replicas, those are asynchronous: a
failover may lose the turns of its last moments, unless `replicas=1` makes each turn wait for one of them.
"""

# mypy: disable-error-code="no-untyped-call"
# (of redis-py)

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

import redis
from langchain_core.messages import BaseMessage

from rag.errors import CrosswireError, SessionStoreUnavailable, TurnBusy
from rag.sessions.connection.connect import Client
from rag.sessions.connection.errors import WrongType, translated
from rag.sessions.health import Eviction, StoreHealth, eviction_of
from rag.sessions.ids import SessionId
from rag.sessions.messages.codec import StoredMessage, duplicate
from rag.sessions.messages.copy_on_read import duplicate_record
from rag.sessions.protocol import index_entries
from rag.sessions.protocol.index_entries import Command
from rag.sessions.protocol.keys import DEFAULT_PREFIX, Format
from rag.sessions.protocol.replies import BadElement, Busy, Commit, Committed, Quarantined, SessionInfo, Snapshot
from rag.sessions.protocol.requests import Request, SessionProtocol, lifetime
from rag.sessions.turns.deferred_writes import deferred_writes
from rag.sessions.turns.lease import HEARTBEAT, HeldTurn
from rag.sessions.turns.sending import Sender
from rag.sessions.turns.turn import Turn
from rag.sessions.turns.waiting import pause, waiters

if TYPE_CHECKING:
    from rag.sessions.history import RedisChatMessageHistory
    from rag.sessions.listing.audit import Audit
    from rag.sessions.listing.directory import Directory

LOG = logging.getLogger(__name__)
LEASE = 10.0
T = TypeVar("T")


class TurnContext:
    """What `SessionStore.turn` returns, for a `with`: the session is held from its first line to its last."""

    __slots__ = ("_heartbeat", "_on_wait", "_sid", "_store", "_token", "_turn", "_wait")

    def __init__(self, store: SessionStore, sid: SessionId, wait: float, on_wait: Callable[[], None] | None) -> None:
        self._store = store
        self._sid = sid
        self._wait = wait
        self._on_wait = on_wait
        self._token = store.protocol.token()
        protocol = store.protocol
        # Of the store, not of this object: a cycle would keep every turn's history until the next collection.
        self._heartbeat = HeldTurn(partial(store._renew, sid, self._token), min(protocol.lease, protocol.ttl) / 3)
        self._turn: Turn | None = None

    def __enter__(self) -> Turn:
        try:
            found = self._store._begin(self._sid, self._token, self._wait, self._on_wait, self._heartbeat)
            self._turn = turn = Turn(self._sid, found, self._store._commit, self._token)
        except BaseException:
            HEARTBEAT.drop(self._heartbeat)
            self._store._release(self._sid, self._token)
            raise
        return turn

    def __exit__(self, *_: object) -> None:
        HEARTBEAT.drop(self._heartbeat)
        if not self._heartbeat.lost and (self._turn is None or self._turn.number is None):
            self._store._release(self._sid, self._token)


class SessionStore:
    """Thread-safe. One instance serves all sessions of a process."""

    def __init__(
        self,
        client: Client,
        ttl: int = 3600,
        *,
        key_prefix: str = DEFAULT_PREFIX,
        fmt: Format = "crosswire",
        max_turns: int = 1000,
        lease: float = LEASE,
        encryption_keys: Sequence[bytes] = (),
        cache_bytes: int = 64 << 20,
        replicas: int = 0,
        clock: Callable[[], float] = time.time,
        target: str = "REDIS_URL",
    ) -> None:
        """ttl: seconds that a session lives after its last turn. max_turns: how many are stored, the newest ones.

        fmt: `classic` and `community` read, and only read, the lists of others. lease: seconds until a session is free
        again whose holder died. encryption_keys: of 32 bytes each; the first one writes. cache_bytes: for what was
        decoded. replicas: how many have to have a turn before its commit returns. target: how errors name the server.
        """
        self._client = client
        self._target = target
        clustered = isinstance(client, redis.RedisCluster)
        self.protocol = SessionProtocol(
            ttl,
            key_prefix=key_prefix,
            fmt=fmt,
            max_turns=max_turns,
            lease=lease,
            encryption_keys=encryption_keys,
            cache_bytes=cache_bytes,
            index=not clustered,
            clock=clock,
        )
        self._ask = Sender(client, target, replicas)
        self._waiters = waiters(client)
        self._waiters.enlist(self.protocol)
        self._deferred = deferred_writes(client) if isinstance(client, redis.RedisCluster) else None

    # --- turns

    def turn(self, session_id: str, wait: float = 30.0, on_wait: Callable[[], None] | None = None) -> TurnContext:
        """Hold the session, alone, until the block ends; leaving it without a commit stores nothing.

        Waits up to `wait` seconds for the session's earlier turns, then raises TurnBusy. `on_wait` is called once if
        there are any.
        """
        return TurnContext(self, self._writable(session_id), wait, on_wait)

    def append(self, session_id: str, messages: Sequence[BaseMessage]) -> None:
        """Store messages as one turn, after the session's turn that is running."""
        with self.turn(session_id) as turn:
            turn.commit(messages)

    # --- reading

    def messages(self, session_id: str) -> list[BaseMessage]:
        """The stored messages, oldest first, without waiting for a turn that is being answered."""
        if self.protocol.keys.fmt != "crosswire":
            return [record.message for record in self._plain(SessionId(session_id))]
        return [duplicate(message) for message in self._read(SessionId(session_id)).messages]

    def records(self, session_id: str) -> list[StoredMessage]:
        """The stored messages with their places, oldest first."""
        if self.protocol.keys.fmt != "crosswire":
            return self._plain(SessionId(session_id))
        return [duplicate_record(record) for record in self._read(SessionId(session_id)).records]

    def info(self, session_id: str) -> SessionInfo | None:
        """None if there is no such session."""
        sid = SessionId(session_id)
        return self._repairing(sid, self.protocol.about(sid))

    def ttl(self, session_id: str) -> float | None:
        """Seconds until the session is forgotten; None if there is no such session, or it never is."""
        keys, sid = self.protocol.keys, SessionId(session_id)
        with translated(self._target):
            left = self._client.pttl(keys.session(sid) if keys.fmt == "crosswire" else keys.history(sid))
        return left / 1000 if left >= 0 else None

    def live(self, session_ids: Iterable[str]) -> set[str]:
        """Which of these sessions exist, in one round trip (on a cluster: one a shard)."""
        asked = [SessionId(session_id) for session_id in session_ids]
        with translated(self._target):
            pipe: Any = self._client.pipeline(transaction=False)
            for sid in asked:
                pipe.exists(self.protocol.keys.session(sid))
            return {str(sid) for sid, there in zip(asked, pipe.execute(), strict=True) if there}

    def quarantined(self, session_id: str) -> list[Quarantined]:
        """What was found in this session's history and is not shown, oldest first."""
        key = self.protocol.keys.of(SessionId(session_id)).quarantine
        with translated(self._target):
            return self.protocol.quarantined(cast(list[bytes], self._client.lrange(key, 0, -1)))

    def health(self) -> StoreHealth:
        """Raises what the next turn would raise: StoreDiskFull or SessionStoreUnavailable.

        Of a server elsewhere only what a PING says: that it answers, and that its last write did not fail.
        """
        self.ping()
        disk = self._ask.disk
        if disk is None:
            return StoreHealth()
        disk.require()
        return StoreHealth(str(disk.folder), disk.free())

    def eviction(self) -> Eviction | None:
        """What the server drops when its memory is used up. None if this user is not allowed to ask."""
        try:
            with translated(self._target):
                return eviction_of(self._client.info("memory"))
        except SessionStoreUnavailable:
            self.ping()
            return None

    def ping(self) -> None:
        with self._ask.translated():
            self._client.ping()

    # --- how long, and the end

    def touch(self, session_id: str) -> None:
        """Make sure that the session exists, and start its time to live anew."""
        sid = self._writable(session_id)
        ttl = self._repairing(sid, self.protocol.live(sid, "", make=True))
        self._later(*self._seen(sid, ttl))

    def extend(self, session_id: str, seconds: int, who: str = "inspector") -> bool:
        """From now on the session lives this long after each turn. False if there is no such session."""
        return self._live(session_id, lifetime(seconds), who, "extend")

    def pin(self, session_id: str, who: str = "inspector") -> bool:
        """Never forget this session. False if there is no such session."""
        return self._live(session_id, "0", who, "pin")

    def unpin(self, session_id: str, who: str = "inspector") -> bool:
        """Give the session the usual time to live again. False if there is no such session."""
        return self._live(session_id, "-", who, "unpin")

    def expire_now(self, session_id: str, who: str = "inspector") -> bool:
        """End the session at once; True if there was one. A turn that is being answered then is not stored."""
        return self._end(session_id, who, "expire")[1] > 0

    def clear(self, session_id: str, who: str = "session") -> bool:
        """Delete the history; True if there was one. A turn that is being answered then is not stored."""
        return self._end(session_id, who, "clear")[0] > 0

    def set_summary(self, session_id: str, text: str, upto_turn: int) -> bool:
        """Keep a summary of the oldest turns with the session. False if there is no such session."""
        sid = self._writable(session_id)
        return self._repairing(sid, self.protocol.summarise(sid, text, upto_turn))

    # --- others' views of it

    def history(self, session_id: str) -> RedisChatMessageHistory:
        """The session as LangChain knows it."""
        from rag.sessions.history import RedisChatMessageHistory

        return RedisChatMessageHistory.of(self, session_id)

    @property
    def directory(self) -> Directory:
        """All live sessions, page by page."""
        from rag.sessions.listing.directory import Directory

        return Directory(self._client, self.protocol, self._target)

    @property
    def audit(self) -> Audit:
        """Who did what to which session."""
        from rag.sessions.listing.audit import Audit

        return Audit(self._client, self.protocol.keys, self._target)

    def flush(self) -> None:
        """Wait for what is written after the turns: something on a cluster, nothing elsewhere."""
        if self._deferred is not None:
            self._deferred.flush()

    # --- inner

    def _begin(
        self, sid: SessionId, token: str, wait: float, on_wait: Callable[[], None] | None, heartbeat: HeldTurn
    ) -> Snapshot:
        begun = time.monotonic()
        found = self._repairing(sid, self.protocol.begin(sid, token, queue=wait > 0, meanwhile=heartbeat.hold))
        if isinstance(found, Busy):
            HEARTBEAT.drop(heartbeat)
            if on_wait is not None:
                on_wait()
            found = self._wait(sid, token, found, begun, wait)
            HEARTBEAT.hold(heartbeat)
        return self._whole(sid, found)

    def _wait(self, sid: SessionId, token: str, busy: Busy, begun: float, wait: float) -> Snapshot | None:
        with self._waiters.waiting(token) as woken:
            while (left := wait - (time.monotonic() - begun)) > 0:
                woken.wait(min(pause(busy.before), left))
                woken.clear()
                found = self._repairing(sid, self.protocol.begin(sid, token, busy.place, queue=True))
                if not isinstance(found, Busy):
                    return found
                busy = found
        raise TurnBusy(sid, time.monotonic() - begun)

    def _commit(self, sid: SessionId, token: str, found: Snapshot, commit: Commit) -> Committed:
        result = self._repairing(sid, self.protocol.commit(sid, token, found, commit))
        if result.next:
            self._waiters.wake(result.next)
        if self._deferred is not None:
            lost = [index_entries.audited(self.protocol.keys, sid, "fenced", "session")]
            self._later(*(self._seen(sid, self.protocol.ttl, new=result.turn == 1) if result.turn > 0 else lost))
        return result

    def _renew(self, sid: SessionId, token: str) -> bool:
        return self._ask(self.protocol.renew(sid, token))

    def _release(self, sid: SessionId, token: str) -> None:
        with suppress(CrosswireError):  # it ends by itself, one lease from now
            self._waiters.wake(self._ask(self.protocol.release(sid, token)))

    def _read(self, sid: SessionId) -> Snapshot:
        return self._whole(sid, self._repairing(sid, self.protocol.read(sid)))

    def _whole(self, sid: SessionId, found: Snapshot | None) -> Snapshot:
        """Put aside what may not be shown, and read again what that or the cache left out."""
        for _ in range(4):
            if found is not None and not found.bad:
                return found
            for bad in found.bad if found is not None else ():
                self._quarantine(sid, bad)
            found = self._ask(self.protocol.read(sid, fresh=True))
        raise SessionStoreUnavailable(self._target, "others keep writing into this session what is not its own")

    def _quarantine(self, sid: SessionId, bad: BadElement) -> None:
        LOG.error("Session %s: an element was put into quarantine (%s: %s)", sid[:12], bad.reason, bad.detail)
        if self._repairing(sid, self.protocol.quarantine(sid, bad)):
            self._later(*index_entries.quarantined(self.protocol.keys, sid, bad.reason))

    def _repairing(self, sid: SessionId, ask: Request[T]) -> T:
        try:
            return self._ask(ask)
        except WrongType:
            moved = self._ask(self.protocol.repair(sid))
            LOG.warning("Session %s: %d keys of a wrong type were moved away", sid[:12], moved)
            self._later(index_entries.audited(self.protocol.keys, sid, "misplaced", "session"), always=True)
            return self._ask(ask)

    def _plain(self, sid: SessionId) -> list[StoredMessage]:
        with translated(self._target):
            stored = self._client.lrange(self.protocol.keys.history(sid), 0, -1)
        records, bad = self.protocol.plain(cast(list[bytes], stored))
        for one in bad:
            LOG.warning("Session %s: an element was left out (%s)", sid[:12], one.detail)
        return records

    def _live(self, session_id: str, own: str, who: str, what: str) -> bool:
        sid = self._writable(session_id)
        ttl = self._repairing(sid, self.protocol.live(sid, own, who, what))
        if ttl >= 0:
            entry = index_entries.audited(self.protocol.keys, sid, what, who, ttl=str(ttl))
            self._later(*self._seen(sid, ttl), entry)
        return ttl >= 0

    def _end(self, session_id: str, who: str, what: str) -> tuple[int, int]:
        sid = self._writable(session_id)
        length, there = self._ask(self.protocol.clear(sid, who, what))
        self._later(
            *index_entries.gone(self.protocol.keys, sid), index_entries.audited(self.protocol.keys, sid, what, who)
        )
        return length, there

    def _later(self, *commands: Command, always: bool = False) -> None:
        """What scripts cannot write on a cluster; `always`: what they never do."""
        if self._deferred is not None:
            self._deferred.put(*commands)
        elif always:
            with translated(self._target):
                for command in commands:
                    self._client.execute_command(*command)

    def _seen(self, sid: SessionId, ttl: int, *, new: bool = True) -> list[Command]:
        return index_entries.seen(self.protocol.keys, sid, round(self.protocol.now(), 3), ttl, new=new)

    def _writable(self, session_id: str) -> SessionId:
        if self.protocol.keys.fmt != "crosswire":
            raise read_only(self.protocol.keys.fmt)
        return SessionId(session_id)


def read_only(fmt: Format) -> CrosswireError:
    return CrosswireError(f"Histories of the format {fmt!r} are only read here. To write, use the format 'crosswire'.")
