"""Right chats: eleven ways of answering, none of which is a mix-up. What cannot be told of them is unknown."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable

from tests.crosstalk.instrument.cases import Ask, Case, Verdict
from tests.crosstalk.instrument.wrong import Memory, router, told

UNSURE: frozenset[Verdict] = frozenset({"isolated", "unknown"})


def plain() -> Ask:
    memory = Memory()
    return lambda session, text: told(memory.add(session, text))


def refuses() -> Ask:
    return lambda session, text: "I'm sorry, I can't repeat personal information in this chat."


def paraphrases() -> Ask:
    memory = Memory()

    def ask(session: str, text: str) -> str:
        said = memory.add(session, text)
        digits = "".join(re.findall(r"\d", " ".join(said)))
        return f"Sure, I have what you told me in {len(said)} messages on file (ending {digits[-2:]})."

    return ask


def redacts() -> Ask:
    """Numbers and addresses are blanked out; the name is not."""
    memory = Memory()

    def ask(session: str, text: str) -> str:
        hidden = re.sub(r"LK-[\w-]+", "LK-****", told(memory.add(session, text)))
        return re.sub(r"\d+ \w+ \w+, \w+, [\w-]+", "[address]", hidden)

    return ask


def shortens() -> Ask:
    """Now and then an address loses its end."""
    memory, chance, lock = Memory(), random.Random(4), threading.Lock()

    def ask(session: str, text: str) -> str:
        answer = told(memory.add(session, text))
        with lock:
            short = chance.random() < 0.3
        return re.sub(r"(\d+ \w+ \w+, \w+), [\w-]+", r"\1 …", answer) if short else answer

    return ask


def window_of_one() -> Ask:
    memory = Memory()
    return lambda session, text: told(memory.add(session, text)[-1:])


def error_as_answer() -> Ask:
    return lambda session, text: "Sorry, something went wrong."


def limited(share: float, seed: int) -> Callable[[], Ask]:
    """So many are refused for the rate."""

    def make() -> Ask:
        memory, chance, lock = Memory(), random.Random(seed), threading.Lock()

        def ask(session: str, text: str) -> str:
            with lock:
                refused = chance.random() < share
            if refused:
                raise RuntimeError("429 rate limit")
            return told(memory.add(session, text))

        return ask

    return make


def greets() -> Ask:
    """It says the first name, which others have too, and knows the rest."""
    memory = Memory()

    def ask(session: str, text: str) -> str:
        said = memory.add(session, text)
        name = re.search(r"my name is (\w+)", " ".join(said))
        return f"Hello {name[1] if name else 'there'}! {said[0] if '?' in text else 'Noted.'}"

    return ask


def by_client() -> Ask:
    """Over one transport for all, and no two requests under way have one id."""
    return router(lambda session, number: (session, number))


STYLES = (
    Case("repeats what it was told", "the mirror", plain),
    Case("refuses personal data", "a policy", refuses, may=frozenset({"unknown"})),
    Case("paraphrases", "a language model", paraphrases, may=frozenset({"unknown"})),
    Case("redacts", "Presidio and the like", redacts, may=UNSURE),
    Case("shortens addresses now and then", "a language model", shortens),
    Case("remembers one turn", "a small context", window_of_one, may=frozenset({"unknown"})),
    Case("answers errors with status 200", "many proxies", error_as_answer, may=frozenset({"unknown"})),
    Case("refuses three in ten for the rate", "any provider", limited(0.3, 5)),
    Case("refuses nine in ten for the rate", "any provider", limited(0.9, 6), may=frozenset({"unknown"})),
    Case("greets by the first name", "a support bot", greets),
    Case("answers by client and request number", "the MCP TypeScript SDK 1.26.0", by_client),
)
