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
from itertools import accumulate

from rag.crosstalk.events import Clear
from rag.crosstalk.observed import ASSISTANT, OTHER, USER, Observed, Turn, role_of

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
        """Which turn each message belongs to, of those sent until then. A text that was said more than once is the
        newest turns', in their order, and this session's own where it can be."""
        left = Counter(messages)
        places: list[Place | None] = []
        unheard: list[int] = []
        for message in messages:
            role = role_of(message)
            if role == OTHER:
                continue
            place = (
                self._marked(message) if message & 1 else self._meant(message, left[message], until, places, unheard)
            )
            left[message] -= 1
            if place is not None and role == USER and self._unheard(place[0]):
                unheard.append(place[0])
            places.append(place)
        return Read(tuple(places))

    @cached_property
    def _said(self) -> dict[int, list[int]]:
        """By token: this session's turns whose question or answer it is."""
        said: dict[int, list[int]] = {}
        for turn in self.turns:
            for message in (turn.question, turn.answer):
                if message is not None:
                    said.setdefault(message, []).append(turn.op)
        return said

    def _marked(self, message: int) -> Place | None:
        """A message that names its turn."""
        op = message >> 3
        return (op, role_of(message)) if op in self.seen.turns else None

    def _meant(
        self, message: int, left: int, until: float, before: list[Place | None], unheard: list[int]
    ) -> Place | None:
        """The turn of a message that names none. left: how often it is still to come, this time included."""
        role = role_of(message)
        mine = self._said.get(message)
        if role == ASSISTANT and before and (asked := before[-1]) is not None and asked[1] == USER:
            turn = self.seen.turns[asked[0]]
            if turn.answer == message:
                return asked[0], ASSISTANT
            if mine is None and unheard and unheard[-1] == asked[0]:
                return unheard.pop(), ASSISTANT
        if mine is not None:
            said = bisect_right(mine, until, key=lambda op: self.own[op].sent) if len(mine) > 1 else 1
            return mine[max(0, said - left)], role
        if role == ASSISTANT and unheard:
            # Nobody heard the answer of a turn that timed out; the next words after its question are it.
            return unheard.pop(), ASSISTANT
        others = self.seen.turns_of(message)
        return (others[0], role) if others else None

    def _unheard(self, op: int) -> bool:
        turn = self.seen.turns.get(op)
        return turn is not None and turn.end != "ok"

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
