"""Where nothing but answers shows: each user tells a word of their own, and asks for it; an answer with another's
word is a leak. A chat that does not even tell a user's own word shows nothing, and nothing is said of it.
"""

from __future__ import annotations

from rag.audit.kit.contract import Address, CannotTell, NotApplicable, Wrong
from rag.audit.kit.trial import Store

TELL = "My name is {word}."
ASK = "What is my name? What did I say before?"


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
    store.needs("ask")
    trial, words = store.trial, Words(store)
    plain = trial.at("plain")
    await words.tell("somebody", plain)
    if not await words.asked("somebody", plain):
        raise CannotTell("An answer does not repeat what its own user said before, so none can show whose it is.")
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
