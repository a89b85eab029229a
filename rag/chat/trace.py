"""How a turn was answered: what was found, what the model was sent, and how long each step took.

What a prompt holds of the session's own history, and the passages of the library in it, are named and not repeated.
Whoever reads the trace finds them where they are kept, and tells by their digests whether they are still what was sent.
Whatever else was sent is kept as it was. A trace belongs to its session: it says which, and is stored with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import orjson
from langchain_core.messages import BaseMessage

from rag.chat.events import Timings
from rag.chat.prompt import RULES, Source
from rag.sessions import Turn

VERSION = 1
LONGEST_TEXT = 4000
"""Characters of a text that is kept."""
MOST_TEXTS = 40
"""Messages of a prompt that are kept because they are not the session's own."""
LARGEST = 1 << 18
"""Bytes of a trace that is read."""
LOOK_BACK = 40
"""Messages of the history among which the next one of a prompt is looked for."""
PHASES = ("wait", "load", "rewrite", "retrieve", "first_token", "ask")


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """A source as it was in the prompt, without its text. digest: of that text."""

    number: int
    passage_id: str
    document_id: str
    title: str
    heading: str
    score: float
    private: bool
    digest: str

    def with_text(self, text: str) -> Source:
        return Source(
            self.number, self.passage_id, self.document_id, self.title, self.heading, text, self.score, self.private
        )


@dataclass(frozen=True, slots=True)
class OwnMessages:
    """A run of the session's own messages in a prompt, from one of its turns to another. digest: of all their texts."""

    count: int
    first: int
    last: int
    digest: str


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message in a prompt that is none of the session's. length: of its text, where that was cut."""

    role: str
    text: str
    length: int


@dataclass(frozen=True, slots=True)
class Trace:
    """searched: what the library was asked, empty if the question itself. system: digest of the system message.

    milliseconds: of each phase.
    """

    session: str
    turn: int
    model: str
    searched: str
    found: tuple[FoundPassage, ...]
    summary: str
    history: tuple[OwnMessages | SentMessage, ...]
    rules: str
    system: str
    milliseconds: dict[str, float]

    @property
    def total(self) -> float:
        """Milliseconds; the first token's are a part of the answer's."""
        return sum(taken for phase, taken in self.milliseconds.items() if phase != "first_token")


def digest(*texts: str) -> str:
    """Sixteen hexadecimal digits that tell whether texts are the same."""
    return hashlib.blake2b("\0".join(texts).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


_RULES = digest(RULES)
_NAMED = attrgetter(*FoundPassage.__slots__[:-1])


def written(
    turn: Turn,
    prompt: Sequence[BaseMessage],
    sources: Sequence[Source],
    summary: str,
    searched: str,
    model: str,
    timings: Timings,
) -> str:
    """As it is stored. prompt: all that was sent, the system message first and the question last."""
    first, *history, asked = prompt
    values = {
        "v": VERSION,
        "session": turn.session_id,
        "turn": turn.turns + 1,
        "model": model,
        "searched": "" if searched == asked.content else searched[:LONGEST_TEXT],
        "found": [(*_NAMED(source), digest(source.text)) for source in sources],
        "summary": summary[:LONGEST_TEXT],
        "history": _history(turn, history),
        "rules": _RULES,
        "system": digest(_text(first)),
        "ms": {name: round(1000 * taken, 2) for name in PHASES if (taken := getattr(timings, name))},
    }
    try:
        return orjson.dumps(values).decode()
    except TypeError:  # a lone surrogate in what was said
        return json.dumps(values)


def _history(turn: Turn, sent: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """The parts of a prompt between its system message and its question."""
    if not sent:
        return []
    said = [(message.type, message.content) for message in sent]
    first = len(turn.messages) - len(said)
    if first >= 0 and turn.said_from(first) == said:
        return [_own(turn, first, sent)]
    return _compared(turn, sent)


def _compared(turn: Turn, sent: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """What is sent of a history is its end, as a rule: so both are gone through from there."""
    parts, kept = list[dict[str, Any]](), 0
    own = turn.said_from(0)
    place, run = len(own) - 1, list[BaseMessage]()
    for message in reversed(sent):
        said, at = (message.type, message.content), place
        while at >= 0 and place - at < LOOK_BACK and own[at] != said:
            at -= 1
        found = at >= 0 and place - at < LOOK_BACK
        if run and not (found and at == place):
            parts.append(_own(turn, place + 1, run[::-1]))
            run = []
        if found:
            run.append(message)
            place = at - 1
            continue
        kept, text = kept + 1, _text(message)
        shown = text[:LONGEST_TEXT] if kept <= MOST_TEXTS else ""
        parts.append({"role": message.type, "text": shown, "length": len(text)})
    if run:
        parts.append(_own(turn, place + 1, run[::-1]))
    return parts[::-1]


def _own(turn: Turn, place: int, sent: Sequence[BaseMessage]) -> dict[str, Any]:
    """These messages, which are the session's own from this place of its history on."""
    last = place + len(sent) - 1
    mark = digest(*map(_text, sent))
    return {"count": len(sent), "first": turn.turn_at(place), "last": turn.turn_at(last), "digest": mark}


def _text(message: BaseMessage) -> str:
    return message.content if isinstance(message.content, str) else message.text


def read(text: str) -> Trace | None:
    """None for what is no trace of this form."""
    if len(text) > LARGEST:
        return None
    with suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):
        known = json.loads(text)
        if known["v"] != VERSION:
            return None
        return Trace(
            session=str(known["session"]),
            turn=int(known["turn"]),
            model=str(known["model"]),
            searched=str(known["searched"]),
            found=tuple(_passage(*one) for one in known["found"]),
            summary=str(known["summary"]),
            history=tuple(map(_part, known["history"])),
            rules=str(known["rules"]),
            system=str(known["system"]),
            milliseconds={name: float(known["ms"][name]) for name in PHASES if name in known["ms"]},
        )
    return None


def _passage(
    number: int, passage_id: str, document: str, title: str, heading: str, score: float, private: bool, mark: str
) -> FoundPassage:
    texts = str(passage_id), str(document), str(title), str(heading)
    return FoundPassage(int(number), *texts, float(score), bool(private), str(mark))


def _part(value: dict[str, Any]) -> OwnMessages | SentMessage:
    if "count" in value:
        return OwnMessages(int(value["count"]), int(value["first"]), int(value["last"]), str(value["digest"]))
    return SentMessage(str(value["role"]), str(value["text"]), int(value["length"]))


def same_rules(trace: Trace) -> bool:
    """Whether the rules of that prompt are those of this version."""
    return trace.rules == _RULES
