"""Turns that are added in one call: all of them are kept whole, once and in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rag.audit.checks.registry import check
from rag.audit.kit.contract import Said, Wrong
from rag.audit.kit.overlaps import overlaps
from rag.audit.kit.trial import Store, Trial, short

MANY = 50
"""Turns, added one after the other as fast as they go."""


def pair_of(who: str, n: int) -> list[Said]:
    """What this writer adds in the n-th try."""
    return [("user", f"{who} asks {n}"), ("assistant", f"answer to {who} {n}")]


async def add(store: Store, who: str, name: str, n: int) -> None:
    (_, asks), (_, answer) = pair_of(who, n)
    await store.say(who, store.trial.at(f"{name}-{n}"), asks, answer)


def whole_once(where: str, stored: list[Said], came: dict[str, Any], n: int) -> None:
    """Raises Wrong unless the pair of each writer is there once and together; of one refused all or nothing."""
    for who, result in came.items():
        pair = pair_of(who, n)
        times = [stored.count(said) for said in pair]
        if isinstance(result, Exception) and times == [0, 0]:
            continue
        if times != [1, 1]:
            what = "was refused" if isinstance(result, Exception) else "was acknowledged"
            raise Wrong(
                f"{where}, what {who} adds {what}; its question is stored {times[0]} times and its answer {times[1]}. "
                f"Stored: {short(stored)}."
            )
        if stored.index(pair[1]) != stored.index(pair[0]) + 1:
            raise Wrong(f"{where}, the conversation is torn. Stored: {short(stored)}.")


@check(
    "whole.overlapping-appends",
    "Two additions that overlap in one conversation are both kept whole, once.",
    why="What is read, extended and written back loses what came meanwhile.",
)
async def overlapping_appends(trial: Trial) -> None:
    async with trial.store() as store:
        store.needs("read", "append")

        async def prepare(n: int) -> None:
            """Nothing: the conversation begins with these."""

        async for n, seen in overlaps(
            store, prepare, lambda n: add(store, "alice", "both", n), lambda n: add(store, "bob", "both", n)
        ):
            stored = await store.read("a reader", trial.at(f"both-{n}"))
            where = f"While alice was held at {seen.where}"
            whole_once(where, stored, {"alice": seen.first, "bob": seen.second}, n)


@check(
    "whole.order",
    "What is added one after the other comes back in that order.",
    why="Several fall into one tick of a clock, and keys that end in a number are sorted as text.",
)
async def order(trial: Trial) -> None:
    async with trial.store() as store:
        store.needs("read")
        await keeps_order(store, "many", MANY)


async def keeps_order(store: Store, name: str, turns: int, before: Callable[[], None] = lambda: None) -> None:
    """Raises Wrong unless so many turns come back as they were added. before: is called before each."""
    at, said = store.trial.at(name), []
    for n in range(1, turns + 1):
        before()
        said += await store.say("alice", at, f"question {n}", f"answer {n}")
    found = await store.read("alice", at)
    if found == said:
        return
    place = next((n for n, both in enumerate(zip(found, said, strict=False)) if both[0] != both[1]), len(found))
    there = found[place][1] if place < len(found) else "nothing"
    raise Wrong(
        f"Of {len(said)} messages {len(found)} come back. In place {place + 1} stands {there!r}, after "
        f"{short(found[max(0, place - 2) : place])}."
    )
