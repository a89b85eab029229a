"""What one more turn costs, by how long the conversation is: figures, and no verdict on them."""

from __future__ import annotations

from rag.audit.checks.registry import check
from rag.audit.kit.trial import Trial
from rag.audit.kit.wire import seen, watched

LENGTHS = (10, 400)
"""Messages that are there before the turn."""
PART = 100
"""Messages that are added at once to come there."""
TRIED = 3
"""Turns, of which the cheapest counts: another one may open a connection."""
_WHY = "A store that reads and writes the whole conversation with each turn gets slower with each turn."


async def costs(trial: Trial) -> list[tuple[int, int, int, int]]:
    """(messages, round trips, bytes sent, bytes received) of a turn: the conversation is read, a pair is added."""
    found = []
    async with watched(trial) as (store, wire):
        for length in LENGTHS:
            at = trial.at(f"of-{length}")
            store.used.add(at)
            for first in range(0, length, PART):
                numbers = range(first // 2, min(first + PART, length) // 2)
                pairs = [(role, f"{text} number {n}") for n in numbers for role, text in SAYS]
                await store.subject.append(at, *pairs)
            turns = []
            for n in range(TRIED):
                wire.sent.clear()
                wire.received = 0
                await store.read("somebody", at)
                await store.say("somebody", at, f"one more question {n}", f"one more answer {n}")
                sent = seen(wire)
                turns.append((len(sent), sum(each.size for each in sent), wire.received))
            found.append((length, *min(turns)))
    return found


SAYS = (("user", "a question of the usual length, more or less,"), ("assistant", "and an answer to the question"))


@check("bounded.round-trips", "How often a turn goes to the server, by the conversation's length.", why=_WHY)
async def round_trips(trial: Trial) -> None:
    for length, trips, _, _ in await costs(trial):
        trial.figures[f"round trips at {length} messages"] = trips


@check("bounded.bytes", "How many bytes a turn moves, by the conversation's length.", why=_WHY)
async def bytes_moved(trial: Trial) -> None:
    for length, _, sent, received in await costs(trial):
        trial.figures[f"bytes sent at {length} messages"] = sent
        if received:
            trial.figures[f"bytes received at {length} messages"] = received
