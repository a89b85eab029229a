"""Logs of a service that does everything right, and single sessions of one that does one thing wrong.

A world is a number of chats on one clock; a chat writes what really happens into the log and, unless it is told to do
otherwise, stores whole turns and gives the model all that is stored. What a planted case says of itself is what a
checker has to find: kind, session, turn, owner and surface.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from rag.crosstalk.checker.check import Report
from rag.crosstalk.log.events import (
    Clear,
    Control,
    Document,
    Event,
    Fail,
    History,
    Info,
    Invoke,
    Message,
    Ok,
    Prompt,
    Retrieved,
)
from rag.crosstalk.run import people

Case = tuple[str, str, int | None, str | None, str]
"""kind, session, op, owner, surface"""


@dataclass(slots=True)
class World:
    """black: without prompts, retrieved documents and histories. window: turns that a prompt holds.

    alike: everybody uses the same words, as people do; only canaries differ.
    """

    seed: int = 0
    window: int | None = None
    black: bool = False
    alike: bool = False
    ops: int = 0
    chats: list[Chat] = field(default_factory=list)
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def chat(self, at: float | None = None) -> Chat:
        chat = Chat(self, len(self.chats), self.chance.uniform(0, 50) if at is None else at)
        self.chats.append(chat)
        return chat

    def control(self) -> Control:
        return Control(people.order(self.chance))

    def events(self) -> list[Event]:
        """All of them, as one log."""
        moments = [moment for chat in self.chats for moment in [*chat.moments, *chat.last()]]
        moments.sort(key=lambda moment: moment[0])
        events = [event for _, event in moments]
        if self.black:
            events = [event for event in events if not isinstance(event, Prompt | Retrieved | History)]
        return [self.control(), *events]


@dataclass(slots=True)
class Sent:
    """A turn under way."""

    op: int
    text: str
    at: float
    answer: str = ""

    @property
    def question(self) -> Message:
        return Message("user", self.text)

    @property
    def pair(self) -> list[Message]:
        return [self.question, Message("assistant", self.answer)]


@dataclass(slots=True)
class Chat:
    """One user in one session. stored: what the service holds of it."""

    world: World
    number: int
    now: float
    moments: list[tuple[float, Event]] = field(default_factory=list)
    stored: list[Message] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    read_at_end: bool = True
    user: str = field(init=False)
    session: str = field(init=False)

    def __post_init__(self) -> None:
        self.user = f"user {self.number}"
        self.session = f"session-{self.number // 2}{'aA'[self.number % 2]}"

    def send(self, *, plant: bool = False, ask: bool = False, more: str = "", tab: int = 0) -> Sent:
        """plant: state a canary. ask: for what was stated before."""
        chance = self.world.chance
        plants: tuple[str, ...] = (people.order(chance),) if plant else ()
        expects: tuple[str, ...] = tuple(self.known) if ask else ()
        said = f"My order is {plants[0]}." if plant else "What is my order?" if ask else "How do I wash this?"
        text = f"{said} {more}" if self.world.alike else f"{said} {more}(message {people.reference(chance)})"
        sent = Sent(self.world.ops, text, self.wait())
        self.world.ops += 1
        self.known += plants
        self.log(Invoke(sent.op, self.user, self.session, sent.at, text, tab, 0, plants, expects))
        return sent

    def prompt(self, sent: Sent, history: Sequence[Message] | None = None) -> None:
        """What the model is given; by default the newest turns that are stored."""
        held = self.stored if history is None else history
        if self.world.window is not None and history is None:
            held = held[-2 * self.world.window :]
        self.wait()
        self.log(Prompt(sent.op, (*held, sent.question)))

    def answer(self, sent: Sent, text: str = "") -> Message:
        """Make it up: the canaries that were stated so far, or this."""
        told = text or f"I know of {', '.join(self.known) or 'nothing'}"
        sent.answer = told if self.world.alike else f"{told} (answer {people.reference(self.world.chance)})"
        return Message("assistant", sent.answer)

    def ok(self, sent: Sent, *, store: bool = True, text: str = "") -> None:
        if not sent.answer:
            self.answer(sent, text)
        if store:
            self.stored += sent.pair
        self.log(Ok(sent.op, self.wait(), sent.answer))

    def fail(self, sent: Sent) -> None:
        self.log(Fail(sent.op, self.wait(), "refused"))

    def info(self, sent: Sent, *, store: bool) -> None:
        if store:
            self.answer(sent)
            self.stored += sent.pair
        self.log(Info(sent.op, self.wait(), "timed out"))

    def turn(self, *, plant: bool = False, ask: bool = False, text: str = "") -> Sent:
        """A whole one, and nothing wrong with it."""
        sent = self.send(plant=plant, ask=ask)
        self.prompt(sent)
        self.ok(sent, text=text)
        return sent

    def retrieve(self, sent: Sent, *documents: Document) -> None:
        self.wait()
        self.log(Retrieved(sent.op, documents))

    def clear(self) -> None:
        begun = self.wait()
        self.stored = []
        self.known = []
        self.log(Clear(self.session, begun, self.wait()))

    def wait(self) -> float:
        self.now += self.world.chance.uniform(0.001, 0.05)
        return self.now

    def log(self, event: Event) -> None:
        self.moments.append((self.now, event))

    def look(self) -> None:
        """Have what is stored read."""
        self.wait()
        self.log(History(self.session, self.now, tuple(self.stored)))

    def last(self) -> Iterator[tuple[float, Event]]:
        """The read at the end of everything."""
        if self.read_at_end:
            end = max(chat.now for chat in self.world.chats) + 1
            yield end, History(self.session, end, tuple(self.stored))

    def case(self, kind: str, sent: Sent | None, surface: str, owner: Chat | None = None) -> Case:
        return kind, self.session, sent.op if sent else None, (owner or self).user, surface


def clean(world: World) -> Chat:
    """A chat of two to seven turns in which everything that may happen to a right service happens."""
    chat, chance = world.chat(), world.chance
    chat.turn(plant=True)
    for _ in range(chance.randrange(6)):
        happen = chance.choice(("turn", "turn", "ask", "fail", "lost", "unheard", "tabs", "clear", "search"))
        if happen == "clear":
            chat.clear()
            chat.turn(plant=True)
        elif happen == "tabs":
            _one_tab_waits(chat)
        else:
            _one_more(chat, happen)
        if chance.random() < 0.3:
            chat.look()
    chat.turn(ask=True)
    return chat


def _one_more(chat: Chat, happen: str) -> None:
    sent = chat.send(ask=happen == "ask")
    if happen == "search":
        chat.retrieve(sent, Document("a", "shared", "You have 45 days."), Document("b", chat.session, "A note."))
    if chat.world.chance.random() < 0.8 or happen not in ("fail", "lost"):
        chat.prompt(sent)
    if happen == "fail":
        chat.fail(sent)
    elif happen in ("lost", "unheard"):
        chat.info(sent, store=happen == "unheard")
    else:
        chat.ok(sent)


def _one_tab_waits(chat: Chat) -> None:
    first, second = chat.send(), chat.send(tab=1)
    chat.prompt(first)
    chat.ok(first)
    chat.prompt(second)
    chat.ok(second)


def cases(report: Report) -> list[Case]:
    return [(one.kind, one.session or "", one.op, one.owner, one.surface) for one in report.anomalies]


def lines(events: Iterable[Event]) -> Iterator[str]:
    from rag.crosstalk.log.events import to_json

    return map(to_json, events)
