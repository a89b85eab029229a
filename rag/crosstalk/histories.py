"""One session after the other: what was acknowledged, what is stored, and what each prompt had of it.

Turns are looked at in the order in which they were sent. A turn is *before* another one if it had ended before the
other was sent; only then is anything owed. What timed out may be stored or not, and is never missed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

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
        return None if stored is None else self.resolved(stored.messages)

    @cached_property
    def prompts(self) -> dict[int, Read]:
        """By op: what each turn's model was given before its own question."""
        found = {}
        for turn in self.turns:
            if turn.prompt is not None:
                read = self.resolved(turn.prompt)
                places = [place for place in read.places if place is None or place[0] != turn.op]
                found[turn.op] = Read(tuple(places))
        return found

    def resolved(self, messages: Sequence[int]) -> Read:
        """Which turn each message belongs to: of this session where it can be, each turn once as long as they last."""
        used: Counter[int] = Counter()
        places: list[Place | None] = []
        unheard: list[int] = []
        for message in messages:
            role = role_of(message)
            if role == OTHER:
                continue
            if message & 1:
                place = (message >> 3, role) if message >> 3 in self.seen.turns else None
            else:
                place = self._meant(message, used[message])
                used[message] += 1
                if place is None and role == ASSISTANT and unheard:
                    # Nobody heard the answer of a turn that timed out; the next words after its question are it.
                    place = (unheard.pop(), ASSISTANT)
            if place is not None and role == USER and self._unheard(place[0]):
                unheard.append(place[0])
            places.append(place)
        return Read(tuple(places))

    def _meant(self, message: int, nth: int) -> Place | None:
        ops = self.seen.turns_of(message)
        if not ops:
            return None
        mine = [op for op in ops if op in self.own]
        among = mine or list(ops)
        op = among[min(nth, len(among) - 1)]
        return op, USER if self.seen.turns[op].question == message else ASSISTANT

    def _unheard(self, op: int) -> bool:
        turn = self.seen.turns.get(op)
        return turn is not None and turn.end in ("", "info")

    def cleared_since(self, turn: Turn, until: float) -> bool:
        """Whether this turn may have been deleted by then."""
        return any(turn.sent <= clear.t_ok and clear.t <= until for clear in self.clears)


def sessions(seen: Observed, window: int | None) -> Iterator[Session]:
    for session in dict.fromkeys([*seen.sessions, *seen.stored]):
        turns = sorted(seen.sessions.get(session, ()), key=lambda turn: (turn.sent, turn.op))
        yield Session(session, turns, seen, window, seen.clears.get(session, []))


def question_of(turn: Turn) -> Place:
    return turn.op, USER


def answer_of(turn: Turn) -> Place:
    return turn.op, ASSISTANT
