"""The session store for asyncio, with the contract of `SessionStore`: same keys, scripts, and two round trips a turn.

For one event loop. Sync and async stores may serve the same sessions at the same time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

from langchain_core.messages import BaseMessage
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster

from rag.errors import CrosswireError, SessionStoreUnavailable, TurnBusy
from rag.sessions.connection.connect import AsyncClient
from rag.sessions.connection.errors import WrongType, translated
from rag.sessions.connection.reasons import FAILURES
from rag.sessions.health import Eviction, StoreHealth, eviction_of
from rag.sessions.ids import SessionId
from rag.sessions.messages.codec import StoredMessage, duplicate
from rag.sessions.messages.copy_on_read import duplicate_record
from rag.sessions.protocol import index_entries
from rag.sessions.protocol.index_entries import Command
from rag.sessions.protocol.keys import DEFAULT_PREFIX, Format
from rag.sessions.protocol.replies import BadElement, Busy, Commit, Committed, Quarantined, SessionInfo, Snapshot
from rag.sessions.protocol.requests import Request, SessionProtocol, lifetime
from rag.sessions.store import LEASE, read_only
from rag.sessions.turns.sending import AsyncSender
from rag.sessions.turns.turn import AsyncTurn
from rag.sessions.turns.waiting import async_waiters, pause

if TYPE_CHECKING:
    from rag.sessions.history import RedisChatMessageHistory
    from rag.sessions.listing.audit import AsyncAudit
    from rag.sessions.listing.directory import AsyncDirectory

LOG = logging.getLogger(__name__)
T = TypeVar("T")


class AsyncSessionStore:
    """One instance serves all sessions of an event loop. Arguments as of `SessionStore`."""

    def __init__(
        self,
        client: AsyncClient,
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
        self._client = client
        self._target = target
        self._clustered = isinstance(client, AsyncRedisCluster)
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
        self._ask = AsyncSender(client, target, replicas)
        self._waiters = async_waiters(client)
        self._waiters.enlist(self.protocol)
        self._tasks: set[asyncio.Task[None]] = set()

    # --- turns

    @asynccontextmanager
    async def turn(
        self, session_id: str, wait: float = 30.0, on_wait: Callable[[], None] | None = None
    ) -> AsyncIterator[AsyncTurn]:
        """As `SessionStore.turn`."""
        sid = self._writable(session_id)
        protocol = self.protocol
        token = protocol.token()
        turn: AsyncTurn | None = None
        try:
            found = await self._begin(sid, token, wait, on_wait)

            turn = AsyncTurn(sid, found, self._commit, token)
            heartbeat = asyncio.get_running_loop().create_task(self._renewed(sid, token))
            try:
                yield turn
            finally:
                heartbeat.cancel()
        finally:
            if turn is None or not turn.committed:
                await asyncio.shield(self._release(sid, token))

    async def append(self, session_id: str, messages: Sequence[BaseMessage]) -> None:
        """Store messages as one turn, after the session's turn that is running."""
        async with self.turn(session_id) as turn:
            await turn.commit(messages)

    # --- reading

    async def messages(self, session_id: str) -> list[BaseMessage]:
        """The stored messages, oldest first, without waiting for a turn that is being answered."""
        if self.protocol.keys.fmt != "crosswire":
            return [record.message for record in await self._plain(SessionId(session_id))]
        return [duplicate(message) for message in (await self._read(SessionId(session_id))).messages]

    async def records(self, session_id: str) -> list[StoredMessage]:
        """The stored messages with their places, oldest first."""
        if self.protocol.keys.fmt != "crosswire":
            return await self._plain(SessionId(session_id))
        return [duplicate_record(record) for record in (await self._read(SessionId(session_id))).records]

    async def info(self, session_id: str) -> SessionInfo | None:
        """None if there is no such session."""
        sid = SessionId(session_id)
        return await self._repairing(sid, self.protocol.about(sid))

    async def ttl(self, session_id: str) -> float | None:
        """Seconds until the session is forgotten; None if there is no such session, or it never is."""
        keys, sid = self.protocol.keys, SessionId(session_id)
        with translated(self._target):
            left = await self._client.pttl(keys.session(sid) if keys.fmt == "crosswire" else keys.history(sid))
        return left / 1000 if left >= 0 else None

    async def live(self, session_ids: Iterable[str]) -> set[str]:
        """Which of these sessions exist, in one round trip (on a cluster: one a shard)."""
        asked = [SessionId(session_id) for session_id in session_ids]
        with translated(self._target):
            pipe: Any = self._client.pipeline(transaction=False)
            for sid in asked:
                pipe.exists(self.protocol.keys.session(sid))
            return {str(sid) for sid, there in zip(asked, await pipe.execute(), strict=True) if there}

    async def quarantined(self, session_id: str) -> list[Quarantined]:
        """What was found in this session's history and is not shown, oldest first."""
        key = self.protocol.keys.of(SessionId(session_id)).quarantine
        with translated(self._target):
            return self.protocol.quarantined(cast(list[bytes], await cast(Any, self._client.lrange(key, 0, -1))))

    async def health(self) -> StoreHealth:
        """Raises what the next turn would raise: StoreDiskFull or SessionStoreUnavailable.

        Of a server elsewhere only what a PING says: that it answers, and that its last write did not fail.
        """
        await self.ping()
        disk = self._ask.disk
        if disk is None:
            return StoreHealth()
        disk.require()
        return StoreHealth(str(disk.folder), disk.free())

    async def eviction(self) -> Eviction | None:
        """What the server drops when its memory is used up. None if this user is not allowed to ask."""
        try:
            with translated(self._target):
                return eviction_of(await self._client.info("memory"))
        except SessionStoreUnavailable:
            await self.ping()
            return None

    async def ping(self) -> None:
        with self._ask.translated():
            await cast(Any, self._client.ping())

    # --- how long, and the end

    async def touch(self, session_id: str) -> None:
        """Make sure that the session exists, and start its time to live anew."""
        sid = self._writable(session_id)
        ttl = await self._repairing(sid, self.protocol.live(sid, "", make=True))
        self._later(self._seen(sid, ttl))

    async def extend(self, session_id: str, seconds: int, who: str = "inspector") -> bool:
        """From now on the session lives this long after each turn. False if there is no such session."""
        return await self._live(session_id, lifetime(seconds), who, "extend")

    async def pin(self, session_id: str, who: str = "inspector") -> bool:
        """Never forget this session. False if there is no such session."""
        return await self._live(session_id, "0", who, "pin")

    async def unpin(self, session_id: str, who: str = "inspector") -> bool:
        """Give the session the usual time to live again. False if there is no such session."""
        return await self._live(session_id, "-", who, "unpin")

    async def expire_now(self, session_id: str, who: str = "inspector") -> bool:
        """End the session at once; True if there was one. A turn that is being answered then is not stored."""
        return (await self._end(session_id, who, "expire"))[1] > 0

    async def clear(self, session_id: str, who: str = "session") -> bool:
        """Delete the history; True if there was one. A turn that is being answered then is not stored."""
        return (await self._end(session_id, who, "clear"))[0] > 0

    async def set_summary(self, session_id: str, text: str, upto_turn: int) -> bool:
        """Keep a summary of the oldest turns with the session. False if there is no such session."""
        sid = self._writable(session_id)
        return await self._repairing(sid, self.protocol.summarise(sid, text, upto_turn))

    # --- others' views of it

    def history(self, session_id: str) -> RedisChatMessageHistory:
        """The session as LangChain knows it, by the methods that are to be awaited."""
        from rag.sessions.history import RedisChatMessageHistory

        return RedisChatMessageHistory.of(self, session_id)

    @property
    def directory(self) -> AsyncDirectory:
        """All live sessions, page by page."""
        from rag.sessions.listing.directory import AsyncDirectory

        return AsyncDirectory(self._client, self.protocol, self._target)

    @property
    def audit(self) -> AsyncAudit:
        """Who did what to which session."""
        from rag.sessions.listing.audit import AsyncAudit

        return AsyncAudit(self._client, self.protocol.keys, self._target)

    async def flush(self) -> None:
        """Wait for what is written beside the turns: something on a cluster, nothing elsewhere."""
        await asyncio.gather(*self._tasks)

    # --- inner

    async def _begin(self, sid: SessionId, token: str, wait: float, on_wait: Callable[[], None] | None) -> Snapshot:
        begun = time.monotonic()
        found = await self._repairing(sid, self.protocol.begin(sid, token, queue=wait > 0))
        if isinstance(found, Busy):
            if on_wait is not None:
                on_wait()
            found = await self._wait(sid, token, found, begun, wait)
        return await self._whole(sid, found)

    async def _wait(self, sid: SessionId, token: str, busy: Busy, begun: float, wait: float) -> Snapshot | None:
        with self._waiters.waiting(token) as woken:
            while (left := wait - (time.monotonic() - begun)) > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(pause(busy.before), left)):
                        await woken.wait()
                woken.clear()
                found = await self._repairing(sid, self.protocol.begin(sid, token, busy.place, queue=True))
                if not isinstance(found, Busy):
                    return found
                busy = found
        raise TurnBusy(sid, time.monotonic() - begun)

    async def _renewed(self, sid: SessionId, token: str) -> None:
        interval = min(self.protocol.lease, self.protocol.ttl) / 3
        still, rest = True, interval
        while still:
            await asyncio.sleep(rest)
            try:
                still, rest = await self._ask(self.protocol.renew(sid, token)), interval
            except CrosswireError:  # the server is away: it may be back before the lease ends
                rest = interval / 4

    async def _release(self, sid: SessionId, token: str) -> None:
        with suppress(CrosswireError):  # it ends by itself, one lease from now
            self._waiters.wake(await self._ask(self.protocol.release(sid, token)))

    async def _commit(self, sid: SessionId, token: str, found: Snapshot, commit: Commit) -> Committed:
        result = await self._repairing(sid, self.protocol.commit(sid, token, found, commit))
        self._waiters.wake(result.next)
        if self._clustered:
            lost = [index_entries.audited(self.protocol.keys, sid, "fenced", "session")]
            self._later(self._seen(sid, self.protocol.ttl, new=result.turn == 1) if result.turn > 0 else lost)
        return result

    async def _read(self, sid: SessionId) -> Snapshot:
        return await self._whole(sid, await self._repairing(sid, self.protocol.read(sid)))

    async def _whole(self, sid: SessionId, found: Snapshot | None) -> Snapshot:
        """Put aside what may not be shown, and read again what that or the cache left out."""
        for _ in range(4):
            if found is not None and not found.bad:
                return found
            for bad in found.bad if found is not None else ():
                await self._quarantine(sid, bad)
            found = await self._ask(self.protocol.read(sid, fresh=True))
        raise SessionStoreUnavailable(self._target, "others keep writing into this session what is not its own")

    async def _quarantine(self, sid: SessionId, bad: BadElement) -> None:
        LOG.error("Session %s: an element was put into quarantine (%s: %s)", sid[:12], bad.reason, bad.detail)
        if await self._repairing(sid, self.protocol.quarantine(sid, bad)):
            self._later(index_entries.quarantined(self.protocol.keys, sid, bad.reason))

    async def _repairing(self, sid: SessionId, ask: Request[T]) -> T:
        try:
            return await self._ask(ask)
        except WrongType:
            moved = await self._ask(self.protocol.repair(sid))
            LOG.warning("Session %s: %d keys of a wrong type were moved away", sid[:12], moved)
            self._later([index_entries.audited(self.protocol.keys, sid, "misplaced", "session")], always=True)
            return await self._ask(ask)

    async def _plain(self, sid: SessionId) -> list[StoredMessage]:
        with translated(self._target):
            stored = await cast(Any, self._client.lrange(self.protocol.keys.history(sid), 0, -1))
        records, bad = self.protocol.plain(stored)
        for one in bad:
            LOG.warning("Session %s: an element was left out (%s)", sid[:12], one.detail)
        return records

    async def _live(self, session_id: str, own: str, who: str, what: str) -> bool:
        sid = self._writable(session_id)
        ttl = await self._repairing(sid, self.protocol.live(sid, own, who, what))
        if ttl >= 0:
            entry = index_entries.audited(self.protocol.keys, sid, what, who, ttl=str(ttl))
            self._later([*self._seen(sid, ttl), entry])
        return ttl >= 0

    async def _end(self, session_id: str, who: str, what: str) -> tuple[int, int]:
        sid = self._writable(session_id)
        length, there = await self._ask(self.protocol.clear(sid, who, what))
        self._later(
            [*index_entries.gone(self.protocol.keys, sid), index_entries.audited(self.protocol.keys, sid, what, who)]
        )
        return length, there

    def _later(self, commands: list[Command], *, always: bool = False) -> None:
        """What scripts cannot write on a cluster; `always`: what they never do."""
        if self._clustered or always:
            task = asyncio.get_running_loop().create_task(self._write(commands))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _write(self, commands: list[Command]) -> None:
        for command in commands:
            with suppress(*FAILURES):
                await self._client.execute_command(*command)

    def _seen(self, sid: SessionId, ttl: int, *, new: bool = True) -> list[Command]:
        return index_entries.seen(self.protocol.keys, sid, round(self.protocol.now(), 3), ttl, new=new)

    def _writable(self, session_id: str) -> SessionId:
        if self.protocol.keys.fmt != "crosswire":
            raise read_only(self.protocol.keys.fmt)
        return SessionId(session_id)
