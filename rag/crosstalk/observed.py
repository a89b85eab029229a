"""One pass over a log: leaks are found as the texts go by; of all else, only what the later checks need is kept.

A message is kept as one number, made of its role and text or, where the log says so, of its turn. So the memory that a
log takes grows with its messages, not with their length.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rag.crosstalk.canaries import Canaries
from rag.crosstalk.events import (
    Clear,
    Control,
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
from rag.crosstalk.findings import Findings, Surface

End = Literal["", "ok", "fail", "info"]
USER, ASSISTANT, OTHER = 0, 1, 2
_ROLES = {"user": USER, "human": USER, "assistant": ASSISTANT, "ai": ASSISTANT}
_MASK = (1 << 57) - 1
AROUND = 60
BRIEF = 80
CONTROL = -1


@dataclass(slots=True, eq=False)
class Turn:
    """number: of its user, from 1, in the order in which they were sent. prompt: its messages; None: not logged."""

    op: int
    user: str
    session: str
    sent: float
    number: int
    brief: str
    question: int
    plants: tuple[int, ...]
    expects: tuple[int, ...]
    end: End = ""
    ended: float = 0.0
    answer: int | None = None
    prompt: array[int] | None = None
    told: set[int] = field(default_factory=set)
    """Canaries in its answer, its own user's included."""
    leaked: set[tuple[str, int]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Stored:
    """The last read of a session. hits: (place, canary, the text around it)."""

    t: float
    messages: array[int]
    hits: tuple[tuple[int, int, str], ...]
    brief: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Canary:
    text: str
    user: str
    op: int
    t: float


def token(role: int, text: str) -> int:
    """What a message without a turn is known by: even. The role is in the next two bits."""
    return (hash((role, text)) & _MASK) << 3 | role << 1


def place_of(op: int, role: int) -> int:
    """What a message of a known turn is known by: odd. The role is in the next two bits."""
    return op << 3 | role << 1 | 1


def role_of(message: int) -> int:
    return message >> 1 & 3


class Observed:
    def __init__(self) -> None:
        self.turns: dict[int, Turn] = {}
        self.sessions: dict[str, list[Turn]] = {}
        self.stored: dict[str, Stored] = {}
        self.clears: dict[str, list[Clear]] = {}
        self.numbers: dict[str, int] = {}
        """How many turns each user sent."""
        self.texts: dict[int, int | list[int]] = {}
        """From the token of a question or answer to its turn or turns."""
        self.marked: set[int] = set()
        """Turns that messages name."""
        self.canaries: list[Canary] = []
        self.findings = Findings()
        self.recalled: set[int] = set()
        self.controls_seen: set[str] = set()
        self.twice: set[str] = set()
        self.white = False
        self.answered = 0
        self._index = Canaries()
        self._meaning: list[int] = []
        """By number in the index: place in `canaries`, or CONTROL."""
        self._own: dict[str, set[int]] = {}
        """Canaries of others that a user typed: repeating them to that user tells nothing new."""
        self._users: dict[str, list[Turn]] = {}

    def take(self, event: Event) -> None:
        """Raises ValueError for an event that contradicts an earlier one."""
        match event:
            case Invoke():
                self._invoke(event)
            case Prompt():
                self._prompt(event)
            case Retrieved():
                self._retrieved(event)
            case Ok() | Fail() | Info():
                self._end(event)
            case History():
                self._history(event)
            case Clear():
                self.clears.setdefault(event.session, []).append(event)
            case Control():
                self._control(event)

    def turns_of(self, message: int) -> Sequence[int]:
        """The turns that a message may belong to."""
        if message & 1:
            return (message >> 3,)
        found = self.texts.get(message, ())
        return (found,) if isinstance(found, int) else found

    def by_user(self, user: str) -> Sequence[Turn]:
        return self._users.get(user, ())

    # --- events

    def _invoke(self, event: Invoke) -> None:
        if event.op in self.turns:
            raise ValueError(f"op {event.op} was invoked before: expected a number of its own for each turn")
        plants = tuple(self._plant(text, event) for text in event.plants)
        expects = tuple(number for text in event.expects for number in self._index.find(text))
        number = self.numbers[event.user] = self.numbers.get(event.user, 0) + 1
        question = token(USER, event.text)
        turn = Turn(
            event.op,
            event.user,
            event.session,
            event.t,
            number,
            event.text[:BRIEF],
            question,
            tuple(plant for plant in plants if plant >= 0),
            expects,
        )
        self.turns[event.op] = turn
        self._users.setdefault(event.user, []).append(turn)
        self.sessions.setdefault(event.session, []).append(turn)
        self._text(question, event.op)
        for canary in self._index.find(event.text):
            if self._owner(canary) != event.user:
                self._own.setdefault(event.user, set()).add(canary)

    def _prompt(self, event: Prompt) -> None:
        self.white = True
        turn = self._turn(event.op)
        if turn is None:
            return
        for message in event.messages:
            found = self._index.find(message.text)
            for canary in found:
                self._seen(turn, canary, message.text, "prompt", turn.sent)
                if self._owner(canary) == turn.user and canary not in turn.plants:
                    self.recalled.add(canary)
        # A turn that another one overtook asks again: what it answers follows from its last prompt.
        turn.prompt = self._messages(event.messages)

    def _retrieved(self, event: Retrieved) -> None:
        self.white = True
        turn = self._turn(event.op)
        if turn is None:
            return
        for document in event.documents:
            if document.owner in ("shared", turn.session):
                for canary in self._index.find(document.text):
                    self._control_seen(canary)
                continue
            theirs = self.sessions.get(document.owner)
            owner = theirs[0].user if theirs else document.owner
            self.findings.add(
                "retrieval-leak",
                turn.sent,
                surface="retrieved",
                session=turn.session,
                user=turn.user,
                op=turn.op,
                owner=owner,
                canary=document.id,
                evidence=document.text[: 2 * AROUND],
            )

    def _end(self, event: Ok | Fail | Info) -> None:
        turn = self._turn(event.op)
        if turn is None:
            return
        if turn.end:
            raise ValueError(f"op {event.op} ended twice: expected one ok, fail or info for each turn")
        turn.ended = max(event.t, turn.sent)
        if isinstance(event, Ok):
            turn.end, turn.answer = "ok", token(ASSISTANT, event.answer)
            self.answered += 1
            self._text(turn.answer, event.op)
            for canary in self._index.find(event.answer):
                self._seen(turn, canary, event.answer, "answer", turn.ended)
                if self._meaning[canary] != CONTROL:
                    turn.told.add(canary)
                    if self._owner(canary) == turn.user and canary not in turn.plants:
                        self.recalled.add(canary)
        else:
            turn.end = "fail" if isinstance(event, Fail) else "info"

    def _history(self, event: History) -> None:
        self.white = True
        hits = []
        for place, message in enumerate(event.messages):
            for canary in self._index.find(message.text):
                if not self._control_seen(canary):
                    hits.append((place, canary, around(message.text, self._index.texts[canary])))
        before = self.stored.get(event.session)
        if before is None or event.t >= before.t:
            brief = tuple(message.text[:BRIEF] for message in event.messages[-4:])
            messages = self._messages(event.messages)
            self.stored[event.session] = Stored(event.t, messages, tuple(self._foreign(event.session, hits)), brief)

    def _control(self, event: Control) -> None:
        number, new = self._index.add(event.canary)
        if new:
            self._meaning.append(CONTROL)
        elif self._meaning[number] != CONTROL:
            self.twice.add(event.canary)

    # --- canaries

    def canary(self, number: int) -> Canary:
        return self.canaries[self._meaning[number]]

    def _plant(self, text: str, event: Invoke) -> int:
        number, new = self._index.add(text)
        if not new:
            self.twice.add(text)
            return number
        self._meaning.append(len(self.canaries))
        self.canaries.append(Canary(text, event.user, event.op, event.t))
        return number

    def _owner(self, number: int) -> str | None:
        place = self._meaning[number]
        return None if place == CONTROL else self.canaries[place].user

    def _control_seen(self, number: int) -> bool:
        if self._meaning[number] != CONTROL:
            return False
        self.controls_seen.add(self._index.texts[number])
        return True

    def _seen(self, turn: Turn, number: int, text: str, surface: Surface, t: float) -> None:
        """One canary in one text of one turn: a leak, if it is somebody else's and the user did not bring it in."""
        if self._control_seen(number):
            return
        canary = self.canary(number)
        if canary.user == turn.user or (surface, number) in turn.leaked:
            return
        if number in self._own.get(turn.user, ()):
            return
        turn.leaked.add((surface, number))
        self.findings.add(
            "foreign-read",
            t,
            surface=surface,
            session=turn.session,
            user=turn.user,
            op=turn.op,
            owner=canary.user,
            owner_op=canary.op,
            canary=canary.text,
            evidence=around(text, canary.text) if self.findings.wanted("foreign-read") else "",
        )

    def _foreign(self, session: str, hits: Iterable[tuple[int, int, str]]) -> Iterable[tuple[int, int, str]]:
        users = {turn.user for turn in self.sessions.get(session, ())}
        for place, number, text in hits:
            owner = self._owner(number)
            if owner not in users and not any(number in self._own.get(user, ()) for user in users):
                yield place, number, text

    # --- turns

    def _turn(self, op: int) -> Turn | None:
        turn = self.turns.get(op)
        if turn is None:
            raise ValueError(f"op {op} was never invoked: expected its invoke on an earlier line")
        return turn

    def _messages(self, messages: Sequence[Message]) -> array[int]:
        self.marked.update(message.op for message in messages if message.op is not None and message.role in _ROLES)
        return array("q", map(_message, messages))

    def _text(self, key: int, op: int) -> None:
        there = self.texts.setdefault(key, op)
        if isinstance(there, list):
            there.append(op)
        elif there != op:
            self.texts[key] = [there, op]


def _message(message: Message) -> int:
    role = _ROLES.get(message.role, OTHER)
    return token(role, message.text) if message.op is None else place_of(message.op, role)


def around(text: str, canary: str) -> str:
    """The text around a canary, or its beginning if it is spelt otherwise there."""
    place = text.casefold().find(canary.casefold())
    if place < 0:
        return text[: 2 * AROUND] + ("…" if len(text) > 2 * AROUND else "")
    start, end = max(0, place - AROUND), place + len(canary) + AROUND
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")
