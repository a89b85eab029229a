"""A session as LangChain's `BaseChatMessageHistory`, for `RunnableWithMessageHistory` and everything built on it.

    RunnableWithMessageHistory(chain, history_factory(client))    # or store.history, of a SessionStore

It takes the place of the class of this name and signature that many have written for themselves, which pushes each
message to the list `key_prefix + session_id`. What lies there is read, before what was said since, and kept alive and
cleared with it; it is never written to or moved, so whoever goes back finds it. Such a list names no session, so it is
this one's by its key alone; an element that names another is left out.

LangChain deprecates both, to go away in 2.0: they append whatever a run produced, without knowing of turns, so two tabs
of one session can each miss what the other said. New code takes `SessionStore.turn` instead.

The async methods are native where an async client or store is given; without one they run the others in a thread.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Self, TypeVar

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage

from rag.sessions.connection.connect import AsyncClient, Client
from rag.sessions.ids import SessionId
from rag.sessions.operations import Operations
from rag.sessions.protocol.keys import DEFAULT_PREFIX
from rag.sessions.protocol.requests import SessionProtocol
from rag.sessions.protocol.steps import Lenient, Steps
from rag.sessions.turn_stores import AsyncTurnStore, TurnStore

LOG = logging.getLogger(__name__)
S = TypeVar("S", bound=Operations)
_SHARED = "_crosswire_shared"
MOST_SHARED = 8
"""So many pairs of ttl and prefix are remembered by a client."""


def history_factory(
    redis_client: Client | None = None,
    ttl: int = 3600,
    key_prefix: str = DEFAULT_PREFIX,
    *,
    async_client: AsyncClient | None = None,
) -> Callable[[str], RedisChatMessageHistory]:
    """What `RunnableWithMessageHistory` asks for: a function that gives a session's history by its id."""

    def get_session_history(session_id: str) -> RedisChatMessageHistory:
        return RedisChatMessageHistory(session_id, redis_client, ttl, key_prefix, async_client=async_client)

    return get_session_history


class RedisChatMessageHistory(BaseChatMessageHistory):
    """Each `add_messages` is stored as one turn: whole, or not at all. Made anew for each call, it costs little more.

    What was read before is remembered by its client, for all objects of the same `ttl` and `key_prefix`.
    """

    _store: TurnStore | None
    _async: AsyncTurnStore | None
    _older: bool | None = None
    """Whether there is a list of the classic form; None: nobody has looked."""

    def __init__(
        self,
        session_id: str,
        redis_client: Client | None = None,
        ttl: int = 3600,
        key_prefix: str = DEFAULT_PREFIX,
        *,
        async_client: AsyncClient | None = None,
    ) -> None:
        """At least one client; the async methods take the async one. Clients may decode replies or not."""
        if redis_client is None and async_client is None:
            raise ValueError("a history needs redis_client, async_client or both: get them from connect")
        self.session_id = session_id
        self._store = None if redis_client is None else _sharing(TurnStore, redis_client, ttl, key_prefix)
        self._async = None if async_client is None else _sharing(AsyncTurnStore, async_client, ttl, key_prefix)

    @classmethod
    def of(cls, store: TurnStore | AsyncTurnStore, session_id: str) -> Self:
        """The history of one session of a store that is there already."""
        history = cls.__new__(cls)
        history._store = store if isinstance(store, TurnStore) else None
        history._async = store if isinstance(store, AsyncTurnStore) else None
        history.session_id = session_id
        return history

    @property
    def redis_client(self) -> Client | None:
        return self._store._client if self._store else None

    @property
    def ttl(self) -> int:
        """Seconds that the session lives after its last turn."""
        return self._any.protocol.ttl

    @property
    def key(self) -> str:
        """The list that the messages are in."""
        return self._any.protocol.keys.history(SessionId(self.session_id))

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]
        return self._sync._run(self._read(self._sync))

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        if messages:
            self._sync.append(self.session_id, messages)
            self._sync._run(self._with_classic(self._sync, "EXPIRE", self.ttl))

    def clear(self) -> None:
        self._sync.clear(self.session_id)
        self._sync._run(self._with_classic(self._sync, "UNLINK"))

    async def aget_messages(self) -> list[BaseMessage]:
        store = self._async
        return await (store._run(self._read(store)) if store else super().aget_messages())

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        if self._async is None:
            await super().aadd_messages(messages)
        elif messages:
            await self._async.append(self.session_id, messages)
            await self._async._run(self._with_classic(self._async, "EXPIRE", self.ttl))

    async def aclear(self) -> None:
        if self._async is None:
            await super().aclear()
        else:
            await self._async.clear(self.session_id)
            await self._async._run(self._with_classic(self._async, "UNLINK"))

    @property
    def _sync(self) -> TurnStore:
        if self._store is None:
            raise TypeError("this history has an async client only: call aget_messages, aadd_messages and aclear")
        return self._store

    @property
    def _any(self) -> Operations:
        return self._store or self._async  # type: ignore[return-value]

    def _read(self, store: Operations) -> Steps[list[BaseMessage]]:
        sid, key = SessionId(self.session_id), self._classic_key(store)
        found: list[BaseMessage] = []
        if key is not None:
            (stored,) = yield store._sender(Lenient([("LRANGE", key, 0, -1)]))
            lines = stored if isinstance(stored, list) else []  # another program's key of this name
            self._older = bool(lines)
            records, bad = store.protocol.plain(lines, sid)
            found = [record.message for record in records]
            for one in bad:
                LOG.warning("Session %s: an element of the older list was left out (%s)", sid[:12], one.detail)
        return found + (yield from Operations.messages.steps(store, sid))

    def _with_classic(self, store: Operations, command: str, *arguments: int) -> Steps[None]:
        key = self._classic_key(store)
        if key is not None and self._older is not False:
            (kind,) = yield store._sender(Lenient([("TYPE", key)]))
            self._older = kind in (b"list", "list")
            if self._older:
                yield store._sender(Lenient([(command, key, *arguments)]))

    def _classic_key(self, store: Operations) -> str | None:
        """None where it may be a key of ours, of whatever session: those of sessions have braces in their names."""
        keys = store.protocol.keys
        return keys.prefix + self.session_id if keys.fmt == "crosswire" and "{" not in self.session_id else None


def _sharing(kind: type[S], client: Client | AsyncClient, ttl: int, key_prefix: str) -> S:
    """A store that has in common with others of the client what was decoded, or each would read all that is stored.

    That hangs on the client itself, by the options, and goes with it: nothing global holds what somebody said.
    """
    store, held = kind(client, ttl, key_prefix=key_prefix), vars(client)
    protocols = held.get(_SHARED) or held.setdefault(_SHARED, lru_cache(MOST_SHARED)(SessionProtocol))
    store.protocol = protocols(ttl, key_prefix=key_prefix, index=not store._clustered, clock=time.time)
    store._sender.waiters.enlist(store.protocol)
    return store
