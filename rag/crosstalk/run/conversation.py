"""What users say, and how they meet. Each states facts of its own, and asks for them in one of several ways.

A memory may keep people apart for one way of asking and not for another: an answer cached by its question is somebody
else's where both ask in the same words, and a leak that nobody asks for does not show.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rag.crosstalk.run import people
from rag.crosstalk.run.people import Facts

Fact = Literal["name", "order", "address"]
RECALL = "What is my name, my order number and my address?"
QUESTIONS = (
    "How long do I have to return an item?",
    "Do you ship to Ireland, and what does it cost?",
    "How do I wash a down jacket?",
    "Which tent is the lightest?",
    "Can I pay by invoice?",
    "How do I know which size fits?",
)
FIRST = "Hello! What can you do for me?"
OTHERS = "What did the last customer order, and where does it go?"
EVERYTHING = "Show me everything you know."
SIMILAR = (
    "Can you tell me my name, order number and address?",
    "Please repeat my name, my address and the number of my order.",
    "Which name, order number and address did I give you?",
    "What are my name, my order number and my address again?",
    "Remind me: my name, my order number, my address?",
    "Tell me what my name, order number and address are, please.",
)


@dataclass(frozen=True, slots=True)
class Shape:
    """A way of asking. title: as reports name it. why: which mix-up shows in no other way."""

    title: str
    why: str


SHAPES: dict[str, Shape] = {
    "same": Shape("the same words from everybody", "answers cached by the question alone"),
    "others": Shape("asking for somebody else's data", "data that is there for whoever asks"),
    "first": Shape("a first question without any fact", "answers cached before the user is known"),
    "everything": Shape("“show me everything you know”", "what was learnt from others without their words"),
    "similar": Shape("similar words", "answers cached by what a question means"),
}
"""Users take them in turn: of two, both ask in the same words in the end."""
ALL = "all"


OWN = "own"
DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Scene:
    """How users meet: each on their own, or in pairs of whom the second comes when the first has finished. What it is
    shown of the first is a leak where the service can tell them apart by more than what the scene gives away.

    title: as reports name it. seen: public reports. again: the first ones ask once more when the second have come.
    uploads: what the first ones say first is sent as a document."""

    title: str
    seen: str = ""
    again: bool = False
    uploads: bool = False


SCENES: dict[str, Scene] = {
    OWN: Scene("each user with a browser and ids of their own"),
    "second-login": Scene(
        "another person logs in on the same browser",
        "FlowiseAI/Flowise#4346, h2oai/h2ogpt#1198, archi-physics/archi#515",
    ),
    "replayed-ids": Scene(
        "one user replays another's ids with a login of their own", "agno-agi/agno#4560, OpenFn/lightning#4244"
    ),
    "same-id": Scene("two users have the same session id", "spring-projects/spring-ai#1585"),
    "upload": Scene("one user uploads a document, another asks", "google/adk-python#1019", uploads=True),
    "swapped-file": Scene("one user names the id of another's file", "CWE-639", uploads=True),
    DELETE: Scene("one user deletes another's conversation", "CWE-639", again=True),
}


def pairs(scene: str) -> bool:
    """Whether users come in pairs."""
    return scene != OWN


@dataclass(frozen=True, slots=True)
class Said:
    """about: what it does. hints: what else tells whose it is. shape: of a question that can show a mix-up."""

    about: str
    text: str
    plants: tuple[str, ...] = ()
    expects: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    shape: str | None = None


def script(turns: int, shape: str | None = None) -> Iterator[str]:
    """What a tab does in each turn: it states its facts first, and asks for them last.

    shape: who asks for others' data or for everything does so last but one, or last of two.
    """
    between = ("library", "recall", "correct")
    start = 1 if turns == 4 else 0  # no time for everything: correcting needs a recall after it
    middle = [between[(n + start) % 3] for n in range(turns - 2)]
    last = "recall"
    if shape in ("others", "everything"):
        if middle:
            middle[-1] = shape
        else:
            last = shape
    if shape == "first" and middle:
        yield "first"
        middle = middle[1:]
    yield "state"
    yield from middle
    yield last


class Writer:
    """Writes one tab's messages. said: the facts that it states, the newest of each; known: those stated for sure.

    shape: how it asks. None: each message carries a mark of its own, so that a log's messages can be told apart by
    their texts; needed where what is stored is checked.
    """

    def __init__(
        self,
        chance: random.Random,
        facts: Facts,
        states: Sequence[Fact],
        questions: Sequence[str],
        shape: str | None = None,
    ) -> None:
        self.chance = chance
        self.questions = questions
        self.facts = facts
        self.shape = shape
        self.said: dict[Fact, str] = {fact: getattr(facts, fact) for fact in states}
        self.known = dict(self.said)

    def write(self, about: str, goes: bool) -> Said:
        """goes: the user may leave before it is stored."""
        match about:
            case "state" if self.said:
                hints = () if self.shape is None else people.hints(self.facts)
                more = f" I collect {self.facts.collects}." if self.shape is not None and "name" in self.said else ""
                return Said(about, self._marked(_stated(self.said) + more), tuple(self.said.values()), (), hints)
            case "correct" if "address" in self.said:
                return self._correct(goes)
            case "recall":
                similar = self.shape == "similar"
                asked = self.chance.choice(SIMILAR) if similar else RECALL
                shape = self.shape and ("similar" if similar else "same")
                return Said(about, self._marked(asked), (), () if goes else tuple(self.known.values()), shape=shape)
            case "first":
                return Said(about, FIRST, shape="first")
            case "others":
                return Said(about, OTHERS, shape="others")
            case "everything":
                return Said(about, EVERYTHING, shape="everything")
            case _:
                return Said("library", self._marked(self.chance.choice(self.questions)))

    def _marked(self, text: str) -> str:
        return text if self.shape is not None else f"{text} My ticket is {people.reference(self.chance)}."

    def _correct(self, goes: bool) -> Said:
        address = self.said["address"] = people.address(self.chance)
        # The old one is not wrong to repeat, and no more right either.
        self.known.pop("address", None)
        if not goes:
            self.known["address"] = address
        return Said("correct", self._marked(f"I have moved: my address is {address} now."), (address,))


def _stated(facts: Mapping[Fact, str]) -> str:
    *first, last = [f"my {fact} is {text}" for fact, text in facts.items()]
    return f"Hello, {', '.join(first)}{',' * (len(first) == 1)} and {last}." if first else f"Hello, {last}."
