"""A call that is cancelled at one of its awaits: as it begins to wait there, or as what it waited for has come."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any

from rag.audit.kit.awaits import Work
from rag.audit.kit.contract import CannotTell

RETURNS = 10.0
"""Seconds in which a call has to come back, so that more can be said of it."""


class CancelledAt:
    """Drives a coroutine in a task that is cancelled at its n-th await; 0: never."""

    def __init__(self, work: Work, at: int, *, come: bool) -> None:
        self.work = work
        self.at = at
        self.come = come
        self.awaits = 0
        self.task: asyncio.Task[Any] | None = None

    def __await__(self) -> Generator[Any, Any, Any]:
        thrown: BaseException | None = None
        while True:
            try:
                pending = self.work.send(None) if thrown is None else self.work.throw(thrown)
            except StopIteration as done:
                return done.value
            thrown = None
            self.awaits += 1
            if self.awaits == self.at and self.task:
                if self.come and pending is not None:  # told before the task is: it was not added yet
                    pending.add_done_callback(lambda _: self.task.cancel())
                else:
                    self.task.cancel()
            try:
                yield pending
            except BaseException as exc:  # the coroutine is told, as it would be
                thrown = exc

    async def run(self) -> Any:
        self.task = asyncio.current_task()
        return await self


async def cancelled_at(work: Work, at: int, *, come: bool) -> tuple[int, Any]:
    """How many awaits it came to, and its result, or what it raised: asyncio.CancelledError, as a rule."""
    driven = CancelledAt(work, at, come=come)
    came = await soon(driven.run(), "A call that was cancelled")
    return driven.awaits, came


async def soon(work: Work, what: str) -> Any:
    """Its result or what it raised. Raises CannotTell if it does not come back."""
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait({task}, timeout=RETURNS)
    if not done:
        task.cancel()
        raise CannotTell(f"{what} has not come back within {RETURNS:g} s.")
    if task.cancelled():
        return asyncio.CancelledError()
    return task.exception() or task.result()
