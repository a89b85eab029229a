"""Who said what first, and who alone: what tells whose a message in somebody's prompt is, and what nobody else typed.

Nothing is guessed. A text that several typed is nobody's; what was told to somebody before its user typed it is public;
users who share a session are not told apart; without a user's name nothing is certain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from rag.crosstalk.log.events import Message
from rag.crosstalk.log.foreign.exchange import Exchange
from rag.crosstalk.log.foreign.found import TYPED, own

LEAST = 6
"""Letters and digits of a message that tells whose it is."""
TELLING = 20
"""The same, where it is only suspected."""
SHOWN = 200
"""Characters of a message by which it is looked for."""

Said = tuple[str, str]
"""Role and text."""


@dataclass(frozen=True, slots=True)
class Person:
    """sure: named by the log, and alone in the session."""

    user: str
    session: str
    sure: bool


@dataclass(slots=True)
class _Saying:
    """owner: None: several. ops: the turns that said it. since: the first of them."""

    owner: str | None
    since: float
    ops: list[int]


@dataclass(slots=True)
class _Typed:
    owner: str | None
    op: int
    written: str
    elsewhere: bool = False


@dataclass(slots=True)
class Sayings:
    """Of turns in order of their times; a turn's op is its place."""

    turns: Sequence[Exchange]
    people: Sequence[Person]
    _said: dict[Said, _Saying] = field(default_factory=dict)
    _of_session: dict[str, set[Said]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for op, (turn, person) in enumerate(zip(self.turns, self.people, strict=True)):
            self._note(("user", turn.text), person, turn.t, op)
            if turn.answer is not None:
                self._note(("assistant", turn.answer), person, turn.t_end, op)

    def _note(self, said: Said, person: Person, t: float, op: int) -> None:
        known = self._said.setdefault(said, _Saying(person.user, t, []))
        known.since = min(known.since, t)
        known.owner = known.owner if known.owner == person.user else None
        known.ops.append(op)
        self._of_session.setdefault(person.session, set()).add(said)

    def whose(self, op: int) -> tuple[tuple[Message, ...], dict[int, str]]:
        """The prompt of a turn, in which only what is the session's own or certainly somebody else's is a user's or an
        assistant's; and by turn, the messages in it that may be another's."""
        turn, person = self.turns[op], self.people[op]
        mine = self._of_session[person.session]
        unexplained, foreign = False, dict[int, _Saying]()
        for at, message in enumerate(turn.prompt or ()):
            key = message.role, message.text
            if message.role not in ("user", "assistant") or key in mine:
                continue
            saying = self._said.get(key)
            if saying is None or saying.since > turn.t_end:
                unexplained = True
            elif saying.owner is not None and saying.owner != person.user:
                foreign[at] = saying
        whole = self._whole_turns(turn.prompt or (), foreign)
        given, suspected = [], dict[int, str]()
        for at, message in enumerate(turn.prompt or ()):
            certain = message.role not in ("user", "assistant") or (message.role, message.text) in mine
            if (saying := foreign.get(at)) is not None:
                owner = self.people[saying.ops[0]]
                size = sum(map(str.isalnum, message.text[: 10 * TELLING]))
                certain = owner.sure and person.sure and size >= LEAST
                certain = certain and (not unexplained or not whole.isdisjoint(saying.ops))
                if not certain and size >= TELLING:
                    suspected[saying.ops[0]] = message.text[:SHOWN]
            given.append(message if certain else Message("context", message.text))
        return tuple(given), suspected

    def _whole_turns(self, prompt: Sequence[Message], foreign: dict[int, _Saying]) -> set[int]:
        """Turns of which both the question and the answer are there."""
        asked: set[int] = set()
        answered: set[int] = set()
        for at, saying in foreign.items():
            (asked if prompt[at].role == "user" else answered).update(saying.ops)
        return asked & answered

    def own_texts(self) -> Iterator[tuple[int, str]]:
        """(op, text) of what one user alone typed, and what was seen elsewhere afterwards."""
        typed: dict[str, _Typed] = {}
        public: set[str] = set()
        known: dict[str, dict[str, str]] = {}
        for _, ends, op in sorted(self._moments()):
            turn, person = self.turns[op], self.people[op]
            if not ends:
                for text, written in own(turn.text).items() if len(turn.text) <= TYPED else ():
                    there = typed.setdefault(text, _Typed(person.user, op, written))
                    there.owner = there.owner if there.owner == person.user else None
                continue
            for told in _told(turn):
                if told not in known:
                    known[told] = own(told)
                for text in known[told]:
                    there_too = typed.get(text)
                    if there_too is None:
                        public.add(text)
                    elif there_too.owner != person.user:
                        there_too.elsewhere = True
        shared = _shared(self.people)
        for text, one in typed.items():
            alone = one.owner is not None and self.people[one.op].session not in shared
            if one.elsewhere and alone and text not in public:
                yield one.op, one.written

    def _moments(self) -> Iterator[tuple[float, bool, int]]:
        for op, turn in enumerate(self.turns):
            yield turn.t, False, op
            yield turn.t_end, True, op


def _told(turn: Exchange) -> Iterable[str]:
    if turn.answer is not None:
        yield turn.answer
    yield from (message.text for message in turn.prompt or ())


def people(turns: Sequence[Exchange], *, user_per_session: bool) -> list[Person]:
    """Of each turn, whose it is. user_per_session: where the log names no user, each session is one."""
    users: dict[str, set[str]] = {}
    for turn in turns:
        if turn.user is not None:
            users.setdefault(_session(turn), set()).add(turn.user)
    found = []
    for turn in turns:
        session = _session(turn)
        known = users.get(session, set())
        user = turn.user or (next(iter(known)) if len(known) == 1 else None)
        sure = len(known) == 1 or (not known and user_per_session)
        found.append(Person(user or f"the user of session {session}", session, sure))
    return found


def _session(turn: Exchange) -> str:
    return turn.session or f"all of {turn.user}"


def _shared(found: Iterable[Person]) -> set[str]:
    users: dict[str, set[str]] = {}
    for one in found:
        users.setdefault(one.session, set()).add(one.user)
    return {session for session, here in users.items() if len(here) > 1}
