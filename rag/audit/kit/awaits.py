"""Two coroutines in one order: the first is held at one of its awaits while the second runs to its end.

Any coroutine can be held so, without its help: it is driven one `send` at a time. What it starts as tasks of its own
runs on freely.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

PATIENCE = 0.25
"""Seconds in which the second must get on before it is taken to wait for the first."""
SLOWER = 5
"""Times as long as it takes alone, too: a machine may have more to do meanwhile."""


Work = Coroutine[Any, Any, Any]


@dataclass
class Overlap:
    """Two calls that overlapped. Their results, or what they raised."""

    first: Any
    second: Any
    where: str
    """Where the first was held."""
    waited: bool
    """Whether the second waited until the first was done: they exclude each other there."""


class Held:
    """A coroutine that stops before it goes on from its n-th await, until `release` is set; n = 0: never."""

    def __init__(self, work: Coroutine[Any, Any, Any], at: int) -> None:
        self.work = work
        self.at = at
        self.awaits = 0
        self.reached = asyncio.Event()
        self.release = asyncio.Event()

    async def run(self) -> Any:
        thrown: BaseException | None = None
        while True:
            try:
                pending = self.work.send(None) if thrown is None else self.work.throw(thrown)
            except StopIteration as done:
                return done.value
            thrown = None
            try:
                await self._settled(pending)
                self.awaits += 1
                if self.awaits == self.at:
                    self.reached.set()
                    await self.release.wait()
            except BaseException as exc:  # a cancelled task: the coroutine is told, as it would be
                thrown = exc

    @staticmethod
    async def _settled(pending: Any) -> None:
        if pending is None:  # sleep(0)
            await asyncio.sleep(0)
            return
        pending._asyncio_future_blocking = False
        try:
            await asyncio.wait({pending})
        except asyncio.CancelledError:
            pending.cancel()
            raise


async def outcome(work: Coroutine[Any, Any, Any]) -> Any:
    """What it returns or raises."""
    try:
        return await work
    except Exception as exc:
        return exc


async def count_awaits(work: Coroutine[Any, Any, Any]) -> tuple[int, Any]:
    """How often it gives the loop back, and its result or what it raised."""
    held = Held(work, 0)
    result = await outcome(held.run())
    return held.awaits, result


async def overlap_at(first: Work, second: Callable[[], Work], at: int, patience: float = PATIENCE) -> Overlap:
    """Hold the first at its await `at`, run the second, let the first go."""
    held = Held(first, at)
    one = asyncio.ensure_future(outcome(held.run()))
    arrived = asyncio.ensure_future(held.reached.wait())
    await asyncio.wait({one, arrived}, return_when=asyncio.FIRST_COMPLETED)
    arrived.cancel()
    other = asyncio.ensure_future(outcome(second()))
    done, _ = await asyncio.wait({other}, timeout=patience)
    held.release.set()
    await asyncio.wait({one, other})
    return Overlap(one.result(), other.result(), f"await {at}", waited=not done)
