"""Two processes that add to one conversation: what excludes threads need not exclude processes."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from rag.audit.checks.registry import check
from rag.audit.checks.whole_appends import add, whole_once
from rag.audit.kit.awaits import outcome
from rag.audit.kit.contract import CannotTell, NotApplicable, run_now
from rag.audit.kit.overlaps import Holding, Places
from rag.audit.kit.peers import REPLIES, Line, other_process
from rag.audit.kit.trial import Trial

GETS_ON = 1.0
"""Seconds in which this process must get on before it is taken to wait for the other."""
PLACES = 60


@check(
    "whole.processes",
    "Additions of two processes that overlap in one conversation are both kept whole, once.",
    why="A lock of one process is none for another: servers run several workers.",
    limit=60,
)
async def processes(trial: Trial) -> None:
    async with trial.store() as store:
        store.needs("read", "append", "process")

    async def serve(line: Line) -> None:
        await adds_when_told(trial, line)

    async with other_process(serve) as other, trial.store() as store:
        seen = await store.say("one process", trial.at("seen"), "is it seen")
        told = await answer(other, reads=True)
        if "error" in told:
            raise NotApplicable(f"another process cannot open it: {told['error']}")
        if told["read"] != [list(each) for each in seen]:
            raise NotApplicable("another process does not see what one has written")
        await add(store, "bob", "begun", 0)
        places = Places((await answer(other, counts=True))["places"], time.monotonic() + trial.budget, PLACES)
        for n in places:
            reached = await answer(other, n=n)
            work = add(store, "bob", "both", n)
            second = await outcome(asyncio.to_thread(run_now, work) if trial.lane == "sync" else work)
            done = await answer(other, goes=True)
            places.waited = done["waited"]
            first = RuntimeError(done["refused"]) if done["refused"] else None
            where = f"While alice was held in another process at {done['where'] or reached['reached']}"
            stored = await store.read("a reader", trial.at(f"both-{n}"))
            whole_once(where, stored, {"alice": first, "bob": second}, n)
        trial.notes.append(f"{trial.lane}: another process was held at {places.tried} of {places.total} places")


async def answer(other: Line, **what: Any) -> dict[str, Any]:
    """What the other process says to this. Raises CannotTell if it is gone, or fails later than when it opens."""
    other.say(**what)
    told = await asyncio.to_thread(other.hear)
    if not told or ("error" in told and "reads" not in what):
        raise CannotTell(f"The other process ended: {told.get('error', 'without a word')}.")
    return told


async def adds_when_told(trial: Trial, line: Line) -> None:
    """The other process."""
    await asyncio.to_thread(line.hear)
    async with trial.store() as store:
        line.say(read=await store.read("another process", trial.at("seen")))
        await asyncio.to_thread(line.hear)
        await store.read("another process", trial.at("counted-0"))
        holding = Holding(store)
        places = await holding.places(lambda: add(store, "alice", "counted", 0))
        holding.patience = max(GETS_ON, holding.patience)
        line.say(places=places)
        while told := await asyncio.to_thread(line.hear):
            n = told["n"]

            async def lets_the_other(n: int = n) -> None:
                line.say(reached=f"place {n}")
                if trial.lane == "sync":
                    line.hear(REPLIES)
                else:
                    await asyncio.to_thread(line.hear)

            seen = await holding.overlap(lambda n=n: add(store, "alice", "both", n), lets_the_other, n)  # type: ignore[misc]  # this n
            refused = f"{type(seen.first).__name__}: {seen.first}" if isinstance(seen.first, Exception) else ""
            store.used.clear()  # the one that reads them deletes them
            line.say(refused=refused[:300], where=seen.where, waited=seen.waited)
