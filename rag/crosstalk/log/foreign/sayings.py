"""Who said what, and who alone: what tells whose a message in somebody's prompt is.

A message of another's is certain where nothing else explains it. An export may leave turns out, and then a user may
have said what only another one's turn is there for: so its prompt has to be known from the log but for it, or to hold
its answer, too; and where any prompt shows that turns were left out, it has to be one that nobody says by chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from rag.crosstalk.log.events import Message
from rag.crosstalk.log.foreign.exchange import Exchange
from rag.crosstalk.log.foreign.found import own
from rag.crosstalk.log.foreign.people import Person

LEAST = 6
"""Letters and digits of a message that tells whose it is."""
TELLING = 20
"""The same, where it is only suspected."""
SHOWN = 200
"""Characters of a message by which it is looked for."""
SIDES = ("user", "assistant")

Said = tuple[str, str]
"""Role and text."""


@dataclass(slots=True)
class _Saying:
    """owner: None: several. ops: the turns that said it. since: the first of them."""

    owner: str | None
    since: float
    ops: list[int]


@dataclass
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
        prompt, person = self.turns[op].prompt or (), self.people[op]
        mine = self._of_session[person.session]
        foreign, unexplained = self._foreign(op)
        whole, telling = _whole_turns(prompt, foreign), _telling(prompt, foreign)
        given, suspected = [], dict[int, str]()
        for at, message in enumerate(prompt):
            certain = message.role not in SIDES or (message.role, message.text) in mine
            if (saying := foreign.get(at)) is not None:
                size = sum(map(str.isalnum, message.text[: 10 * TELLING]))
                certain = (
                    self.people[saying.ops[0]].sure
                    and person.sure
                    and size >= LEAST
                    and (not unexplained or not whole.isdisjoint(saying.ops))
                    and (self._complete or saying.owner in telling)
                )
                if not certain and size >= TELLING:
                    suspected[saying.ops[0]] = message.text[:SHOWN]
            given.append(message if certain else Message("context", message.text))
        return tuple(given), suspected

    def _foreign(self, op: int) -> tuple[dict[int, _Saying], list[str]]:
        """What one other user alone had said by then, by its place in the prompt; and what nobody had, of the users'
        side or the assistant's."""
        turn, person = self.turns[op], self.people[op]
        mine = self._of_session[person.session]
        found: dict[int, _Saying] = {}
        unexplained = []
        for at, message in enumerate(turn.prompt or ()):
            key = message.role, message.text
            if message.role not in SIDES or key in mine:
                continue
            saying = self._said.get(key)
            if saying is None or saying.since > turn.t_end:
                unexplained.append(message.text)
            elif saying.owner is not None and saying.owner != person.user:
                found[at] = saying
        return found, unexplained

    @cached_property
    def _complete(self) -> bool:
        """Whether all turns seem to be there: what nobody said is in the prompts of several users, as examples are."""
        users: dict[str, str | None] = {}
        for op, person in enumerate(self.people):
            for text in self._foreign(op)[1]:
                known = users.setdefault(text, person.user)
                users[text] = known if known == person.user else None
        return not any(users.values())


def _telling(prompt: Sequence[Message], foreign: Mapping[int, _Saying]) -> set[str | None]:
    """The users of whom it holds a question that is surely theirs, or two questions."""
    asked: dict[str | None, set[str]] = {}
    for at, saying in foreign.items():
        if prompt[at].role == "user":
            asked.setdefault(saying.owner, set()).add(prompt[at].text)
    return {user for user, texts in asked.items() if len(texts) > 1 or any(map(own, texts))}


def _whole_turns(prompt: Sequence[Message], foreign: Mapping[int, _Saying]) -> set[int]:
    """Turns of which both the question and the answer are there."""
    asked: set[int] = set()
    answered: set[int] = set()
    for at, saying in foreign.items():
        (asked if prompt[at].role == "user" else answered).update(saying.ops)
    return asked & answered
