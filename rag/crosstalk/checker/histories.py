"""One session after the other: what was acknowledged, what is stored, and what each prompt had of it.

Turns are looked at in the order in which they were sent. A turn is *before* another one if it had ended before the
other was sent; only then is anything owed. What timed out may be stored or not, and is never missed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from rag.crosstalk.checker.observed import ASSISTANT, OTHER, USER, Observed, Stored, Turn, role_of
from rag.crosstalk.log.events import Clear

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

    def first(self) -> dict[Place, int]:
        """Where each message is, the first time, in the order of the list."""
        found: dict[Place, int] = {}
        for at, place in enumerate(self.places):
            if place is not None and place != UNSURE:
                found.setdefault(place, at)
        return found


@dataclass(eq=False)
class Session:
    """What is known of one session. window: turns that a prompt holds, whatever the log says; None: what it says."""

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

    @property
    def earlier(self) -> list[Stored]:
        """The reads before the last one, as they came."""
        return self.seen.earlier.get(self.id, [])

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
        if any(read.hits or read.messages.tolist() != told[: len(read.messages)] for read in self.earlier):
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
        return self.resolved(stored.messages, stored.t, stored=True)

    @cached_property
    def reads(self) -> list[tuple[Stored, Read]]:
        """Every time that what is stored was read, in order of time; the last one is `stored` and `final`."""
        if self.stored is None or self.final is None:
            return []
        earlier = sorted(self.earlier, key=lambda read: read.t)
        return [
            *((read, self.resolved(read.messages, read.t, stored=True)) for read in earlier),
            (self.stored, self.final),
        ]

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

    def resolved(self, messages: Sequence[int], until: float, *, stored: bool = False) -> Read:
        """Which turn each message belongs to, of those sent until then. stored: it was stored at that moment."""
        return Read(tuple(_Resolver(self, messages, until, stored=stored).places()))

    @cached_property
    def by_question(self) -> frozenset[int]:
        """The turns that are known by what they asked, or by their number if the log has it."""
        asked = Counter(turn.question for turn in self.turns)
        return frozenset(turn.op for turn in self.turns if asked[turn.question] == 1 or turn.op in self.seen.marked)

    @cached_property
    def by_answer(self) -> frozenset[int]:
        """Those of the others that are known by what they were answered, as all are that asked the same."""
        heard = (turn for alike in self.repeated if all(turn.end in ("ok", "fail") for turn in alike) for turn in alike)
        return frozenset(turn.op for turn in heard if turn.answer is not None and self.said[turn.answer] == [turn.op])

    @cached_property
    def repeated(self) -> list[list[Turn]]:
        """The turns that are not known by what they asked: those that asked the same together."""
        alike: dict[int, list[Turn]] = {}
        for turn in self.turns:
            if turn.op not in self.by_question:
                alike.setdefault(turn.question, []).append(turn)
        return list(alike.values())

    def sure(self, place: Place) -> bool:
        op, role = place
        return op in self.by_question or op not in self.own or (role == ASSISTANT and op in self.by_answer)

    def lacks(self, has: AbstractSet[Place], turn: Turn) -> bool:
        """Whether any of an answered turn is not there, as far as can be known."""
        return answer_of(turn) not in has or (turn.op in self.by_question and question_of(turn) not in has)

    def owed(self, turn: Turn, until: float) -> bool:
        """Whether it has to be stored then."""
        return turn.end == "ok" and turn.ended < until and not self.cleared_since(turn, until)

    @cached_property
    def said(self) -> dict[int, list[int]]:
        """By token: this session's turns whose question or answer it is."""
        said: dict[int, list[int]] = {}
        for turn in self.turns:
            for message in dict.fromkeys((turn.question, *turn.answers)):
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
    turns that timed out were never heard. Of turns that asked the same, a question is that of the answer after it.

    stored: it was stored at that moment, when turns were under way whose answers nobody had heard yet."""

    def __init__(self, session: Session, messages: Sequence[int], until: float, *, stored: bool) -> None:
        self.session = session
        self.turns = session.seen.turns
        self.messages = said(messages)
        self.until = until
        self.stored = stored
        self.at = 0
        self.left: Counter[int] | None = None
        """How often each message is still to come, from when that is first asked."""
        self.unheard: list[int] = []
        """Turns whose question was there and whose answer nobody heard."""
        self.answered: set[int] = set()
        """Turns whose answer was there."""

    def places(self) -> Iterator[Place | None]:
        before: Place | None = None
        asked = -1
        for at, message in enumerate(self.messages):
            self.at = at
            role = role_of(message)
            if message & 1:
                before = self._marked(message, role)
            elif role == USER:
                before = self._asked(message)
            else:
                before = self._answered(message, before, asked)
            if self.left is not None:
                self.left[message] -= 1
            if role == USER:
                asked = message
            if before is not None and before != UNSURE:
                op = before[0]
                if role == ASSISTANT:
                    self.answered.add(op)
                    if self.unheard and self.unheard[-1] == op:
                        self.unheard.pop()
                elif self._unheard(self.turns[op]):
                    self.unheard.append(op)
            yield before

    def _unheard(self, turn: Turn) -> bool:
        """Whether its answer may be one that the log does not tell."""
        return turn.end != "ok" or (self.stored and turn.ended > self.until)

    def _marked(self, message: int, role: int) -> Place | None:
        """A message that names its turn."""
        return (message >> 3, role) if message >> 3 in self.turns else None

    def _asked(self, message: int) -> Place | None:
        mine = self.session.said.get(message)
        if mine is None:
            ops = self.session.seen.turns_of(message)
            return (ops[0], USER) if ops else None
        if len(mine) == 1:
            return mine[0], USER
        if mine[0] not in self.session.by_question and self.at + 1 < len(self.messages):
            theirs = self.session.said.get(self.messages[self.at + 1], ())
            if len(theirs) == 1 and theirs[0] in mine and theirs[0] in self.session.by_answer:
                return theirs[0], USER
        place = (self._newest(message, mine), USER)
        return place if self.session.sure(place) else UNSURE

    def _answered(self, message: int, before: Place | None, asked: int) -> Place | None:
        """before: where the message before it belongs; asked: the last question."""
        ops = self.session.seen.turns_of(message)
        mine = self.session.said.get(message)
        if before == UNSURE:
            if len(ops) > 1 and (mine is None or len(mine) > 1):
                return UNSURE
            unheard = any(self._unheard(self.turns[op]) for op in self.session.said.get(asked, ()))
            if unheard and (len(ops) != 1 or ops[0] in self.answered):
                return UNSURE
        elif before is not None:
            if message in self.turns[before[0]].answers:
                return before[0], ASSISTANT
            unheard = bool(self.unheard) and before == (self.unheard[-1], USER)
            if unheard and (len(ops) != 1 or ops[0] in self.answered):
                return before[0], ASSISTANT
        if mine is not None:
            op = mine[0] if len(mine) == 1 else self._newest(message, mine)
            return (op, ASSISTANT) if self.session.sure((op, ASSISTANT)) else UNSURE
        if self.unheard and len(ops) != 1:
            return self.unheard.pop(), ASSISTANT
        return (ops[0], ASSISTANT) if ops else None

    def _newest(self, message: int, mine: list[int]) -> int:
        """Of several turns with this answer: the newest ones, in their order."""
        if self.left is None:
            self.left = Counter(self.messages[self.at :])
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
