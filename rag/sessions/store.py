"""Sessions in Redis. A turn is two round trips: one takes the session and reads it, one stores the turn and frees it.

All of a session's keys expire together and the time to live slides on every turn. Every method names its session;
the store itself holds nobody's. Raises SessionStoreUnavailable or StoreFull where the server fails, BadSessionId for
an id that cannot be one.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from langchain_core.messages import BaseMessage

from rag.errors import CrosswireError, TurnBusy
from rag.sessions import scripts
from rag.sessions.codec import StoredMessage, decode, encode
from rag.sessions.connect import Client
from rag.sessions.faults import translated
from rag.sessions.ids import SessionId
from rag.sessions.keys import DEFAULT_PREFIX, Keys
from rag.sessions.lease import Held, Leases
from rag.sessions.turn import Turn

if TYPE_CHECKING:
    from rag.sessions.history import RedisChatMessageHistory

LOG = logging.getLogger(__name__)
LEASE = 10.0
_POLL = (0.005, 0.1)


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What is known of a session without its messages. Times in epoch seconds; `ttl` in seconds, None for ever."""

    id: str
    created: float
    last_seen: float
    turns: int
    messages: int
    ttl: float | None
    title: str
    model: str


class SessionStore:
    """Thread-safe. One instance serves all sessions of a process."""

    def __init__(
        self,
        client: Client,
        ttl: int = 3600,
        *,
        key_prefix: str = DEFAULT_PREFIX,
        max_turns: int = 1000,
        lease: float = LEASE,
        clock: Callable[[], float] = time.time,
        target: str = "REDIS_URL",
    ) -> None:
        """ttl: seconds that a session lives after its last turn. max_turns: how many are stored, the newest ones.

        lease: seconds until a session is free again whose holder died. target: how errors name the server.
        """
        self._client = client
        self._ttl = ttl
        self._keys = Keys(key_prefix)
        self._max_turns = max_turns
        self._lease_ms = int(lease * 1000)
        self._leases = Leases(lease)
        self._clock = clock
        self._target = target
        self._scripts: dict[str, Any] = {
            name: client.register_script(getattr(scripts, name))
            for name in ("BEGIN", "COMMIT", "RENEW", "RELEASE", "CLEAR", "TOUCH")
        }

    @contextmanager
    def turn(self, session_id: str, wait: float = 30.0, on_wait: Callable[[], None] | None = None) -> Iterator[Turn]:
        """Hold the session, alone, until the block ends; leaving it without a commit stores nothing.

        Waits up to `wait` seconds for the session's previous turn, then raises TurnBusy. `on_wait` is called once if
        there is one.
        """
        sid = SessionId(session_id)
        token = secrets.token_hex(16)
        turns, stored = self._begin(sid, token, wait, on_wait)
        held = Held(lambda: bool(self._run("RENEW", [self._keys.turn(sid)], [token, self._lease_ms])))

        def commit(
            messages: Sequence[BaseMessage], documents: Sequence[str], model: str | None, title: str | None
        ) -> int:
            return self._commit(sid, token, turns + 1, messages, documents, model, title)

        turn = Turn(sid, [record.message for record in self._decoded(sid, stored)], commit)
        self._leases.hold(held)
        try:
            yield turn
        finally:
            self._leases.drop(held)
            if not turn.committed:
                with suppress(CrosswireError):  # it ends by itself, one lease from now
                    self._run("RELEASE", [self._keys.turn(sid)], [token])

    def messages(self, session_id: str) -> list[BaseMessage]:
        """The stored messages, oldest first, without waiting for a turn that is being answered."""
        return [record.message for record in self.records(session_id)]

    def records(self, session_id: str) -> list[StoredMessage]:
        """The stored messages with their places, oldest first."""
        sid = SessionId(session_id)
        with translated(self._target):
            stored = self._client.lrange(self._keys.history(sid), 0, -1)
        return self._decoded(sid, cast(list[bytes], stored))

    def info(self, session_id: str) -> SessionInfo | None:
        """None if there is no such session."""
        sid = SessionId(session_id)
        with translated(self._target):
            pipe = self._client.pipeline(transaction=False)
            pipe.hgetall(self._keys.session(sid))
            pipe.llen(self._keys.history(sid))
            pipe.pttl(self._keys.session(sid))
            fields, length, left = pipe.execute()
        if not fields:
            return None
        text = {key.decode(): value.decode() for key, value in fields.items()}
        return SessionInfo(
            id=sid,
            created=float(text.get("created", 0)),
            last_seen=float(text.get("seen", 0)),
            turns=int(text.get("turns", 0)),
            messages=length,
            ttl=left / 1000 if left >= 0 else None,
            title=text.get("title", ""),
            model=text.get("model", ""),
        )

    def ttl(self, session_id: str) -> float | None:
        """Seconds until the session is forgotten; None if there is no such session, or it never is."""
        with translated(self._target):
            left = self._client.pttl(self._keys.session(SessionId(session_id)))
        return left / 1000 if left >= 0 else None

    def touch(self, session_id: str) -> None:
        """Make sure that the session exists, and start its time to live anew."""
        sid = SessionId(session_id)
        keys = [self._keys.history(sid), self._keys.session(sid), self._keys.live]
        self._run("TOUCH", keys, [self._ttl, self._now(), sid])

    def clear(self, session_id: str) -> bool:
        """Delete the history; True if there was one. A turn that is being answered then is not stored."""
        sid = SessionId(session_id)
        return bool(self._run("CLEAR", [*self._turn_keys(sid), self._keys.live, self._keys.audit], [sid]))

    def live(self, session_ids: Iterable[str]) -> set[str]:
        """Which of these sessions exist, in one round trip."""
        asked = [SessionId(session_id) for session_id in session_ids]
        with translated(self._target):
            pipe = self._client.pipeline(transaction=False)
            for sid in asked:
                pipe.exists(self._keys.session(sid))
            return {str(sid) for sid, there in zip(asked, pipe.execute(), strict=True) if there}

    def append(self, session_id: str, messages: Sequence[BaseMessage]) -> None:
        """Store messages as one turn, after the session's turn that is running."""
        with self.turn(session_id) as turn:
            turn.commit(messages)

    def history(self, session_id: str) -> RedisChatMessageHistory:
        """The session as LangChain knows it."""
        from rag.sessions.history import RedisChatMessageHistory

        return RedisChatMessageHistory.of(self, session_id)

    def ping(self) -> None:
        with translated(self._target):
            self._client.ping()

    def _begin(
        self, sid: SessionId, token: str, wait: float, on_wait: Callable[[], None] | None
    ) -> tuple[int, list[bytes]]:
        begun, pause = time.monotonic(), _POLL[0]
        while True:
            found = self._run("BEGIN", self._turn_keys(sid), [token, self._lease_ms, self._ttl])
            if found[0] == 1:
                return int(found[1]), found[2:]
            waited = time.monotonic() - begun
            if waited >= wait:
                raise TurnBusy(sid, waited)
            if on_wait is not None:
                on_wait()
                on_wait = None
            time.sleep(min(pause, wait - waited))
            pause = min(pause * 1.5, _POLL[1])

    def _commit(
        self,
        sid: SessionId,
        token: str,
        number: int,
        messages: Sequence[BaseMessage],
        documents: Sequence[str],
        model: str | None,
        title: str | None,
    ) -> int:
        now = self._clock()
        lines = [encode(message, sid, number, now, documents) for message in messages]
        keys = [*self._turn_keys(sid), self._keys.live, self._keys.audit]
        args = [token, self._ttl, self._now(), sid, model or "", title or "", self._max_turns, *lines]
        return int(self._run("COMMIT", keys, args))

    def _turn_keys(self, sid: SessionId) -> list[str]:
        return [self._keys.history(sid), self._keys.session(sid), self._keys.turn(sid)]

    def _run(self, name: str, keys: Sequence[str], args: Sequence[object]) -> Any:
        with translated(self._target):
            return self._scripts[name](keys=keys, args=args)

    def _now(self) -> str:
        return f"{self._clock():.3f}"

    def _decoded(self, sid: SessionId, stored: Iterable[bytes]) -> list[StoredMessage]:
        """Messages of this session only: what cannot be read, or names another session, is never returned."""
        records = []
        for raw in stored:
            try:
                record = decode(raw)
            except ValueError as exc:
                LOG.warning("Session %s: a stored element was left out (%s)", sid[:12], exc)
                continue
            if record.session_id not in (sid, None):
                LOG.error("Session %s: a message of another session was left out", sid[:12])
                continue
            records.append(record)
        return records
