"""Another store that is right: whoever adds keeps everybody else out meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from tests.audit.planted.core import Core, Row

LOOKS = 0.001
"""Seconds between two tries to get the lock."""


class Locked(Core):
    """Adds by reading, extending and writing back, and runs its own turns, under a lock that keeps out threads, tasks
    and processes."""

    faces = ("bare", "history", "session")

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        with Path(f"{self.path}.lock").open("w") as file:
            while True:
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                if self.lane == "sync":
                    time.sleep(LOOKS)
                else:
                    await asyncio.sleep(LOOKS)
            yield

    async def add(self, session: str, rows: list[Row]) -> None:
        async with self.alone():
            await self.write_back(session, rows)

    async def write_back(self, session: str, rows: list[Row]) -> None:
        there = await self.rows(session)
        await self.gap()
        await self.replace(session, [*there, *rows], len(there))

    async def turn(self, session: str, asked: Row, think: Callable[[list[Row]], Awaitable[Row]]) -> Row:
        async with self.alone():
            answer = await think(await self.rows(session))
            await self.write_back(session, [asked, answer])
            return answer


RIGHT: dict[str, type[Core]] = {"plain": Core, "locked": Locked}
"""By name."""
