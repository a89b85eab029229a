"""One session after the other: what was acknowledged, what is stored, and what each prompt had of it.

Turns are looked at in the order in which they were sent. A turn is *before* another one if it had ended before the
other was sent; only then is anything owed. What timed out may be stored or not, and is never missed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, chain, repeat

from rag.crosstalk.events import Clear
from rag.crosstalk.observed import ASSISTANT, OTHER, USER, Observed, Turn, role_of

NEWEST = 50
"""Turns with the same text that are looked at beyond as many as there are messages."""
_OWED = {"fail": 0, "info": 1, "": 1, "ok": 2}

Place = tuple[int, int]
"""A turn's op and a role: one message of one turn."""


@dataclass(frozen=True, slots=True)
class Read:
    """A list of messages, resolved: for each the turn and role, or None for one that nobody sent."""

    places: tuple[Place | None, ...]

    def places_known(self) -> Iterator[Place]:
        return (place for place in self.places if place is not None)

    def has(self) -> frozenset[Place]:
        return frozenset(self.places_known())


@dataclass(eq=False)
class Session:
    """What is known of one session. window: turns that a prompt holds; None: all."""

    id: str
    turns: list[Turn]
    seen: Observed
    window: int | None
    clears: list[Clear] = field(default_factory=list)

    @cached_property
    def user(self) -> str | None:
        return self.turns[0].user if self.turns else None

    @cached_property
    def own(self) -> dict[int, Turn]:
        return {turn.op: turn for turn in self.turns}

    @cached_property
    def final(self) -> Read | None:
        stored = self.seen.stored.get(self.id)
        return None if stored is None else self.resolved(stored.messages, stored.t)

    @cached_property
    def prompts(self) -> dict[int, Read]:
        """By op: what each turn's model was given before its own question."""
        found = {}
        for turn in self.turns:
            if turn.prompt is not None:
                read = self.resolved(turn.prompt, turn.ended if turn.end else turn.sent)
                places = [place for place in read.places if place is None or place[0] != turn.op]
                found[turn.op] = Read(tuple(places))
        return found

    def resolved(self, messages: Sequence[int], until: float) -> Read:
        """Which turn each message belongs to, of those sent until then."""
        return Read(tuple(_Resolver(self, messages, until).places()))

    @cached_property
    def said(self) -> dict[int, list[int]]:
        """By token: this session's turns whose question or answer it is."""
        said: dict[int, list[int]] = {}
        for turn in self.turns:
            for message in (turn.question, turn.answer):
                if message is not None:
                    said.setdefault(message, []).append(turn.op)
        return said

    def cleared_until(self, until: float) -> float:
        """What was sent before that time may have been deleted by then."""
        times, confirmed = self._begun
        return confirmed[bisect_right(times, until)]

    def cleared_since(self, turn: Turn, until: float) -> bool:
        """Whether this turn may have been deleted by then."""
        return turn.sent <= self.cleared_until(until)

    def deleted_before(self, at: float) -> float:
        """What had ended before that time was surely deleted at `at`."""
        times, begun = self._confirmed
        return begun[bisect_left(times, at)]

    @cached_property
    def _begun(self) -> tuple[list[float], list[float]]:
        """When deletions began, and the latest time at which the first n of them were confirmed."""
        return _latest((clear.t, clear.t_ok) for clear in self.clears)

    @cached_property
    def _confirmed(self) -> tuple[list[float], list[float]]:
        return _latest((clear.t_ok, clear.t) for clear in self.clears)


class _Resolver:
    """One list of messages. Texts may have been said more than once, and answers may never have been heard: a message
    is taken for what speaks least against the service."""

    def __init__(self, session: Session, messages: Sequence[int], until: float) -> None:
        self.session = session
        self.turns = session.seen.turns
        self.messages = messages
        self.until = until
        self.counts = Counter(messages)
        self.chosen: dict[int, Iterator[int]] = {}
        self.unheard: list[int] = []
        """Turns whose question was there and whose answer nobody heard."""

    def places(self) -> Iterator[Place | None]:
        before: Place | None = None
        for message in self.messages:
            role = role_of(message)
            if role == OTHER:
                continue
            op = self._marked(message) if message & 1 else self._meant(message, role, before)
            before = None if op is None else (op, role)
            if op is not None and role == USER and self.turns[op].end != "ok":
                self.unheard.append(op)
            yield before

    def _marked(self, message: int) -> int | None:
        """A message that names its turn."""
        return message >> 3 if message >> 3 in self.turns else None

    def _meant(self, message: int, role: int, before: Place | None) -> int | None:
        anybodys = self.session.seen.turns_of(message)
        if role == ASSISTANT and before is not None:
            if self.turns[before[0]].answer == message:
                return before[0]
            if self.unheard and before == (self.unheard[-1], USER) and len(anybodys) != 1:
                return self.unheard.pop()
        if (mine := self.session.said.get(message)) is not None:
            return mine[0] if len(mine) == 1 else self._next(message, mine)
        if role == ASSISTANT and self.unheard and len(anybodys) != 1:
            return self.unheard.pop()
        return anybodys[0] if anybodys else None

    def _next(self, message: int, mine: list[int]) -> int:
        """The turns that said it, in their order; were there more than messages, those that it is owed to most."""
        if message not in self.chosen:
            count = self.counts[message]
            until = max(1, bisect_right(mine, self.until, key=lambda op: self.turns[op].sent))
            newest = mine[max(0, until - count - NEWEST) : until]
            owed = sorted(newest, key=lambda op: (_OWED[self.turns[op].end], self.turns[op].sent))[-count:]
            in_order = sorted(owed, key=lambda op: self.turns[op].sent)
            self.chosen[message] = chain(in_order, repeat(in_order[-1]))
        return next(self.chosen[message])


def _latest(pairs: Iterable[tuple[float, float]]) -> tuple[list[float], list[float]]:
    ordered = sorted(pairs)
    latest = accumulate((second for _, second in ordered), max, initial=float("-inf"))
    return [first for first, _ in ordered], list(latest)


def sessions(seen: Observed, window: int | None) -> Iterator[Session]:
    for session in dict.fromkeys([*seen.sessions, *seen.stored]):
        turns = sorted(seen.sessions.get(session, ()), key=lambda turn: (turn.sent, turn.op))
        yield Session(session, turns, seen, window, seen.clears.get(session, []))


def question_of(turn: Turn) -> Place:
    return turn.op, USER


def answer_of(turn: Turn) -> Place:
    return turn.op, ASSISTANT
