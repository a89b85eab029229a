"""A call that is held at each place where another can come between, one after the other."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from rag.audit.kit.awaits import PATIENCE, SLOWER, Overlap, Work, count_awaits, overlap_at
from rag.audit.kit.contract import NotApplicable, run_now
from rag.audit.kit.lines import count_lines, folders_of, overlap_at_line
from rag.audit.kit.trial import Store

MOST_POINTS = 400
"""Places at which a call is held, at most; of more, this many spread over all."""

Numbered = Callable[[int], Coroutine[Any, Any, Any]]
"""What is done in the n-th try."""


@dataclass
class Places:
    """Which of so many places a call is held at: in order, until that time (monotonic) has come; one at least."""

    total: int
    until: float
    most: int = MOST_POINTS
    """Of more, this many spread over all."""
    waited: bool = False
    """To be set when the second call had to wait at the last one: nothing comes between there, and the rest of such
    a stretch is met in growing steps."""
    tried: int = 0

    def __iter__(self) -> Iterator[int]:
        n, step = 1, (usual := max(1, -(-self.total // self.most)))
        while n <= self.total and (not self.tried or time.monotonic() < self.until):
            self.tried, self.waited = self.tried + 1, False
            yield n
            step = min(2 * step, 64) if self.waited else usual
            n += step


class Holding:
    """How a call is held in this store's lane: at its awaits, or in `sync` at the lines of the audited package."""

    def __init__(self, store: Store) -> None:
        self.awaits = store.trial.lane == "async"
        self.kind = "awaits" if self.awaits else "lines"
        self.folders = folders_of(store.subject.audited())
        self.patience = PATIENCE

    async def places(self, call: Callable[[], Work]) -> tuple[int, Any]:
        """At how many it can be held, and its result or what it raised. It is run as a whole."""
        began = time.monotonic()
        if self.awaits:
            found, came = await count_awaits(call())
        else:
            found, came = await count_lines(lambda: run_now(call()), self.folders)
        self.patience = max(PATIENCE, SLOWER * (time.monotonic() - began))
        return found, came

    async def overlap(self, first: Callable[[], Work], second: Callable[[], Work], at: int) -> Overlap:
        if self.awaits:
            return await overlap_at(first(), second, at, self.patience)
        return await overlap_at_line(
            lambda: run_now(first()), lambda: run_now(second()), self.folders, at, self.patience
        )


async def nothing(_: int) -> None:
    """Of what is tried nothing has to be there before."""


async def overlaps(
    store: Store, first: Numbered, second: Numbered, prepare: Numbered = nothing
) -> AsyncIterator[tuple[int, Overlap]]:
    """Hold `first` at each of its awaits (lane `sync`: its lines) while `second` runs as a whole.

    Each try n has `prepare(n)` before it. Yields (n, what came of it); a note says how much was tried. Raises what
    `first` raises where it cannot be held anywhere: a call that fails at once has not been seen to be right.
    """
    trial = store.trial
    await prepare(0)
    with contextlib.suppress(NotApplicable):
        await store.read("the auditor", trial.at("nobody"))  # what is audited is made by now
    holding = Holding(store)
    total, came = await holding.places(lambda: first(0))
    if not total and isinstance(came, Exception):
        raise came
    places = Places(total, trial.until())
    for n in places:
        await prepare(n)
        seen = await holding.overlap(lambda n=n: first(n), lambda n=n: second(n), n)  # type: ignore[misc]  # this n
        places.waited = seen.waited
        yield n, seen
    trial.notes.append(
        f"{trial.lane}: the first call was held at {places.tried} of its {places.total} {holding.kind} while the other "
        "ran"
        if places.total
        else f"{trial.lane}: the call never gives way ({holding.kind}: 0), so nothing can come between"
    )
