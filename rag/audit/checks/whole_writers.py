"""Several who write at once: the first writes of a store that holds nothing yet, and those of two processes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from rag.audit.checks.registry import check
from rag.audit.checks.whole_appends import add, pair_of, whole_once
from rag.audit.kit.awaits import Overlap, outcome
from rag.audit.kit.children import REPLIES, Line, other_process
from rag.audit.kit.contract import Address, CannotTell, NotApplicable, Said, Wrong, run_now
from rag.audit.kit.overlaps import Holding, Places
from rag.audit.kit.trial import Store, Trial, short

AT_ONCE = 20
ROUNDS_OF_FIRST = 3
"""Of many at once: a refusal that comes in each of them, and in none where something was stored before, is the first
writes' own."""
HELD_AT_MOST = 30


def first_of(who: str) -> list[Said]:
    return [("user", f"first of {who}"), ("assistant", f"reply to first of {who}")]


def at_of(store: Store, who: str) -> Address:
    """Another one in each store: a factory may take no folder, and give the same store each time."""
    return store.trial.at(f"{who}-{store.number}")


async def begins(store: Store, who: str) -> None:
    await store.say(who, at_of(store, who), f"first of {who}")


@contextlib.asynccontextmanager
async def unused(trial: Trial, *, warm: bool) -> AsyncIterator[Store]:
    """A store of its own; warm: something is stored in it."""
    with trial.fresh_folder() as folder:
        async with trial.store(folder) as store:
            if warm:
                await begins(store, "somebody")
            yield store


async def refused_of(store: Store, where: str, came: dict[str, Any]) -> list[str]:
    """Whose write was refused, and how. Raises Wrong if one that was acknowledged is not there."""
    for who, result in came.items():
        if isinstance(result, Exception):
            continue
        found = await store.read(who, at_of(store, who))
        if found != first_of(who):
            kept = [await store.read(each, at_of(store, each)) == first_of(each) for each in came]
            raise Wrong(
                f"{where}, {who}'s first write was acknowledged and reads {short(found)}. "
                f"Kept: {kept.count(True)} of {len(came)}."
            )
    return [
        f"{type(each).__name__}: {' '.join(str(each).split())[:120]}"
        for each in came.values()
        if isinstance(each, Exception)
    ]


@check(
    "whole.first-writes",
    "First writes that come at once into a fresh store are all kept.",
    why="Each finds no table, and makes it.",
    link="https://github.com/openai/openai-agents-python/issues/2722",
    limit=60,
)
async def first_writes(trial: Trial) -> None:
    async with unused(trial, warm=True) as store:
        store.needs("read")
    await held_first(trial)
    first = await at_once_in(trial, warm=False)
    if not first:
        return
    rounds = [len(first)]
    for _ in range(ROUNDS_OF_FIRST - 1):
        rounds.append(len(await at_once_in(trial, warm=False)))
    later = [len(await at_once_in(trial, warm=True)) for _ in range(ROUNDS_OF_FIRST)]
    if all(rounds) and not any(later):
        raise Wrong(
            f"Of {AT_ONCE} first writes at once {', '.join(map(str, rounds))} were refused, and none where something "
            f"was stored before: {first[0]}"
        )
    trial.notes.append(f"{trial.lane}: of {AT_ONCE} at once {rounds} were refused, and {later} in a store in use")


async def held_first(trial: Trial) -> None:
    """One first write held at each place, while another one comes."""
    async with unused(trial, warm=True) as store:
        await store.read("the auditor", trial.at("somebody"))
        holding = Holding(store)
    async with unused(trial, warm=False) as store:
        total, _ = await holding.places(lambda: begins(store, "alice"))
    places = Places(total, trial.until(1 / 4), HELD_AT_MOST)
    for n in places:
        seen, refused = await one_held(trial, holding, n, warm=False)
        places.waited = seen.waited
        if refused and not (await one_held(trial, holding, n, warm=True))[1]:
            again = (await one_held(trial, holding, n, warm=False))[1]
            if again:
                raise Wrong(
                    f"While alice's first write was held at {seen.where}, bob's came: {len(refused)} of 2 was refused, "
                    f"and none where something was stored before: {refused[0]}"
                )
    trial.notes.append(f"{trial.lane}: a first write was held at {places.tried} of its {total} {holding.kind}")


