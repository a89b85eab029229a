"""The async store behind the sync store's face, so that one suite runs over both. Its loop has a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self, TypeVar, cast

from langchain_core.messages import BaseMessage

from rag.sessions import (
    AsyncSessionStore,
    AsyncTurn,
    RedisChatMessageHistory,
    connect_async,
)
from rag.sessions.allowance import Allowance
from rag.sessions.listing.audit import Audit
from rag.sessions.listing.directory import Directory
from rag.sessions.protocol.requests import SessionProtocol
from rag.sessions.revocations import Credential

T = TypeVar("T")


class Loop:
    """An event loop that runs in a thread until it is closed."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="test-loop", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def close(self) -> None:
        self.run(_cancelled())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _cancelled() -> None:
    """What is left to do, as `asyncio.run` does at its end."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class BlockingTurn:
    def __init__(self, loop: Loop, turn: AsyncTurn) -> None:
        self._loop = loop
        self._turn = turn

    @property
    def messages(self) -> list[BaseMessage]:
        return self._turn.messages

    @property
    def number(self) -> int | None:
        return self._turn.number

    @property
    def committed(self) -> bool:
        return self._turn.committed

    @property
    def replicas(self) -> int | None:
        return self._turn.replicas

    @property
    def summary(self) -> str:
        return self._turn.summary

    def commit(self, messages: Sequence[BaseMessage], documents: Sequence[str] = (), **more: Any) -> int:
        return self._loop.run(self._turn.commit(messages, documents, **more))


class Blocking:
    """Any object of coroutines, with methods that wait for theirs."""

    def __init__(self, loop: Loop, inner: Any) -> None:
        self._loop = loop
        self._inner = inner

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._inner, name)
        return lambda *args, **more: self._loop.run(method(*args, **more))


class BlockingHistory:
    """A LangChain history, by its async methods."""

    def __init__(self, loop: Loop, history: RedisChatMessageHistory) -> None:
        self._loop = loop
        self._history = history

    @property
    def messages(self) -> list[BaseMessage]:
        return self._loop.run(self._history.aget_messages())

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        self._loop.run(self._history.aadd_messages(messages))

    def clear(self) -> None:
        self._loop.run(self._history.aclear())


class BlockingStore(Blocking):
    """What the contract calls of `SessionStore`, over an `AsyncSessionStore`. connection: for `connect_async`."""

    def __init__(self, loop: Loop, url: str, *, connection: dict[str, Any] | None = None, **options: Any) -> None:
        self._client = loop.run(connect_async(url, **connection or {}))
        super().__init__(loop, loop.run(self._open(options)))

    async def _open(self, options: dict[str, Any]) -> AsyncSessionStore:
        return AsyncSessionStore(self._client, **options)

    def close(self) -> None:
        self._loop.run(self._client.aclose())

    @contextmanager
    def turn(
        self,
        session_id: str,
        wait: float = 30.0,
        on_wait: Callable[[], None] | None = None,
        *,
        credential: Credential | None = None,
        allowance: Allowance | None = None,
    ) -> Iterator[BlockingTurn]:
        block = self._inner.turn(session_id, wait, on_wait, credential=credential, allowance=allowance)
        turn = self._loop.run(_entered(block))
        try:
            yield BlockingTurn(self._loop, turn)
        except BaseException as exc:
            if not self._loop.run(_left(block, exc)):
                raise
        else:
            self._loop.run(_left(block, None))

    @property
    def _sender(self) -> Any:
        return self._inner._sender

    @property
    def protocol(self) -> SessionProtocol:
        protocol: SessionProtocol = self._inner.protocol
        return protocol

    @property
    def directory(self) -> Directory:
        return cast(Directory, Blocking(self._loop, self._inner.directory))

    @property
    def audit(self) -> Audit:
        return cast(Audit, Blocking(self._loop, self._inner.audit))

    def history(self, session_id: str) -> BlockingHistory:
        return BlockingHistory(self._loop, self._inner.history(session_id))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


async def _entered(block: Any) -> AsyncTurn:
    turn: AsyncTurn = await block.__aenter__()
    return turn


async def _left(block: Any, exc: BaseException | None) -> bool:
    kind = type(exc) if exc is not None else None
    return bool(await block.__aexit__(kind, exc, exc.__traceback__ if exc is not None else None))
