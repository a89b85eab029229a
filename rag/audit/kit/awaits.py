"""Two coroutines in one order: the first is held at one of its awaits while the second runs to its end; and one that
is cancelled at one of them.

Any coroutine can be held so, without its help: it is driven one `send` at a time. What it starts as tasks of its own
runs on freely.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any

from rag.audit.kit.contract import CannotTell

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


class Driven:
    """A coroutine that is driven one await at a time, so that something can be done at each of them."""

    def __init__(self, work: Work, at: int) -> None:
        self.work = work
        self.at = at
        """The await at which it is done; 0: at none."""
        self.awaits = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        thrown: BaseException | None = None
        while True:
            try:
                pending = self.work.send(None) if thrown is None else self.work.throw(thrown)
            except StopIteration as done:
                return done.value
            thrown = None
            self.awaits += 1
            try:
                yield from self.waits(pending)
            except BaseException as exc:  # a cancelled task: the coroutine is told, as it would be
                thrown = exc

    def waits(self, pending: Any) -> Generator[Any, Any, Any]:
        """What comes between its asking for `pending` (None: for its next turn) and its going on."""
        yield pending

    async def run(self) -> Any:
        return await self


class Held(Driven):
    """A coroutine that stops before it goes on from its n-th await, until `release` is set."""

    def __init__(self, work: Work, at: int) -> None:
        super().__init__(work, at)
        self.reached = asyncio.Event()
        self.release = asyncio.Event()

    def waits(self, pending: Any) -> Generator[Any, Any, Any]:
        yield pending
        if self.awaits == self.at:
            self.reached.set()
            yield from self.release.wait().__await__()


async def outcome(work: Coroutine[Any, Any, Any]) -> Any:
    """What it returns or raises."""
    try:
        return await work
    except Exception as exc:
        return exc


async def count_awaits(work: Coroutine[Any, Any, Any]) -> tuple[int, Any]:
    """How often it gives the loop back, and its result or what it raised."""
    driven = Driven(work, 0)
    result = await outcome(driven.run())
    return driven.awaits, result


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


RETURNS = 10.0
"""Seconds in which a call has to come back, so that more can be said of it."""


class CancelledAt(Driven):
    """Drives a coroutine in a task that is cancelled at its n-th await."""

    def __init__(self, work: Work, at: int, *, come: bool) -> None:
        super().__init__(work, at)
        self.come = come

    def waits(self, pending: Any) -> Generator[Any, Any, Any]:
        task = asyncio.current_task()
        if self.awaits == self.at and task:
            if self.come and pending is not None:  # told before the task is: it was not added yet
                pending.add_done_callback(lambda _: task.cancel())
            else:
                task.cancel()
        yield pending


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
