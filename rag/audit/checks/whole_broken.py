"""Turns and calls that are broken off: they leave nothing of themselves, and nothing to whoever comes next."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Callable, Iterator
from typing import Any

from rag.audit.checks.registry import check
from rag.audit.kit.awaits import Work, cancelled_at, soon
from rag.audit.kit.contract import Address, CannotTell, NotApplicable, Said, Wrong, answered
from rag.audit.kit.overlaps import Places
from rag.audit.kit.trial import Store, Trial, only, short

_REDIS = "https://github.com/redis/redis-py/issues/2624"
LOOKS_AGAIN = 20
"""Times, each after 50 ms: what a thread still writes for a call that was cancelled is there then."""


async def in_lane(store: Store, work: Work) -> Any:
    """Its result or what it raised; in the lane `sync` in a thread."""
    return await soon(store.trial.apart(work), "A turn")


@check(
    "whole.failed-turn",
    "A turn whose model fails leaves no half turn.",
    why="A question that stays without an answer is in every prompt after it.",
)
async def failed_turn(trial: Trial) -> None:
    async with trial.store() as store:
        store.needs("turn", "read")

        async def fails(text: str, _: list[Said]) -> str:
            raise ConnectionError(f"the model is away: {text}")

        at = trial.at("one")
        first = await in_lane(store, store.turn("alice", at, "first", answered))
        if isinstance(first, Exception):
            raise CannotTell(f"A turn whose model answers is refused: {type(first).__name__}: {str(first)[:200]}")
        before = await store.read("alice", at)
        came = await in_lane(store, store.turn("alice", at, "second", fails))
        if not isinstance(came, Exception):
            raise NotApplicable("a turn whose model fails is answered all the same")
        left = await store.read("alice", at)
        if left != before:
            raise Wrong(
                f"A turn's model raised {type(came).__name__}. The conversation then holds {short(left)}. "
                f"Expected: {short(before)}."
            )
        after = await in_lane(store, store.turn("alice", at, "third", answered))
        if isinstance(after, Exception):
            raise Wrong(
                f"After a turn whose model failed the next one is refused: {type(after).__name__}: {str(after)[:200]}"
            )


class Cut:
    """Calls that are cut at each of their awaits, and what is found after each."""

    def __init__(self, store: Store, bob: Address, his: list[Said]) -> None:
        self.store = store
        self.bob = bob
        self.his = his

    async def each(self, what: str, call: Callable[[Address], Work], left: Any, until: float) -> None:
        """left: from an address and whether the call was acknowledged to what may be stored then."""
        trial = self.store.trial
        total, _ = await cancelled_at(call(trial.at(f"{what}-0")), 0, come=False)
        places = Places(2 * total, until)
        for n in places:
            at, come = trial.at(f"{what}-{n}"), n % 2 == 0
            expected = await left(at)
            where = f"alice {what}, and is cancelled at await {(n + 1) // 2}" + (", as it had come" if come else "")
            with uncollected():
                _, came = await cancelled_at(call(at), (n + 1) // 2, come=come)
                only(f"{where}; bob", self.bob, await self.next_read("bob", self.bob, where), self.his)
                await self.next_write("carol", f"after-{what}-{n}", where)  # no id begins another
            allowed = expected if isinstance(came, BaseException) else expected[-1:]
            await self.settled(where, at, allowed)
        trial.notes.append(f"{trial.lane}: {what}: cancelled at {places.tried} of {places.total} places")

    async def settled(self, where: str, at: Address, allowed: list[list[Said]]) -> None:
        for _ in range(LOOKS_AGAIN):
            found = await self.next_read("alice", at, where)
            if found in allowed:
                return
            await asyncio.sleep(0.05)
        expected = " or ".join(dict.fromkeys(map(short, allowed)))
        raise Wrong(f"{where}; {at} then holds {short(found)}. Expected: {expected}.")

    async def next_read(self, who: str, at: Address, where: str) -> list[Said]:
        """Refused once is no harm: its connection was cut. Raises Wrong if it stays so."""
        for _ in range(2):
            found = await soon(self.store.read(who, at), f"{where}; {who}'s next call")
            if not isinstance(found, BaseException):
                return list(found)
        raise Wrong(f"{where}; {who}'s next calls are refused: {type(found).__name__}: {str(found)[:200]}")

    async def next_write(self, who: str, name: str, where: str) -> None:
        """The same, of a turn that is added: what is left locked refuses it."""
        for again in range(2):
            at = self.store.trial.at(f"{name}-{again}")
            found = await soon(self.store.say(who, at, "of somebody else"), f"{where}; {who}'s next call")
            if not isinstance(found, BaseException):
                return
        raise Wrong(f"{where}; what {who} adds next is refused: {type(found).__name__}: {str(found)[:200]}")


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """What a call leaves locked until Python collects its garbage stays locked, for that may be at any time."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


@check(
    "whole.cancelled",
    "A cancelled call leaves nothing or the whole of itself, and nothing to the next caller.",
    why="A reply that nobody waits for any more is the next caller's, as in redis-py 4.5.3.",
    link=_REDIS,
    lanes=("async",),
    limit=60,
)
async def cancelled(trial: Trial) -> None:
    async with trial.store() as store:
        store.needs("read")
        bob = trial.at("bob")
        cut = Cut(store, bob, await store.say("bob", bob, "of bob"))
        early: list[Said] = []

        async def said_before(at: Address) -> list[list[Said]]:
            return [await store.say("alice", at, "of alice")]

        async def all_or_none(at: Address) -> list[list[Said]]:  # noqa: ARG001  # as `left` is called
            return [[], [("user", "of alice"), ("assistant", "reply to of alice")]]

        async def turn_or_none(at: Address) -> list[list[Said]]:  # noqa: ARG001  # as `left` is called
            return [[], early, [("user", "asked"), ("assistant", "answer to asked")]]

        await cut.each("reads", lambda at: store.read("alice", at), said_before, trial.until(1 / 3))
        if "append" in store.subject.able:
            await cut.each("adds", lambda at: store.say("alice", at, "of alice"), all_or_none, trial.until(1 / 2))
        if "turn" in store.subject.able:
            early += await kept_early(store)
            await cut.each("asks", lambda at: store.turn("alice", at, "asked", slowly), turn_or_none, trial.until())


async def slowly(text: str, before: list[Said]) -> str:
    """A model that gives the loop back before it answers."""
    await asyncio.sleep(0)
    return await answered(text, before)


async def kept_early(store: Store) -> list[Said]:
    """What is stored of a turn while its model thinks: some interfaces keep the question first."""
    at = store.trial.at("early")
    seen: list[Said] = []

    async def looks(text: str, before: list[Said]) -> str:
        for _ in range(10):  # it may be on its way
            if not seen:
                await asyncio.sleep(0.02)
                seen.extend(await store.read("the auditor", at))
        return await answered(text, before)

    await store.turn("alice", at, "asked", looks)
    return seen
