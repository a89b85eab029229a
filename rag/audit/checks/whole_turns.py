"""Two whole turns that overlap in one conversation: load, ask the model, keep."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass
from typing import Any

from rag.audit.checks.registry import check
from rag.audit.kit.awaits import PATIENCE, SLOWER, outcome
from rag.audit.kit.contract import Address, CannotTell, Said, Wrong, answered
from rag.audit.kit.trial import Store, Trial, short

_WHY = "A double click, a second tab or a retry runs two turns of one conversation at the same time."


@dataclass
class Turns:
    """What came of two turns: texts whose answers were given, and what is stored then."""

    acknowledged: list[str]
    stored: list[Said]


async def overlapping(store: Store, at: Address) -> Turns:
    """One turn whose model is held, another that runs as a whole meanwhile, then the first goes on."""
    gate = threading.Event()
    asking = threading.Event()

    async def slow(text: str, before: list[Said]) -> str:
        asking.set()
        if store.trial.lane == "sync":
            gate.wait()
        else:
            while not gate.is_set():
                await asyncio.sleep(0.001)
        return await answered(text, before)

    def started(who: str, think: Any, at: Address = at) -> asyncio.Future[Any]:
        return asyncio.ensure_future(outcome(store.trial.apart(store.turn(who, at, f"question of {who}", think))))

    began = time.monotonic()
    await started("somebody", answered, store.trial.at("before"))
    store.trial.steps.clear()  # it only says how long a turn takes
    patience = max(8 * PATIENCE, SLOWER * (time.monotonic() - began))
    first = started("the first tab", slow)
    while not asking.is_set() and not first.done():
        await asyncio.sleep(0.001)
    second = started("the second tab", answered)
    done, _ = await asyncio.wait({second}, timeout=patience)
    gate.set()
    await asyncio.wait({first, second})
    how = "the second one ran as a whole" if done else "the second one waited for it"
    store.trial.notes.append(f"{store.trial.lane}: the first tab's turn was held in its model; {how}")
    acknowledged = []
    for who, came in (("the first tab", first.result()), ("the second tab", second.result())):
        if isinstance(came, Exception):
            store.trial.notes.append(f"{who}'s turn was refused: {type(came).__name__}: {str(came)[:200]}")
        else:
            acknowledged.append(f"question of {who}")
    if not acknowledged:
        raise CannotTell(f"Neither of two overlapping turns was answered: {store.trial.notes[-1]}")
    return Turns(acknowledged, await store.read("a reader", at))


@check("whole.overlapping-turns", "Overlapping turns keep every acknowledged turn, once.", why=_WHY)
async def overlapping_turns(trial: Trial) -> None:
    async with trial.store() as store:
        store.needs("turn")
        came = await overlapping(store, trial.at("one"))
        for text in came.acknowledged:
            for said in (("user", text), ("assistant", f"answer to {text}")):
                if (times := came.stored.count(said)) != 1:
                    raise Wrong(
                        f"{said[1]!r} was acknowledged and is stored {times} times. Stored: {short(came.stored)}."
                    )


@check("whole.pairs", "A question and its answer stay together when turns overlap.", why=_WHY)
async def pairs(trial: Trial) -> None:
    async with trial.store() as store:
        store.needs("turn")
        came = await overlapping(store, trial.at("one"))
        roles = [role for role, _ in came.stored]
        if roles != ["user", "assistant"] * (len(roles) // 2):
            raise Wrong(f"The conversation is torn: {', '.join(roles)}. Stored: {short(came.stored)}.")
