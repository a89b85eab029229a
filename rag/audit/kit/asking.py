"""Where nothing but answers shows: each user tells a word of their own, and asks for it; an answer with another's
word is a leak. A chat that does not even tell a user's own word shows nothing, and nothing is said of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from rag.audit.kit.awaits import Overlap, outcome
from rag.audit.kit.contract import Address, CannotTell, NotApplicable, Wrong, run_now
from rag.audit.kit.overlaps import overlaps
from rag.audit.kit.trial import Store

TELL = "My name is {word}."
ASK = "What is my name? What did I say before?"
SILENT = "An answer does not repeat what its own user said before, so none can show whose it is."
ROUNDS = 20
"""That two users ask at once, where nothing can be held."""


class Words:
    """Who has told which word, in the order in which they did."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.told: dict[Address, str] = {}

    async def tell(self, who: str, at: Address) -> None:
        word = f"Canary{len(self.told) + 1}x{self.store.trial.run}"
        await self.store.ask(who, at, TELL.format(word=word))
        self.told[at] = word

    async def asked(self, who: str, at: Address) -> bool:
        """Whether the answer has the user's own word. Raises Wrong if it has another's."""
        answer = await self.store.ask(who, at, ASK)
        return self.looked_at(who, at, answer)

    def looked_at(self, who: str, at: Address, answer: str) -> bool:
        for other, word in self.told.items():
            if other != at and word.lower() in answer.lower():
                raise Wrong(f"{who} asks in {at} and is told {word!r}, which was said in {other} alone: {answer[:200]}")
        return self.told.get(at, "?").lower() in answer.lower()


async def told_apart(store: Store, ids: tuple[str, ...]) -> None:
    """Ids that look alike, asked in turn: each is answered out of its own conversation, or is refused."""
    store.needs("ask", "ids")
    trial, words = store.trial, Words(store)
    plain = trial.at("plain")
    await words.tell("somebody", plain)
    if not await words.asked("somebody", plain):
        raise CannotTell(SILENT)
    for number, text in enumerate(ids, start=1):
        at, who = trial.at(text), f"user {number}"
        try:
            first = await store.ask(who, at, ASK)
            words.looked_at(who, at, first)
            await words.tell(who, at)
        except Wrong:
            raise
        except Exception as exc:  # an error that says so is as good as keeping it apart
            trial.notes.append(f"{trial.lane}: {at} is refused ({type(exc).__name__})")
    if len(words.told) < 3:
        raise NotApplicable("such ids are refused")
    silent = [at for at in words.told if not await words.asked(f"the user of {at}", at)]
    if silent:
        raise CannotTell(f"Asked in {silent[0]}, it does not repeat what was said there.")


async def told_at_once(store: Store) -> None:
    """Two users ask at the same time: each is answered out of their own conversation."""
    store.needs("ask")
    words = Words(store)
    both = {who: store.trial.at(who) for who in ("alice", "bob")}
    for who, at in both.items():
        await words.tell(who, at)
    if not [await words.asked(who, at) for who, at in both.items()].count(True):
        raise CannotTell(SILENT)

    async def prepare(n: int) -> None:
        if n == 0:  # what is held is counted first, with alice's: whoever numbers requests has then both of one number
            await asks_back("bob")

    def asks_back(who: str) -> Any:
        return store.ask(who, both[who], ASK)

    def looked_at(seen: Overlap) -> Exception | None:
        """What the one was told counts, though the other waited in vain."""
        answers = {"alice": seen.first, "bob": seen.second}
        errors = [answer for answer in answers.values() if isinstance(answer, Exception)]
        for who, answer in answers.items():
            if answer not in errors:
                told = f"while alice was held at {seen.where}, {who}" if seen.where else who
                words.looked_at(told, both[who], answer)
        return errors[0] if errors else None

    error = None
    if store.subject.audited():
        held = overlaps(store, lambda _: asks_back("alice"), lambda _: asks_back("bob"), prepare)
        async for _, seen in held:
            error = looked_at(seen) or error
    if error is not None or not store.subject.audited():  # who is not answered may have been while nobody was held
        async for _, seen in at_once(store, asks_back):
            error = looked_at(seen) or error
    if error is not None:
        raise error


async def at_once(store: Store, asks_back: Any) -> AsyncIterator[tuple[int, Overlap]]:
    """Both again and again, in threads where they block: for what runs elsewhere, and cannot be held."""

    async def asked(who: str) -> Any:
        blocks = store.trial.lane == "sync"
        return await outcome(asyncio.to_thread(run_now, asks_back(who)) if blocks else asks_back(who))

    until, tried = store.trial.until(), 0
    while tried < ROUNDS and (not tried or time.monotonic() < until):
        first, second = await asyncio.gather(asked("alice"), asked("bob"))
        tried += 1
        yield tried, Overlap(first, second, "", waited=False)
    store.trial.notes.append(
        f"{store.trial.lane}: two asked at once, {tried} times, held nowhere; a mix-up of one time in "
        f"ten is missed with {0.9**tried:.0%}"
    )
