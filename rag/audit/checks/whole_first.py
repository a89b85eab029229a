"""The first writes of a store that holds nothing yet, when several come at once: all of them are kept."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from rag.audit.checks.registry import check
from rag.audit.kit.awaits import Overlap, outcome
from rag.audit.kit.contract import Said, Wrong, run_now
from rag.audit.kit.overlaps import Holding, Places
from rag.audit.kit.trial import Store, Trial, short

AT_ONCE = 20
ROUNDS_OF_FIRST = 3
"""Of many at once: a refusal that comes in each of them, and in none where something was stored before, is the first
writes' own."""
HELD_AT_MOST = 30


def first_of(who: str) -> list[Said]:
    return [("user", f"first of {who}"), ("assistant", f"reply to first of {who}")]


async def begins(store: Store, who: str) -> None:
    await store.say(who, store.trial.at(who), f"first of {who}")


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
        found = await store.read(who, store.trial.at(who))
        if found != first_of(who):
            kept = [await store.read(each, store.trial.at(each)) == first_of(each) for each in came]
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
        total = await holding.places(lambda: begins(store, "alice"))
    places = Places(total, time.monotonic() + trial.budget / 4, HELD_AT_MOST)
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
        names = [f"user-{n}" for n in range(1, AT_ONCE + 1)]
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
