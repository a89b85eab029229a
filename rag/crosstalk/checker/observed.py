"""One pass over a log: leaks are found as the texts go by; of all else, only what the later checks need is kept.

A message is kept as one number, made of its role and text or, where the log says so, of its turn. So the memory that a
log takes grows with its messages, not with their length.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from rag.crosstalk.checker.anomalies import (
    CORRUPT,
    FOREIGN_READ,
    FOREIGN_WRITE,
    RETRIEVAL_LEAK,
    SUSPECTED_READ,
    Surface,
)
from rag.crosstalk.checker.canaries import Canaries, Foreseen, spelt_at
from rag.crosstalk.checker.findings import Anomaly, Findings
from rag.crosstalk.log.events import (
    Clear,
    Control,
    Delete,
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

End = Literal["", "ok", "fail", "info"]
USER, ASSISTANT, OTHER = 0, 1, 2
_ROLES = {"user": USER, "human": USER, "assistant": ASSISTANT, "ai": ASSISTANT}
_MASK = (1 << 57) - 1
AROUND = 60
BRIEF = 80
CONTROL = -1
HINT = -2
"""This and below: by place in `hints`."""
LEFT = ("cancelled", "stopped", "the replay was refused")
"""How the error of a turn begins that says nothing against the service: its user went away, or had no right to it."""
REMEMBERED = 20_000
RECENT = 20
"""Turns of a session among which those under way at the same time are looked for."""
NEVER = (float("inf"), "")
_NONE: AbstractSet[int] = frozenset()


@dataclass(slots=True, eq=False)
class Turn:
    """number: of its user, from 1, in the order in which they were sent. stated: canaries in its text. prompt: its
    messages; None: not logged. window: turns of memory that it holds; None: all."""

    op: int
    user: str
    session: str
    sent: float
    number: int
    brief: str
    question: int
    stated: tuple[int, ...]
    expects: tuple[int, ...]
    window: int | None = None
    end: End = ""
    ended: float = 0.0
    answer: int | None = None
    made: int | None = None
    """What its model answered, where that is known and its user was told something else: either may be stored."""
    prompt: array[int] | None = None
    told: tuple[int, ...] = ()
    """Canaries in its answer, its own user's included."""
    shape: str = ""
    recalls: bool = False
    """Whether its prompt or answer held something that its user had stated before."""
    refused: bool = False
    """Whether it got no answer, and not because its user had left."""
    silent: bool = False
    """Whether its answer has neither letters nor digits."""
    beside: tuple[int, ...] = ()
    """Turns of its session under way at the same time whose questions its answer repeats."""
    leaked_in: dict[Surface, array[int]] | None = None

    @property
    def answers(self) -> tuple[int, ...]:
        return tuple([one for one in (self.answer, self.made) if one is not None])

    def leaked(self, surface: Surface) -> Sequence[int]:
        """The canaries of others that were seen there."""
        return self.leaked_in.get(surface, ()) if self.leaked_in else ()


@dataclass(frozen=True, slots=True)
class Stored:
    """One read of a session. hits: the place of a message and a canary of somebody else in it, in turns. unlike: the
    place of a message that names its turn and the token of its text, in turns, where it was not known to be the turn's.
    """

    t: float
    messages: array[int]
    hits: array[int]
    unlike: array[int]


class Step(NamedTuple):
    """A turn that was answered, at t seconds. shown, held: whose data was in its answer, and in its prompt."""

    t: float
    user: str
    shown: str | None
    held: str | None


@dataclass(slots=True)
class Hint:
    """What only its owner should be told of, if nobody else said it: user is None then."""

    text: str
    user: str | None


@dataclass(frozen=True, slots=True)
class Canary:
    text: str
    user: str
    op: int
    t: float


def token(role: int, text: str) -> int:
    """What a message without a turn is known by: even. The role is in the next two bits."""
    return (hash(text) & _MASK) << 3 | role << 1


def place_of(op: int, role: int) -> int:
    """What a message of a known turn is known by: odd. The role is in the next two bits."""
    return op << 3 | role << 1 | 1


def role_of(message: int) -> int:
    return message >> 1 & 3


