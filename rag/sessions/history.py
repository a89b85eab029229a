"""A session as LangChain's `BaseChatMessageHistory`, for `RunnableWithMessageHistory` and everything built on it.

Both are deprecated in LangChain 1.x and go away in 2.0: they append whatever a run produced, without knowing of turns,
so two tabs of one session can each miss what the other said. New code takes `SessionStore.turn` instead.

The async methods are native where an async client or store is given; without one they run the others in a thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage

from rag.sessions.connection.connect import AsyncClient, Client
from rag.sessions.protocol.keys import DEFAULT_PREFIX
from rag.sessions.turn_stores import AsyncTurnStore, TurnStore
from rag.sessions.turns.sharing import shared


class RedisChatMessageHistory(BaseChatMessageHistory):
    """Each `add_messages` is stored as one turn: whole, or not at all. Made anew for each call, it costs little more.

    What was read before is remembered by its client, for all objects of the same `ttl` and `key_prefix`.
    """

    _store: TurnStore | None
    _async: AsyncTurnStore | None

    def __init__(
        self,
        session_id: str,
        redis_client: Client | None = None,
        ttl: int = 3600,
        key_prefix: str = DEFAULT_PREFIX,
        *,
        async_client: AsyncClient | None = None,
    ) -> None:
        """At least one client; the async methods take the async one."""
        if redis_client is None and async_client is None:
            raise ValueError("a history needs redis_client, async_client or both: get them from connect")
        self.session_id = session_id
        self._store = self._async = None
        if redis_client is not None:
            self._store = TurnStore(redis_client, ttl, key_prefix=key_prefix)
            _share(self._store, redis_client, ttl, key_prefix)
        if async_client is not None:
            self._async = AsyncTurnStore(async_client, ttl, key_prefix=key_prefix)
            _share(self._async, async_client, ttl, key_prefix)

    @classmethod
    def of(cls, store: TurnStore | AsyncTurnStore, session_id: str) -> Self:
        """The history of one session of a store that is there already."""
        history = cls.__new__(cls)
        history._store = store if isinstance(store, TurnStore) else None
        history._async = store if isinstance(store, AsyncTurnStore) else None
        history.session_id = session_id
        return history

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]
        return self._sync.messages(self.session_id)

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        if messages:
            self._sync.append(self.session_id, messages)

    def clear(self) -> None:
        self._sync.clear(self.session_id)

    async def aget_messages(self) -> list[BaseMessage]:
        if self._async is None:
            return await super().aget_messages()
        return await self._async.messages(self.session_id)

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        if self._async is None:
            await super().aadd_messages(messages)
        elif messages:
            await self._async.append(self.session_id, messages)

    async def aclear(self) -> None:
        if self._async is None:
            await super().aclear()
        else:
            await self._async.clear(self.session_id)

    @property
    def _sync(self) -> TurnStore:
        if self._store is None:
            raise TypeError("this history has an async client only: call aget_messages, aadd_messages and aclear")
        return self._store


def _share(store: TurnStore | AsyncTurnStore, client: Client | AsyncClient, ttl: int, key_prefix: str) -> None:
    store.protocol = shared(client).protocol((ttl, key_prefix), store.protocol)
