"""A call that is held at each place where another can come between, one after the other."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from rag.audit.kit.awaits import Overlap, count_awaits, overlap_at
from rag.audit.kit.contract import NotApplicable, run_now
from rag.audit.kit.lines import count_lines, folders_of, overlap_at_line
from rag.audit.kit.trial import Store

MOST_POINTS = 400
"""Places at which a call is held, at most; of more, this many spread over all."""

Numbered = Callable[[int], Coroutine[Any, Any, Any]]
"""What is done in the n-th try."""


async def overlaps(
    store: Store, prepare: Numbered, first: Numbered, second: Numbered
) -> AsyncIterator[tuple[int, Overlap]]:
    """Hold `first` at each of its awaits (lane `sync`: its lines) while `second` runs as a whole.

    Each try n has `prepare(n)` before it. Yields (n, what came of it); a note says how much was tried.
    """
    trial = store.trial
    await prepare(0)
    with contextlib.suppress(NotApplicable):
        await store.read("the auditor", trial.at("nobody"))  # what is audited is made by now
    folders = folders_of(store.subject.audited())

    async def at_await(n: int) -> Overlap:
        return await overlap_at(first(n), lambda: second(n), n)

    async def at_line(n: int) -> Overlap:
        return await overlap_at_line(lambda: run_now(first(n)), lambda: run_now(second(n)), folders, n)

    if trial.lane == "async":
        kind, overlap_n = "awaits", at_await
        points, _ = await count_awaits(first(0))
    else:
        kind, overlap_n = "lines", at_line
        points, _ = await count_lines(lambda: run_now(first(0)), folders)
    until = time.monotonic() + trial.budget
    tried, n = 0, 1
    step = usual = max(1, -(-points // MOST_POINTS))
    while n <= points and time.monotonic() < until:
        await prepare(n)
        seen = await overlap_n(n)
        tried += 1
        yield n, seen
        # Where the second has to wait, nothing comes between: the rest of such a stretch is met in growing steps.
        step = min(2 * step, 64) if seen.waited else usual
        n += step
    trial.notes.append(
        f"{trial.lane}: the first call was held at {tried} of its {points} {kind} while the other ran"
        if points
        else f"{trial.lane}: the call never gives way ({kind}: 0), so nothing can come between"
    )
