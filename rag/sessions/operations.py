"""What a store does with sessions, as steps: the sync and the async one differ in who sends them.

Every operation names its session; what the store remembers of sessions, it remembers by their ids. All of a session's
keys expire together and the time to live slides on every turn. Raises SessionStoreUnavailable, StoreDiskFull or
StoreFull where the server fails, BadSessionId for an id that cannot be one, SealBroken where a key is missing.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from langchain_core.messages import BaseMessage

from rag.errors import CredentialEnded, CrosswireError, SessionStoreUnavailable, TurnBusy, TurnUnconfirmed
from rag.sessions.allowance import Allowance, granted
from rag.sessions.connection.errors import WrongType
from rag.sessions.connection.replication import NONE, Replication, clustered
from rag.sessions.health import Eviction, StoreHealth, eviction_of
from rag.sessions.ids import SessionId
from rag.sessions.listing.sweep import BATCH
from rag.sessions.log_names import log_fields
from rag.sessions.messages.codec import StoredMessage, duplicate
from rag.sessions.protocol import index_entries
from rag.sessions.protocol.keys import DEFAULT_PREFIX, Format
from rag.sessions.protocol.replies import BadElement, Busy, Commit, Committed, Quarantined, SessionInfo, Snapshot
from rag.sessions.protocol.requests import Request, SessionProtocol, lifetime
from rag.sessions.protocol.steps import Command, Lenient, Steps, operation
from rag.sessions.revocations import Credential, generation
from rag.sessions.turns.waiting import pause

LOG = logging.getLogger(__name__)
LEASE = 10.0
T = TypeVar("T")


class Operations:
    """Made by a store."""

    _sending: type
    _sender: Any

    def __init__(
        self,
        client: Any,
        ttl: int = 3600,
        *,
        key_prefix: str = DEFAULT_PREFIX,
        fmt: Format = "crosswire",
        max_turns: int = 1000,
        lease: float = LEASE,
        encryption_keys: Sequence[bytes] = (),
        cache_bytes: int = 64 << 20,
        replication: Replication = NONE,
        clock: Callable[[], float] = time.time,
        target: str = "REDIS_URL",
    ) -> None:
        """ttl: seconds that a session lives after its last turn. max_turns: how many are stored, the newest ones.

        fmt: `classic` and `community` read, and only read, the lists of others. lease: seconds until a session is free
        again whose holder died. encryption_keys: of 32 bytes each; the first one writes. cache_bytes: for what was
        decoded. replication: what replicas are waited for and asked. target: how errors name the server.
        """
        self._client = client
        self._clustered = clustered(client)
        self.protocol = SessionProtocol(
            ttl,
            key_prefix=key_prefix,
            fmt=fmt,
            max_turns=max_turns,
            lease=lease,
            encryption_keys=encryption_keys,
            cache_bytes=cache_bytes,
            index=not self._clustered,
            clock=clock,
        )
        self._interval = min(lease, ttl) / 3
        self._recent = index_entries.Recent(min(index_entries.EVERY, ttl / 10))
        self._sender = self._sending(client, target, replication)
        self._sender.waiters.enlist(self.protocol)

    def _ask(self, request: Request[T]) -> Steps[T]:
        steps: Steps[T] = self._sender.answer(request)
        return steps

    # --- reading

    @operation
    def messages(self, session_id: str) -> Steps[list[BaseMessage]]:
        """The stored messages, oldest first, without waiting for a turn that is being answered."""
        return [record.message for record in (yield from self._records(session_id))]

    @operation
    def records(self, session_id: str, *, newest: bool = False) -> Steps[list[StoredMessage]]:
        """The stored messages with their places, oldest first. newest: no replica is asked."""
        return self._records(session_id, newest=newest)

    @operation
    def info(self, session_id: str) -> Steps[SessionInfo | None]:
        """None if there is no such session."""
        sid = SessionId(session_id)
        return (yield from self._repairing(sid, self.protocol.about(sid)))

    @operation
    def ttl(self, session_id: str) -> Steps[float | None]:
        """Seconds until the session is forgotten; None if there is no such session, or it never is."""
        keys, sid = self.protocol.keys, SessionId(session_id)
        (left,) = yield self._sender([("PTTL", keys.session(sid) if keys.fmt == "crosswire" else keys.history(sid))])
        return left / 1000 if left >= 0 else None

    @operation
    def live(self, session_ids: Iterable[str]) -> Steps[set[str]]:
        """Which of these sessions exist, in one round trip (on a cluster: one a shard)."""
        asked = [SessionId(session_id) for session_id in session_ids]
        found = yield self._sender([("EXISTS", self.protocol.keys.session(sid)) for sid in asked])
        return {str(sid) for sid, there in zip(asked, found, strict=True) if there}

    @operation
    def collection(self, session_id: str) -> Steps[str]:
        """Which collection has the session's documents; empty: none is named."""
        return (yield from self._collections([session_id])).get(session_id, "")

    @operation
    def collections(self, session_ids: Iterable[str]) -> Steps[dict[str, str]]:
        """As `collection`, of those sessions that exist, in one round trip (on a cluster: one a shard)."""
        return self._collections([*session_ids])

    @operation
    def quarantined(self, session_id: str) -> Steps[list[Quarantined]]:
        """What was found in this session's history and is not shown, oldest first."""
        key = self.protocol.keys.of(SessionId(session_id)).quarantine
        (found,) = yield self._sender(Lenient([("LRANGE", key, 0, -1)]))
        return self.protocol.quarantined(found if isinstance(found, list) else [])

    @operation
    def traces(self, session_id: str) -> Steps[list[str]]:
        """How the newest turns were answered, oldest first, as it was committed with them.

        Empty texts stand for those that cannot be opened with the keys at hand.
        """
        sid = SessionId(session_id)
        (found,) = yield self._sender(Lenient([("LRANGE", self.protocol.keys.of(sid).trace, 0, -1)]))
        return self.protocol.traces(sid, found if isinstance(found, list) else [])

    # --- the server

    @operation
    def ping(self) -> Steps[None]:
        yield self._sender(lambda client: client.ping())

    @operation
    def health(self) -> Steps[StoreHealth]:
        """Raises what the next turn would raise: StoreDiskFull or SessionStoreUnavailable.

        Of a server elsewhere only what a PING says: that it answers, and that its last write did not fail.
        """
        yield self._sender(lambda client: client.ping())
        disk = self._sender.disk
        if disk is None:
            return StoreHealth()
        disk.require()
        return StoreHealth(str(disk.folder), disk.free())

    @operation
    def eviction(self) -> Steps[Eviction | None]:
        """What the server drops when its memory is used up. None if this user is not allowed to ask."""
        yield self._sender(lambda client: client.ping())
        with suppress(SessionStoreUnavailable):
            return eviction_of((yield self._sender(lambda client: client.info("memory"))))
        return None

    @operation
    def close(self) -> Steps[None]:
        """The connections to replicas that it reads from. The client is closed by whoever made it."""
        reads = self._sender.replication.reads
        if reads is not None:
            yield reads.aclose() if hasattr(reads, "aclose") else reads.close()

    def remembered(self) -> set[str]:
        """The sessions of which something is in the memory of this store: messages, or when they were last indexed."""
        return {*self.protocol.cache.epochs(), *self._recent.known()}

    # --- how long, and the end

    @operation
    def drop_ended(self) -> Steps[int]:
        """Forget what was decoded here of sessions that ended or were cleared elsewhere. Returns of how many."""
        self._recent.drop(self.protocol.now())
        known = [*self.protocol.cache.epochs().items()]
        gone = []
        for start in range(0, len(known), BATCH):
            part = known[start : start + BATCH]
            found = yield self._sender(
                Lenient([("HGET", self.protocol.keys.session(SessionId(sid)), "epoch") for sid, _ in part])
            )
            gone += [sid for (sid, epoch), now in zip(part, found, strict=True) if now != epoch.encode()]
        for sid in gone:
            self.protocol.cache.forget(sid)
        return len(gone)

    @operation
    def touch(self, session_id: str) -> Steps[str]:
        """Make sure that the session exists, and start its time to live anew. Returns as `collection`."""
        return self._touch(session_id)

    @operation
    def collect(self, session_id: str) -> Steps[str]:
        """As `touch`. Returns which collection its documents go into: from now on, and as long as it is not cleared."""
        return self._touch(session_id, os.urandom(8).hex())

    @operation
    def extend(self, session_id: str, seconds: int, who: str = "inspector") -> Steps[bool]:
        """From now on the session lives this long after each turn. False if there is no such session."""
        return self._live(session_id, lifetime(seconds), who, "extend")

    @operation
    def pin(self, session_id: str, who: str = "inspector") -> Steps[bool]:
        """Never forget this session. False if there is no such session."""
        return self._live(session_id, "0", who, "pin")

    @operation
    def unpin(self, session_id: str, who: str = "inspector") -> Steps[bool]:
        """Give the session the usual time to live again. False if there is no such session."""
        return self._live(session_id, "-", who, "unpin")

    @operation
    def expire_now(self, session_id: str, who: str = "inspector") -> Steps[bool]:
        """End the session at once; True if there was one. A turn that is being answered then is not stored."""
        return (yield from self._end(session_id, who, "expire"))[1] > 0

    @operation
    def clear(self, session_id: str, who: str = "session") -> Steps[bool]:
        """Delete the history; True if there was one. A turn that is being answered then is not stored."""
        return (yield from self._end(session_id, who, "clear"))[0] > 0

    @operation
    def set_summary(self, session_id: str, text: str, upto_turn: int) -> Steps[bool]:
        """Keep a summary of the oldest turns with the session. False if there is no such session."""
        sid = self._writable(session_id)
        return self._repairing(sid, self.protocol.summarise(sid, text, upto_turn))

    @operation
    def charge(self, allowance: Allowance) -> Steps[None]:
        """Take a token out of each of these buckets, in one round trip. Raises OverLimit, and takes none then."""
        return self._ask(self.protocol.charge(allowance))

    # --- turns

    def _begin(
        self,
        sid: SessionId,
        token: str,
        wait: float,
        on_wait: Callable[[], None] | None,
        credential: Credential | None,
        allowance: Allowance | None,
    ) -> Steps[Snapshot]:
        begun = time.monotonic()
        if self._clustered:
            yield from self._asked_first(sid, credential, allowance)
            credential = allowance = None
        first = self.protocol.begin(sid, token, queue=wait > 0, credential=credential, allowance=allowance)
        found = yield from self._repairing(sid, first)
        if isinstance(found, Busy):
            if on_wait is not None:
                on_wait()
            with self._sender.waiters.waiting(token):
                while isinstance(found, Busy):
                    if (left := wait - (time.monotonic() - begun)) <= 0:
                        raise TurnBusy(sid, time.monotonic() - begun)
                    yield self._sender.waiters.wait(token, min(pause(found.before), left))
                    again = self.protocol.begin(sid, token, found.place, queue=True)
                    found = yield from self._repairing(sid, again)
        return (yield from self._complete(sid, found, begins=True))

    def _asked_first(self, sid: SessionId, credential: Credential | None, allowance: Allowance | None) -> Steps[None]:
        """What a turn asks on a cluster, whose keys may be on other shards than the session: in one pipeline, but for
        what a session's first turn is charged."""
        commands: list[Command] = []
        if credential is not None:
            commands.append(("GET", self.protocol.keys.cookies(credential.browser)))
        if allowance is not None:
            charge = self.protocol.charge(allowance)
            commands.append(("EXISTS", self.protocol.keys.session(sid)))
            commands.append(("EVAL", charge.script.source, len(charge.keys), *charge.keys, *charge.args))
        try:
            replies = (yield self._sender(commands)) if commands else []
        except WrongType as exc:  # of the cookie's key, for the script minds none: nobody knows which cookies count
            raise CredentialEnded from exc
        if credential is not None and generation(replies[0]) > credential.generation:
            raise CredentialEnded
        if allowance is not None:
            granted(allowance, *replies[-1])
            if allowance.first and not replies[-2]:
                yield from self._ask(self.protocol.charge(allowance._replace(buckets=allowance.first)))

    def _commit(self, sid: SessionId, token: str, found: Snapshot, commit: Commit) -> Steps[Committed]:
        result = yield from self._repairing(sid, self.protocol.commit(sid, token, found, commit))
        if result.next:
            self._sender.waiters.wake(result.next)
        if self._clustered:
            lost = [index_entries.audited(self.protocol.keys, sid, "fenced", "session")]
            if result.turn <= 0:
                yield from self._index(lost)
            elif self._recent.due(sid, self.protocol.now(), new=result.turn == 1):
                yield from self._index(self._seen(sid, self.protocol.ttl, new=result.turn == 1))
        return result

    def _confirmed(self, sid: SessionId, result: Committed) -> None:
        """Raises TurnUnconfirmed, or writes it to the log, where too few replicas have a turn."""
        asked = self._sender.replication
        if result.replicas is None or result.replicas >= asked.wait:
            return
        found = TurnUnconfirmed(sid, result.replicas, asked.wait, asked.seconds)
        if asked.strict:
            raise found
        LOG.warning("Session %s, turn %d: %s", sid[:12], result.turn, found, extra=log_fields(sid, turn=result.turn))

    def _renew(self, sid: SessionId, token: str) -> Steps[bool]:
        return self._ask(self.protocol.renew(sid, token))

    def _renew_all(self, held: Sequence[tuple[SessionId, str]]) -> Steps[list[bool | None]]:
        """Of each whether it is still held; None: try again. One round trip, on clusters one each: their pipelines take
        no scripts."""
        requests = [self.protocol.renew(sid, token) for sid, token in held]
        replies: list[Any] = [None] * len(requests)
        if not self._clustered:
            replies = yield self._sender(
                Lenient([("EVALSHA", one.script.sha, len(one.keys), *one.keys, *one.args) for one in requests])
            )
        found: list[bool | None] = []
        for request, reply in zip(requests, replies, strict=True):
            known: bool | None = None
            if reply is None or isinstance(reply, Exception):  # a server that has forgotten the script, say
                with suppress(CrosswireError):
                    known = yield from self._ask(request)
            else:
                known = request.parse(reply)
            found.append(known)
        return found

    def _release(self, sid: SessionId, token: str) -> Steps[None]:
        with suppress(CrosswireError):  # it ends by itself, one lease from now
            self._sender.waiters.wake((yield from self._ask(self.protocol.release(sid, token))))

    # --- inner

    def _records(self, session_id: str, *, newest: bool = False) -> Steps[list[StoredMessage]]:
        sid = SessionId(session_id)
        if self.protocol.keys.fmt != "crosswire":
            return (yield from self._plain(sid))
        asked = self.protocol.read(sid)
        found = yield from self._repairing(sid, asked._replace(behind=None) if newest else asked)
        found = yield from self._complete(sid, found)
        return [replace(record, message=duplicate(record.message)) for record in found.records]

    def _complete(self, sid: SessionId, found: Snapshot | None, *, begins: bool = False) -> Steps[Snapshot]:
        """Put aside what may not be shown, and read again what that or the cache left out. begins: for a turn."""
        for _ in range(4):
            if found is not None and not found.bad:
                return found
            if found is not None:
                told = {"turn": found.turns + 1} if begins else {}
                for bad in found.bad:
                    yield from self._quarantine(sid, bad, told)
            found = yield from self._ask(self.protocol.read(sid, fresh=True))
        target = self._sender.target
        raise SessionStoreUnavailable(target, "others keep writing into this session what is not its own")

    def _quarantine(self, sid: SessionId, bad: BadElement, told: Mapping[str, int]) -> Steps[None]:
        """told: the turn that found it, if one did."""
        LOG.error(
            "Session %s: an element was put into quarantine (%s: %s)",
            sid[:12],
            bad.reason,
            bad.detail,
            extra=log_fields(sid, **told),
        )
        if (yield from self._repairing(sid, self.protocol.quarantine(sid, bad))):
            yield from self._index(index_entries.quarantined(self.protocol.keys, sid, bad.reason))

    def _repairing(self, sid: SessionId, request: Request[T]) -> Steps[T]:
        try:
            return (yield from self._ask(request))
        except WrongType:
            moved = yield from self._ask(self.protocol.repair(sid))
            LOG.warning("Session %s: %d keys of a wrong type were moved away", sid[:12], moved, extra=log_fields(sid))
            entry = index_entries.audited(self.protocol.keys, sid, "misplaced", "session")
            yield from self._index([entry], always=True)
            return (yield from self._ask(request))

    def _plain(self, sid: SessionId) -> Steps[list[StoredMessage]]:
        """A list of one of the other formats."""
        (stored,) = yield self._sender([("LRANGE", self.protocol.keys.history(sid), 0, -1)])
        records, bad = self.protocol.plain(stored)
        for one in bad:
            LOG.warning("Session %s: an element was left out (%s)", sid[:12], one.detail, extra=log_fields(sid))
        return records

    def _live(self, session_id: str, own: str, who: str, what: str) -> Steps[bool]:
        sid = self._writable(session_id)
        ttl, _ = yield from self._repairing(sid, self.protocol.live(sid, own, who, what))
        if ttl >= 0:
            entry = index_entries.audited(self.protocol.keys, sid, what, who, ttl=str(ttl))
            yield from self._index([*self._seen(sid, ttl), entry])
        return ttl >= 0

    def _touch(self, session_id: str, collection: str = "") -> Steps[str]:
        sid = self._writable(session_id)
        live = self.protocol.live(sid, "", make=True, collection=collection)
        ttl, named = yield from self._repairing(sid, live)
        yield from self._index(self._seen(sid, ttl))
        return named

    def _collections(self, session_ids: Sequence[str]) -> Steps[dict[str, str]]:
        keys = [self.protocol.keys.session(SessionId(one)) for one in session_ids]
        asked = Lenient([command for key in keys for command in (("EXISTS", key), ("HGET", key, "collection"))])
        found = (yield self._sender(asked)) if asked else []
        for reply in found[::2]:
            if isinstance(reply, Exception):
                raise self._sender._refused(reply)
        named = (one.decode("utf-8", "replace") if isinstance(one, bytes) else "" for one in found[1::2])
        pairs = zip(session_ids, found[::2], named, strict=True)
        return {str(one): collection for one, there, collection in pairs if there}

    def _end(self, session_id: str, who: str, what: str) -> Steps[tuple[int, int]]:
        sid, keys = self._writable(session_id), self.protocol.keys
        length, there = yield from self._ask(self.protocol.clear(sid, who, what))
        self._recent.forget(sid)
        yield from self._index([*index_entries.gone(keys, sid), index_entries.audited(keys, sid, what, who)])
        return length, there

    def _index(self, commands: list[Command], *, always: bool = False) -> Steps[None]:
        """What scripts cannot write on a cluster; `always`: what they never do.

        The session is stored by then, and counts: what of its index could not be written is put right by the sweep.
        """
        if self._clustered or always:
            try:
                yield self._sender(Lenient(commands))
            except CrosswireError as exc:
                LOG.warning("The list of live sessions or the audit could not be written: %s", exc)

    def _seen(self, sid: SessionId, ttl: int, *, new: bool = True) -> list[Command]:
        return index_entries.seen(self.protocol.keys, sid, round(self.protocol.now(), 3), ttl, new=new)

    def _writable(self, session_id: str) -> SessionId:
        if self.protocol.keys.fmt != "crosswire":
            raise read_only(self.protocol.keys.fmt)
        return SessionId(session_id)


def read_only(fmt: Format) -> CrosswireError:
    return CrosswireError(f"Histories of the format {fmt!r} are only read here. To write, use the format 'crosswire'.")