class Observed:
    def __init__(self, index: Canaries | Foreseen | None = None, *, counted_only: bool = False) -> None:
        self.turns: dict[int, Turn] = {}
        self.sessions: dict[str, list[Turn]] = {}
        self.stored: dict[str, Stored] = {}
        """The last read of each session."""
        self.earlier: dict[str, list[Stored]] = {}
        """The reads before that, as they came."""
        self.clears: dict[str, list[Clear]] = {}
        self.deletes: list[Delete] = []
        self.texts: dict[int, int | list[int]] = {}
        """From the token of a question or answer to its turn or turns."""
        self.marked: set[int] = set()
        """Turns that messages name."""
        self.canaries: list[Canary] = []
        self.hints: list[Hint] = []
        self.findings = Findings(counted_only=counted_only)
        self.recalled: set[int] = set()
        self.controls_seen: set[str] = set()
        self.twice: set[str] = set()
        self.white = False
        self.memory_required = False
        self.keeps = True
        """Whether the service is to remember anything at all."""
        self.answered = 0
        self._index: Canaries | Foreseen = Canaries() if index is None else index
        self._meaning: list[int] = []
        """By number in the index: place in `canaries`, CONTROL, or HINT and below."""
        self._own: dict[str, set[int]] = {}
        """Canaries of others that a user typed: repeating them to that user tells nothing new."""
        self._users: dict[str, int] = {}
        """How many turns each has sent."""
        self._stated: tuple[tuple[float, str], tuple[float, str]] = (NEVER, NEVER)
        """When the first canary was sent, and by whom; and the first one of anybody else."""
        self._evidence: dict[tuple[int, int], str] = {}
        self._unknown: dict[int, str] = {}
        """By token: stored messages that nobody had sent by then."""
        self._takers: dict[type[Event], Callable[[Any], None]] = {
            Invoke: self._invoke,
            Prompt: self._prompt,
            Retrieved: self._retrieved,
            Ok: self._end,
            Fail: self._end,
            Info: self._end,
            History: self._history,
            Clear: self._clear,
            Delete: self.deletes.append,
            Control: self._control,
        }

    def take(self, event: Event) -> None:
        """Raises ValueError for an event that contradicts an earlier one."""
        self._takers[type(event)](event)

    def turns_of(self, message: int) -> Sequence[int]:
        """The turns that a message may belong to."""
        if message & 1:
            return (message >> 3,)
        found = self.texts.get(message, ())
        return (found,) if isinstance(found, int) else found

    @property
    def users(self) -> int:
        """How many were answered at least once."""
        return len({turn.user for turn in self.turns.values() if turn.end == "ok"})

    def foreign_capable(self, turn: Turn) -> bool:
        """Whether somebody else's canary had been sent before this turn ended. To be asked once the log is read."""
        return any(t < turn.ended and user != turn.user for t, user in self._stated)

    @property
    def chances(self) -> int:
        """Answered turns in which somebody else's data could have been seen: it had been stated by then. To be asked
        once the log is read."""
        return sum(turn.end == "ok" and self.foreign_capable(turn) for turn in self.turns.values())

    def steps(self) -> list[Step]:
        """In the order in which they ended."""
        answered = sorted((turn for turn in self.turns.values() if turn.end == "ok"), key=lambda turn: turn.ended)
        return [
            Step(turn.ended, turn.user, self._whose(turn, "answer"), self._whose(turn, "prompt")) for turn in answered
        ]

    def _whose(self, turn: Turn, surface: Surface) -> str | None:
        return next((self.canary(number).user for number in turn.leaked(surface)), None)

    @property
    def looked(self) -> int:
        """How many texts were looked through for canaries."""
        return self._index.looked

    # --- events

    def _invoke(self, event: Invoke) -> None:
        op, user, text = event.op, event.user, event.text
        if op in self.turns:
            raise ValueError(f"op {op} was invoked before: expected a number of its own for each turn")
        plants = [self._plant(plant, event) for plant in event.plants]
        named = [number for expected in event.expects for number in self._index.named(expected)]
        expects = tuple([number for number in named if self._meaning[number] >= 0])
        for hint in event.hints:
            self._hint(hint, user)
        stated, hinted = self._apart(self._index.find(text))
        if plants and not set(plants).issubset(stated):
            stated = (*stated, *plants)
        number = self._users[user] = self._users.get(user, 0) + 1
        question = token(USER, text)
        turn = Turn(op, user, event.session, event.t, number, text[:BRIEF], question, stated, expects, event.window)
        turn.shape = event.shape or ""
        self.turns[op] = turn
        self.sessions.setdefault(event.session, []).append(turn)
        self._text(question, op)
        for canary in (*stated, *hinted):
            if not self._control_seen(canary) and self._owner(canary) != user:
                self._own.setdefault(user, set()).add(canary)

    def _prompt(self, event: Prompt) -> None:
        self.white = True
        turn = self._turn(event.op)
        found: dict[int, str] = {}
        for message in event.messages:
            for canary in self._index.find(message.text):
                found.setdefault(canary, message.text)
        self._seen(turn, found, "prompt", turn.sent)
        # A turn that another one overtook asks again: what it answers follows from its last prompt.
        turn.prompt = self._messages(event.messages)

    def _retrieved(self, event: Retrieved) -> None:
        self.white = True
        turn = self._turn(event.op)
        for document in event.documents:
            if document.owner in ("shared", turn.session):
                for canary in self._index.find(document.text):
                    self._control_seen(canary)
                continue
            theirs = self.sessions.get(document.owner)
            owner = theirs[0].user if theirs else document.owner
            self.findings.add(
                RETRIEVAL_LEAK,
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
        if turn.end:
            raise ValueError(f"op {event.op} ended twice: expected one ok, fail or info for each turn")
        turn.ended = max(event.t, turn.sent)
        if isinstance(event, Ok):
            turn.end, turn.answer = "ok", token(ASSISTANT, event.answer)
            if event.completion is not None:
                self.completed(turn, token(ASSISTANT, event.completion))
            self.answered += 1
            self._text(turn.answer, event.op)
            found = self._index.find(event.answer)
            turn.told, _ = self._apart(found)
            self._seen(turn, dict.fromkeys(found, event.answer), "answer", turn.ended)
            self._heard(turn, event.answer)
        else:
            turn.end = "fail" if isinstance(event, Fail) else "info"
            turn.refused = not event.error.startswith(LEFT)

    def _history(self, event: History) -> None:
        self.white = True
        foreign, hits = self._foreign(event.session), array("q")
        for place, message in enumerate(event.messages):
            for canary in self._index.find(message.text):
                if self._meaning[canary] > HINT and not self._control_seen(canary) and foreign(canary):
                    hits.extend((place, canary))
                    self._keep(message, canary)
        messages = self._messages(event.messages)
        read = Stored(event.t, messages, hits, self._unlike(event.messages, messages))
        before = self.stored.setdefault(event.session, read)
        if before is not read:
            earlier, self.stored[event.session] = (before, read) if read.t >= before.t else (read, before)
            self.earlier.setdefault(event.session, []).append(earlier)

    def _clear(self, event: Clear) -> None:
        self.clears.setdefault(event.session, []).append(event)

    def _control(self, event: Control) -> None:
        number, new = self._index.add(event.canary)
        if new:
            self._meaning.append(CONTROL)
        elif self._meaning[number] != CONTROL:
            self.twice.add(event.canary)

    # --- canaries

    def canary(self, number: int) -> Canary:
        return self.canaries[self._meaning[number]]

    def has_leaked(self, turn: Turn, surface: Surface, canary: str) -> bool:
        """Whether this very canary of somebody else was seen there."""
        return not set(self._index.named(canary)).isdisjoint(turn.leaked(surface))

    def _plant(self, text: str, event: Invoke) -> int:
        number, new = self._index.add(text)
        if not new:
            self.twice.add(text)
            return number
        self._meaning.append(len(self.canaries))
        self.canaries.append(Canary(text, event.user, event.op, event.t))
        first, others = self._stated
        mine = (event.t, event.user)
        if event.user == first[1]:
            self._stated = min(first, mine), others
        else:
            self._stated = (mine, first) if mine < first else (first, min(others, mine))
        return number

    def _hint(self, text: str, user: str) -> None:
        number, new = self._index.add(text)
        if new:
            self._meaning.append(HINT - len(self.hints))
            self.hints.append(Hint(text, user))
        elif (hint := self._hint_of(number)) is not None and hint.user != user:
            hint.user = None

    def _hint_of(self, number: int) -> Hint | None:
        place = self._meaning[number]
        return self.hints[HINT - place] if place <= HINT else None

    def _apart(self, found: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Canaries, and hints."""
        if not self.hints:
            return found, ()
        meaning = self._meaning
        return tuple([n for n in found if meaning[n] > HINT]), tuple([n for n in found if meaning[n] <= HINT])

    def _owner(self, number: int) -> str | None:
        place = self._meaning[number]
        if place <= HINT:
            return self.hints[HINT - place].user
        return None if place == CONTROL else self.canaries[place].user

    def _control_seen(self, number: int) -> bool:
        if self._meaning[number] != CONTROL:
            return False
        self.controls_seen.add(self._index.texts[number])
        return True

    def _seen(self, turn: Turn, found: dict[int, str], surface: Surface, t: float) -> None:
        """Canaries in the texts of one turn: leaks, if they are somebody else's and the user did not bring them in."""
        if not found:
            return
        before, own = frozenset(turn.leaked(surface)), self._own.get(turn.user, _NONE)
        foreign, hinted = array("q", before), list[int]()
        for number, text in found.items():
            if self._control_seen(number):
                continue
            if self._meaning[number] <= HINT:
                hinted.append(number)
                continue
            canary = self.canary(number)
            if canary.user == turn.user:
                # What it repeats of its own question takes no memory.
                if number not in turn.stated:
                    self.recalled.add(number)
                    turn.recalls = True
            elif number not in before and number not in own:
                foreign.append(number)
                self._leak(turn, canary, text, surface, t)
        if foreign:
            turn.leaked_in = {**(turn.leaked_in or {}), surface: foreign}
        sure = {self.canary(number).user for number in foreign}
        for number in hinted:
            self._suspect(turn, number, found[number], surface, t, own, sure)

    def _suspect(
        self, turn: Turn, number: int, text: str, surface: Surface, t: float, own: AbstractSet[int], sure: set[str]
    ) -> None:
        """A hint at somebody else, of whom nothing certain was seen there."""
        hint = self._hint_of(number)
        if hint is None or hint.user is None or hint.user == turn.user or number in own or hint.user in sure:
            return
        sure.add(hint.user)
        one = SUSPECTED_READ
        self.findings.suspect(
            Anomaly(
                one.kind,
                one.severity,
                turn.op,
                turn.session,
                hint.user,
                surface,
                around(text, hint.text),
                "",
                t,
                turn.user,
                hint.text,
            )
        )

    def _heard(self, turn: Turn, answer: str) -> None:
        """Whether it is silent, or repeats what was asked beside it."""
        turn.silent = not any(map(str.isalnum, answer))
        turn.beside = tuple(
            one.op
            for one in self.sessions[turn.session][-RECENT:]
            if one is not turn and (not one.end or one.ended > turn.sent) and one.brief and one.brief in answer
        )

    def _leak(self, turn: Turn, canary: Canary, text: str, surface: Surface, t: float) -> None:
        self.findings.add(
            FOREIGN_READ,
            t,
            surface=surface,
            session=turn.session,
            user=turn.user,
            op=turn.op,
            owner=canary.user,
            owner_op=canary.op,
            canary=canary.text,
            evidence=around(text, canary.text) if self.findings.wanted(FOREIGN_READ) else "",
        )

    def _foreign(self, session: str) -> Callable[[int], bool]:
        """Whether a canary is none that the users of this session stated or brought in."""
        users = {turn.user for turn in self.sessions.get(session, ())}
        brought = set().union(*(self._own.get(user, _NONE) for user in users))
        return lambda number: self._owner(number) not in users and number not in brought

    def _keep(self, message: Message, number: int) -> None:
        """The evidence, once for all the sessions that hold the message."""
        key = (_message(message), number)
        if self.findings.wanted(FOREIGN_WRITE) and len(self._evidence) < REMEMBERED and key not in self._evidence:
            self._evidence[key] = around(message.text, self._index.texts[number])

    def _unlike(self, messages: Sequence[Message], keys: Sequence[int]) -> array[int]:
        """As in Stored; the texts of messages that may turn out to be nobody's are kept on the way."""
        found = array("q")
        known = self.texts
        for place in [place for place, key in enumerate(keys) if key not in known]:
            said, text = (key := keys[place]), messages[place].text
            if key & 1:
                turn, role = self.turns.get(key >> 3), role_of(key)
                said = token(role, text)
                if turn is not None and said in ((turn.question,) if role == USER else turn.answers):
                    continue
                found.extend((place, said))
            elif role_of(key) == OTHER:
                continue
            if self.findings.wanted(CORRUPT) and len(self._unknown) < REMEMBERED:
                self._unknown.setdefault(said, text[: 2 * AROUND])
        return found

    def text(self, said: int) -> str:
        """The beginning of a stored message that nobody sent, by its token; nothing where there are too many."""
        return self._unknown.get(said, "")

    def evidence(self, message: int, number: int) -> str:
        """The text around a canary in a stored message; nothing where there is too much of it."""
        return self._evidence.get((message, number), "")

    # --- turns

    def completed(self, turn: Turn, made: int) -> None:
        """By its model, with another answer than its user was told; made: the token of its text."""
        turn.made = made
        self._text(made, turn.op)

    def _turn(self, op: int) -> Turn:
        turn = self.turns.get(op)
        if turn is None:
            raise ValueError(f"op {op} was never invoked: expected its invoke on an earlier line")
        return turn

    def _messages(self, messages: Sequence[Message]) -> array[int]:
        self.marked.update([message.op for message in messages if message.op is not None and message.role in _ROLES])
        return array("q", [_message(message) for message in messages])

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
    at = text.casefold().find(canary.casefold())
    found = (at, at + len(canary)) if at >= 0 else spelt_at(text, canary)
    if found is None:
        return text[: 2 * AROUND] + ("…" if len(text) > 2 * AROUND else "")
    start, end = max(0, found[0] - AROUND), found[1] + AROUND
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")
