"""Two whole turns that overlap in one conversation: load, ask the model, keep."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from rag.audit.checks.registry import check
from rag.audit.kit.awaits import PATIENCE, SLOWER, outcome
from rag.audit.kit.contract import Address, CannotTell, Said, Think, Wrong, answered
from rag.audit.kit.trial import Store, Trial, short

_WHY = "A double click, a second tab or a retry runs two turns of one conversation at the same time."


@dataclass
class Turns:
    """What came of two turns: texts whose answers were given, and what is stored then."""

    acknowledged: list[str]
    stored: list[Said]


class HeldModel:
    """A model that has read its prompt and does not answer until `release` is set."""

    def __init__(self, store: Store) -> None:
        self.blocks = store.trial.lane == "sync"
        self.asking = threading.Event()
        self.release = threading.Event()

    async def __call__(self, text: str, before: list[Said]) -> str:
        self.asking.set()
        if self.blocks:
            self.release.wait()
        else:
            while not self.release.is_set():
                await asyncio.sleep(0.001)
        return await answered(text, before)

    async def is_asked(self, turn: asyncio.Future[Any], patience: float = math.inf) -> bool:
        """Wait until it is, or its turn is over. Whether one of them came in time."""
        until = time.monotonic() + patience
        while not (asked := self.asking.is_set() or turn.done()) and time.monotonic() < until:
            await asyncio.sleep(0.001)
        return asked


async def question_kept(store: Store, at: Address, text: str, patience: float) -> None:
    """Wait until the question of a turn that is held can be read, if it is kept before the answer: some keep it in the
    background, and what a second turn finds must not depend on who is faster."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        read = asyncio.ensure_future(outcome(store.trial.apart(store.subject.read(at))))
        await asyncio.wait({read}, timeout=patience)  # a store may keep readers out, too
        if not read.done() or (isinstance(read.result(), list) and ("user", text) in read.result()):
            return
        await asyncio.sleep(0.01)


async def overlapping(store: Store, at: Address, *, first_ends_first: bool) -> Turns:
    """One turn whose model is held, and another that begins meanwhile and ends before it, or after it."""
    trial = store.trial

    def started(who: str, think: Think, where: Address = at) -> asyncio.Future[Any]:
        return asyncio.ensure_future(outcome(trial.apart(store.turn(who, where, f"question of {who}", think))))

    began = time.monotonic()
    steps = len(trial.steps)
    await started("somebody", answered, trial.at("before"))
    del trial.steps[steps:]  # it only says how long a turn takes
    patience = max(8 * PATIENCE, SLOWER * (time.monotonic() - began))
    one, other = HeldModel(store), HeldModel(store)
    first = started("the first tab", one)
    await one.is_asked(first)
    await question_kept(store, at, "question of the first tab", PATIENCE)
    second = started("the second tab", other if first_ends_first else answered)
    if first_ends_first:
        came = await other.is_asked(second, patience)
        how = "the second one began and ended after it" if came else "the second one waited for it"
        one.release.set()
        await asyncio.wait({first}, timeout=patience)
        other.release.set()
    else:
        done, _ = await asyncio.wait({second}, timeout=patience)
        how = "the second one ran as a whole" if done else "the second one waited for it"
        one.release.set()
    await asyncio.wait({first, second})
    trial.notes.append(f"{trial.lane}: the first tab's turn was held in its model; {how}")
    acknowledged = []
    for who, result in (("the first tab", first.result()), ("the second tab", second.result())):
        if isinstance(result, Exception):
            trial.notes.append(f"{who}'s turn was refused: {type(result).__name__}: {str(result)[:200]}")
        else:
            acknowledged.append(f"question of {who}")
    if not acknowledged:
        raise CannotTell(f"Neither of two overlapping turns was answered: {trial.notes[-1]}")
    return Turns(acknowledged, await store.read("a reader", at))


async def both_orders(trial: Trial) -> AsyncIterator[Turns]:
    """What came of it where the first turn ends last, and where it ends first: one of them may be right alone."""
    async with trial.store() as store:
        store.needs("turn")
        for name, first_ends_first in (("one", False), ("two", True)):
            yield await overlapping(store, trial.at(name), first_ends_first=first_ends_first)


@check("whole.overlapping-turns", "Overlapping turns keep every acknowledged turn, once.", why=_WHY)
async def overlapping_turns(trial: Trial) -> None:
    async for came in both_orders(trial):
        for text in came.acknowledged:
            for said in (("user", text), ("assistant", f"answer to {text}")):
                if (times := came.stored.count(said)) != 1:
                    raise Wrong(
                        f"{said[1]!r} was acknowledged and is stored {times} times. Stored: {short(came.stored)}."
                    )


@check("whole.pairs", "A question and its answer stay together when turns overlap.", why=_WHY)
async def pairs(trial: Trial) -> None:
    async for came in both_orders(trial):
        if not came.stored:
            raise CannotTell("Nothing is stored of turns that were acknowledged: see whole.overlapping-turns.")
        roles = [role for role, _ in came.stored]
        if roles != ["user", "assistant"] * (len(roles) // 2):
            raise Wrong(f"The conversation is torn: {', '.join(roles)}. Stored: {short(came.stored)}.")
