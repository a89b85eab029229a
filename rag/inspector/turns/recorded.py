"""The sessions of an operation log, as turns: what a simulation or a room recorded.

Whose a message of a prompt is, says the log (by its turn), or else its text: the session's own comes first, then the
only other one that said it. What several others said is nobody's. A planted canary is its owner's wherever it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from rag.crosstalk.log.events import Document, Event, Fail, Info, Invoke, Message, Ok, Prompt, Retrieved
from rag.inspector.parsing.message_parsers import Said
from rag.inspector.turns.model import EVERYBODY, Holds, Part, Turn
from rag.inspector.turns.model import Retrieved as Found
from rag.inspector.views.session import Element

MOST_TURNS = 3000
"""Of a recording that are read."""
_WORD = re.compile(r"[\w-]{4,200}")
_ROLES = {"human": "user", "ai": "assistant"}


@dataclass(slots=True)
class _Op:
    """A turn, as its events say."""

    invoke: Invoke
    number: int
    prompt: tuple[Message, ...] | None = None
    found: tuple[Document, ...] | None = None
    ended: Ok | Fail | Info | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A session of a recording. foreign: how many of its turns hold what is somebody else's."""

    id: str
    name: str
    turns: int
    foreign: int
    question: str


@dataclass(slots=True)
class Recording:
    """All that is kept of a log. whole: whether that is all there is."""

    whole: bool = True
    _ops: dict[int, _Op] = field(default_factory=dict)
    _sessions: dict[str, list[_Op]] = field(default_factory=dict)
    _said: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Text: the sessions in which it was said, the first two of them."""
    _planted: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """Last word of a canary: the canaries that end so, with their sessions."""
    _listed: list[Recorded] | None = None

    @classmethod
    def of(cls, events: Iterable[Event]) -> Recording:
        made = cls()
        for event in events:
            made._take(event)
        return made

    def _take(self, event: Event) -> None:
        if isinstance(event, Invoke):
            if len(self._ops) >= MOST_TURNS:
                self.whole = False
                return
            theirs = self._sessions.setdefault(event.session, [])
            op = self._ops[event.op] = _Op(event, len(theirs) + 1)
            theirs.append(op)
            self._say(event.text, event.session)
            for canary in event.plants:
                if words := _WORD.findall(canary):
                    self._planted.setdefault(words[-1].casefold(), []).append((canary, event.session))
        elif isinstance(event, Prompt | Retrieved | Ok | Fail | Info) and (known := self._ops.get(event.op)):
            if isinstance(event, Prompt):
                known.prompt = event.messages
            elif isinstance(event, Retrieved):
                known.found = event.documents
            else:
                known.ended = event
                if isinstance(event, Ok):
                    # What the model answered is this session's, whatever its user was told.
                    self._say(event.completion if event.completion is not None else event.answer, known.invoke.session)

    def _say(self, text: str, session_id: str) -> None:
        known = self._said.get(text, ())
        if session_id not in known and len(known) < 2:
            self._said[text] = (*known, session_id)

    def sessions(self) -> list[Recorded]:
        """Those with what is somebody else's first, then in the order in which they spoke. Looked at once."""
        if self._listed is None:
            self._listed = self._list()
        return self._listed

    def _list(self) -> list[Recorded]:
        found = []
        for session_id, ops in self._sessions.items():
            foreign = sum(turn.foreign(session_id) > 0 for turn in self.turns(session_id))
            first = ops[0].invoke
            found.append(Recorded(session_id, first.user, len(ops), foreign, first.text))
        return sorted(found, key=lambda one: -one.foreign)

    def people(self) -> dict[str, str]:
        """Whose each session is, as the log names its user."""
        return {session_id: ops[0].invoke.user for session_id, ops in self._sessions.items()}

    def turns(self, session_id: str) -> list[Turn]:
        """In the order in which they were sent."""
        return [self._turn(op) for op in self._sessions.get(session_id, ())]

    def _turn(self, op: _Op) -> Turn:
        invoke, end = op.invoke, op.ended
        said = [Element(0, Said("user", invoke.text, turn=op.number), b"")]
        holds: Holds = ()
        if isinstance(end, Ok):
            said.append(Element(1, Said("assistant", end.answer, turn=op.number), b""))
            holds = self._held(end.answer, invoke.session) or self._misrouted(end, invoke.session)
        trouble = "" if isinstance(end, Ok) else f"not answered: {end.error}" if end else "not answered"
        return Turn(
            op.number,
            tuple(said),
            when=f"{invoke.t:.2f} s",
            found=None if op.found is None else tuple(self._found(op.found)),
            prompt=None if op.prompt is None else tuple(self._part(one, op) for one in op.prompt),
            milliseconds={"turn": 1000 * max(0.0, end.t - invoke.t)} if end else {},
            trouble=trouble,
            holds=holds,
        )

    def _found(self, documents: Iterable[Document]) -> Iterator[Found]:
        for number, one in enumerate(documents, 1):
            yield Found(number, one.id, one.text, EVERYBODY if one.owner == "shared" else one.owner)

    def _part(self, message: Message, op: _Op) -> Part:
        own, role = op.invoke.session, _ROLES.get(message.role, message.role)
        named = self._ops.get(message.op) if message.op is not None else None
        said = self._said.get(message.text, ())
        if named is not None:
            owner: str | None = named.invoke.session
        elif own in said:
            owner = own
        else:
            owner = said[0] if len(said) == 1 else None
        holds = self._held(message.text, own)
        if owner is None and role == "system":
            return Part("rules", role, message.text, EVERYBODY, holds=holds)
        if owner is None:
            return Part("unknown", role, message.text, holds[0][1] if holds else None, holds=holds)
        asked = owner == own and message.text == op.invoke.text
        number = named.number if named is not None else 0
        label = "Question" if asked else f"Turn {number}" if number else ""
        return Part("question" if asked else "history", role, message.text, owner, label, number, holds=holds)

    def _held(self, text: str, own: str) -> Holds:
        """The canaries of others in a text."""
        words = {word.casefold() for word in _WORD.findall(text)}
        found = [planted for word in words if word in self._planted for planted in self._planted[word]]
        stated = {canary for canary, owner in found if owner == own}
        return tuple((canary, owner) for canary, owner in found if canary not in stated and canary in text)

    def _misrouted(self, end: Ok, own: str) -> Holds:
        """An answer that the model gave in one other session, while it answered this one otherwise."""
        if end.completion is None or end.completion == end.answer:
            return ()
        said = self._said.get(end.answer, ())
        return ((end.answer, said[0]),) if len(said) == 1 and own not in said else ()
