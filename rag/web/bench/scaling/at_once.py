"""`bench scale --part at-once`: thousands of operations under way at the same time, in one process and its event loop.

Each is a turn of a session of its own. All begin at once, and nobody ends before all have their session: the server is
asked how many it holds for them. Then all commit at once, and all read at once what they should find, their own two
messages.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage

from rag.errors import CrosswireError
from rag.sessions import AsyncSessionStore, connect_async
from rag.sessions.connection.connect import AsyncClient

MANY = 10_000
LEASE = 120.0
"""Seconds. All ten thousand commit at once, so the last one waits for all others; where the machine is shared, that is
longer than the ten seconds of a store's own lease, and it would be told that its session moved on."""
PATIENCE = 300.0
"""Seconds that one may wait for a connection."""


@dataclass(frozen=True, slots=True)
class Row:
    """under_way: how many had begun and not ended, at most. held: sessions that the server said were held then, None
    where it was not asked. errors: that were raised; wrong: answers that are not one's own."""

    what: str
    operations: int
    connections: int
    under_way: int
    held: int | None
    seconds: float
    errors: int
    wrong: int

    @property
    def rate(self) -> float:
        return self.operations / self.seconds


async def run(
    folder: Path, *, many: int = MANY, connections: int = 64, progress: Callable[[str], None]
) -> tuple[list[Row], dict[str, int]]:
    """The rows, and the errors by what they say. folder: scratch."""
    client = await connect_async(
        "embedded", state_dir=folder, max_connections=connections, timeout=60, pool_timeout=PATIENCE
    )
    try:
        return await _Run(client, many, connections, progress).rows()
    finally:
        await client.aclose()


class _Run:
    def __init__(self, client: AsyncClient, many: int, connections: int, progress: Callable[[str], None]) -> None:
        self.client = client
        self.store = AsyncSessionStore(client, lease=LEASE)
        self.many, self.connections, self.progress = many, connections, progress
        self.now, self.most, self.wrong = 0, 0, 0
        self.errors: Counter[str] = Counter()

    async def rows(self) -> tuple[list[Row], dict[str, int]]:
        turns: list[Any] = [self.store.turn(f"session-{number}") for number in range(self.many)]
        held: list[Any] = [None] * self.many

        async def begin(number: int) -> None:
            held[number] = await turns[number].__aenter__()
            self.wrong += bool(held[number].messages)

        async def commit(number: int) -> None:
            await held[number].commit([HumanMessage(f"question {number}"), AIMessage(f"answer {number}")])
            await turns[number].__aexit__(None, None, None)

        async def read(number: int) -> None:
            found = [message.content for message in await self.store.messages(f"session-{number}")]
            self.wrong += found != [f"question {number}", f"answer {number}"]

        rows = [await self._all("turns begun", begin)]
        locks = sum([1 async for _ in self.client.scan_iter(match="turn:*", count=5000)])
        # From here on each is in the middle of its turn: so many are under way, whatever the connections do.
        between = sum(turn is not None and not turn.committed for turn in held)
        rows.append(Row("turns held", self.many, self.connections, between, locks, rows[0].seconds, rows[0].errors, 0))
        rows.append(await self._all("turns committed", commit))
        rows.append(await self._all("histories read", read))
        return rows, dict(self.errors)

    async def _all(self, what: str, operation: Callable[[int], Awaitable[None]]) -> Row:
        self.progress(f"{self.many:,} at once: {what}")
        self.now = self.most = self.wrong = 0
        before, begun = self.errors.total(), perf_counter()
        await asyncio.gather(*(self._counted(operation, number) for number in range(self.many)))
        seconds, errors = perf_counter() - begun, self.errors.total() - before
        return Row(what, self.many, self.connections, self.most, None, seconds, errors, self.wrong)

    async def _counted(self, operation: Callable[[int], Awaitable[None]], number: int) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await operation(number)
        except (CrosswireError, OSError, ValueError, AttributeError) as exc:
            self.errors[f"{type(exc).__name__}: {exc}"[:160]] += 1
        finally:
            self.now -= 1
