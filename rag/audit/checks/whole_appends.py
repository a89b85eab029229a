"""Turns that are added in one call: all of them are kept whole, once and in order, whatever a clock tells."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rag.audit.checks.registry import check
from rag.audit.kit.clocks import Clock, clock_set
from rag.audit.kit.contract import NotApplicable, Said, Wrong
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
        async for n, seen in overlaps(
            store, lambda n: add(store, "alice", "both", n), lambda n: add(store, "bob", "both", n)
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


TICKS = 12
"""Turns that are added while a clock is wrong."""


async def orders_under(trial: Trial, what: str, passes: Callable[[Clock], None]) -> None:
    async with trial.store() as store:
        store.needs("read")
        try:
            await keeps_order(store, "clock-runs", TICKS)
        except Wrong as exc:
            raise NotApplicable(f"it does not keep the order under a clock that runs either: {exc}") from exc
        with clock_set(time.time()) as clock:
            try:
                await keeps_order(store, "clock-wrong", TICKS, lambda: passes(clock))
            except Wrong as exc:
                raise Wrong(f"While the clock {what}: {exc}") from exc
        if not clock.told and not keeps_outside(trial.folder):
            raise NotApplicable("it asks no clock, and keeps nothing outside this process")
    if not clock.told:
        raise NotApplicable(
            "it keeps the order, and asks no clock of this process; its server's, or a C library's, is not set here"
        )
    trial.notes.append(f"{trial.lane}: the clock {what} for {', '.join(sorted(clock.told))}")


def keeps_outside(folder: str) -> bool:
    """Whether there is a file in the store's folder, or a connection to something that may have a clock of its own."""
    if any(Path(folder).iterdir()):
        return True
    for number in map(int, os.listdir("/dev/fd")):  # noqa: PTH208  # names alone
        with contextlib.suppress(OSError):  # closed meanwhile, or connected to nothing
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                with socket.socket(fileno=os.dup(number)) as one:
                    if one.getpeername():  # of a pair within this process it is empty
                        return True
    return False


@check("whole.equal-stamps", "A clock that stands still changes no order.", why="Stamps of one tick are equal.")
async def equal_stamps(trial: Trial) -> None:
    def stands(_: Clock) -> None:
        """It tells the same."""

    await orders_under(trial, "stands still", stands)


@check("whole.clock-back", "A clock that goes back changes no order.", why="Clocks are set, and machines' differ.")
async def clock_back(trial: Trial) -> None:
    def back(clock: Clock) -> None:
        clock.now -= 60

    await orders_under(trial, "goes back", back)
