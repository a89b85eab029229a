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
from rag.crosstalk.observed import ASSISTANT, OTHER, USER, Observed, Stored, Turn, role_of

Place = tuple[int, int]
"""A turn's op and a role: one message of one turn."""
UNSURE: Place = (-1, -1)
"""A message of one of several turns of the session that asked the same: nothing is said about them."""


@dataclass(frozen=True, slots=True)
class Read:
    """A list of messages, resolved: for each the turn and role, or None for one that nobody sent."""

    places: tuple[Place | None, ...]

    def places_known(self) -> Iterator[Place]:
        return (place for place in self.places if place is not None and place != UNSURE)

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

    @property
    def stored(self) -> Stored | None:
        return self.seen.stored.get(self.id)

    @cached_property
    def in_order(self) -> bool:
        """Whether nothing can be wrong here: one user, one turn after the other, each was given all before it and, at
        the end, all is stored, as it was said. Nearly all sessions are like that, and are not looked at any closer.

        What two turns of the log have said alike is looked at closer: one of them may have taken the other's place.
        """
        if self.clears or self.user is None:
            return False
        told: list[int] = []
        before = float("-inf")
        for turn in self.turns:
            if turn.end != "ok" or turn.answer is None or turn.prompt is None or turn.sent <= before:
                return False
            told.append(turn.question)
            if turn.user != self.user or said(turn.prompt) != told:
                return False
            told.append(turn.answer)
            before = turn.ended
        stored = self.stored
        if stored is not None and (stored.hits or stored.messages.tolist() != told):
            return False
        return all(isinstance(self.seen.texts.get(message), int) for message in told)

    @cached_property
    def own(self) -> dict[int, Turn]:
        return {turn.op: turn for turn in self.turns}

    @cached_property
    def final(self) -> Read | None:
        stored = self.stored
        if stored is None:
            return None
        if self.in_order:
            return Read(tuple([place for turn in self.turns for place in (question_of(turn), answer_of(turn))]))
        return self.resolved(stored.messages, stored.t)

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
    def told_apart(self) -> list[Turn]:
        """The turns that are known by what they asked, or by their number if the log has it."""
        asked = Counter(turn.question for turn in self.turns)
        return [turn for turn in self.turns if asked[turn.question] == 1 or turn.op in self.seen.marked]

    @cached_property
    def _judged(self) -> frozenset[int]:
        return frozenset(turn.op for turn in self.told_apart)

    def sure(self, op: int) -> bool:
        return op in self._judged or op not in self.own

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
        if not self.clears:
            return float("-inf")
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
    """One list of messages. A message is known by its turn's number, or by its text; answers may be alike, and those of
    turns that timed out were never heard."""

    def __init__(self, session: Session, messages: Sequence[int], until: float) -> None:
        self.session = session
        self.turns = session.seen.turns
        self.messages = messages
        self.until = until
        self.left = Counter(messages)
        self.unheard: list[int] = []
        """Turns whose question was there and whose answer nobody heard."""

    def places(self) -> Iterator[Place | None]:
        before: Place | None = None
        for message in self.messages:
            role = role_of(message)
            if role == OTHER:
                continue
            before = self._marked(message, role) if message & 1 else self._meant(message, role, before)
            self.left[message] -= 1
            if before is not None and role == USER and before != UNSURE and self.turns[before[0]].end != "ok":
                self.unheard.append(before[0])
            yield before

    def _marked(self, message: int, role: int) -> Place | None:
        """A message that names its turn."""
        return (message >> 3, role) if message >> 3 in self.turns else None

    def _meant(self, message: int, role: int, before: Place | None) -> Place | None:
        ops = self.session.seen.turns_of(message)
        if role == ASSISTANT and before is not None:
            if before == UNSURE and len(ops) != 1:
                return UNSURE
            if before != UNSURE and self.turns[before[0]].answer == message:
                return before[0], role
            if self.unheard and before == (self.unheard[-1], USER) and len(ops) != 1:
                return self.unheard.pop(), role
        if (mine := self.session.said.get(message)) is not None:
            op = mine[0] if len(mine) == 1 else self._newest(message, mine)
            return (op, role) if self.session.sure(op) else UNSURE
        if role == ASSISTANT and self.unheard and len(ops) != 1:
            return self.unheard.pop(), role
        return (ops[0], role) if ops else None

    def _newest(self, message: int, mine: list[int]) -> int:
        """Of several turns with this answer: the newest ones, in their order."""
        until = bisect_right(mine, self.until, key=lambda op: self.turns[op].sent)
        return mine[max(0, until - self.left[message])]


def _latest(pairs: Iterable[tuple[float, float]]) -> tuple[list[float], list[float]]:
    ordered = sorted(pairs)
    latest = accumulate((second for _, second in ordered), max, initial=float("-inf"))
    return [first for first, _ in ordered], list(latest)


def sessions(seen: Observed, window: int | None) -> Iterator[Session]:
    for session in dict.fromkeys([*seen.sessions, *seen.stored]):
        turns = sorted(seen.sessions.get(session, ()), key=lambda turn: (turn.sent, turn.op))
        yield Session(session, turns, seen, window, seen.clears.get(session, []))


def said(messages: Iterable[int]) -> list[int]:
    """Without what the service says itself."""
    return [message for message in messages if role_of(message) != OTHER]


def question_of(turn: Turn) -> Place:
    return turn.op, USER


def answer_of(turn: Turn) -> Place:
    return turn.op, ASSISTANT