async def one_held(trial: Trial, holding: Holding, n: int, *, warm: bool) -> tuple[Overlap, list[str]]:
    async with unused(trial, warm=warm) as store:
        seen = await holding.overlap(lambda: begins(store, "alice"), lambda: begins(store, "bob"), n)
        where = f"While alice was held at {seen.where}"
        return seen, await refused_of(store, where, {"alice": seen.first, "bob": seen.second})


async def at_once_in(trial: Trial, *, warm: bool) -> list[str]:
    """Many first writes at once. Those that were refused."""
    async with unused(trial, warm=warm) as store:
        names = [f"user-{n:02}" for n in range(1, AT_ONCE + 1)]  # none begins another: that is another check's
        if trial.lane == "async":
            results = await asyncio.gather(*(outcome(begins(store, who)) for who in names))
        else:
            barrier = Barrier(AT_ONCE)

            def writes(who: str) -> Any:
                barrier.wait()
                try:
                    return run_now(begins(store, who))
                except Exception as exc:
                    return exc

            with ThreadPoolExecutor(AT_ONCE) as pool:
                results = await asyncio.to_thread(lambda: list(pool.map(writes, names)))
        return await refused_of(store, f"Of {AT_ONCE} at once", dict(zip(names, results, strict=True)))


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
        store.needs("read", "process", added_by(store))

    async def serve(line: Line) -> None:
        await adds_when_told(trial, line)

    async with other_process(serve) as other, trial.store() as store:
        seen = await store.say("one process", trial.at("seen"), "is it seen")
        told = await answer(other, reads=True)
        if "error" in told:
            raise NotApplicable(f"another process cannot open it: {told['error']}")
        if told["read"] != [list(each) for each in seen]:
            raise NotApplicable("another process does not see what one has written")
        await adds(store, "bob", "begun", 0)
        places = Places((await answer(other, counts=True))["places"], trial.until(), PLACES)
        for n in places:
            reached = await answer(other, n=n)
            second = await outcome(trial.apart(adds(store, "bob", "both", n)))
            done = await answer(other, goes=True)
            places.waited = done["waited"]
            first = RuntimeError(done["refused"]) if done["refused"] else None
            where = f"While alice was held in another process at {done['where'] or reached['reached']}"
            stored = await store.read("a reader", trial.at(f"both-{n}"))
            judged = whole_once if added_by(store) == "append" else acknowledged_once
            judged(where, stored, {"alice": first, "bob": second}, n)
        trial.notes.append(f"{trial.lane}: another process was held at {places.tried} of {places.total} places")


def added_by(store: Store) -> str:
    """How a pair is added: in one call, or where the interface has none by a whole turn."""
    return "append" if "append" in store.subject.able else "turn"


async def adds(store: Store, who: str, name: str, n: int) -> None:
    if added_by(store) == "append":
        await add(store, who, name, n)
        return
    (_, asks), (_, answers) = pair_of(who, n)

    async def think(*_: Any) -> str:
        return answers

    await store.turn(who, store.trial.at(f"{name}-{n}"), asks, think)


def acknowledged_once(where: str, stored: list[Said], came: dict[str, Any], n: int) -> None:
    """Of turns, whose question may be kept before its answer is there: raises Wrong unless what each was told is kept
    is there once. What is left of one that was refused, and in which order two stand, is for other checks."""
    for who, result in came.items():
        for said in pair_of(who, n):
            if not isinstance(result, Exception) and (times := stored.count(said)) != 1:
                raise Wrong(
                    f"{where}, {who}'s turn was acknowledged; {said[1]!r} is stored {times} times. "
                    f"Stored: {short(stored)}."
                )


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
        places, _ = await holding.places(lambda: adds(store, "alice", "counted", 0))
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

            seen = await holding.overlap(lambda n=n: adds(store, "alice", "both", n), lets_the_other, n)  # type: ignore[misc]  # this n
            refused = f"{type(seen.first).__name__}: {seen.first}" if isinstance(seen.first, Exception) else ""
            store.used.clear()  # the one that reads them deletes them
            line.say(refused=refused[:300], where=seen.where, waited=seen.waited)
