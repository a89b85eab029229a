"""The turns that another application sent (see `rag.tracing`), from its spans.

Whose a message of a prompt is, is told by its digest: what this conversation said is its own. Where the conversation
was traced from its beginning, anything else is not; where it was not, nobody can tell, and nothing is marked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rag.crosstalk.log.foreign.otel_messages import attributes, of_span
from rag.inspector.pace import Pace, Progress, Stopped
from rag.inspector.parsing.message_parsers import Said
from rag.inspector.turns.model import EVERYBODY, Part, Retrieved, State, Turn
from rag.inspector.turns.owners import Owners
from rag.inspector.views.session import Element
from rag.tracing import conventions as names
from rag.tracing.store import MOST_CONVERSATIONS, MOST_TURNS, TraceStore

TELLING = 24
"""Characters from which on a message is hardly anybody else's by chance."""


@dataclass(frozen=True, slots=True)
class _Message:
    """text: None if it was not sent."""

    role: str
    text: str | None
    length: int
    digest: str


@dataclass(frozen=True, slots=True)
class _Record:
    """A turn's last call of a model, and the searches before it."""

    at: float
    model: str
    given: tuple[_Message, ...]
    told: tuple[_Message, ...]
    found: tuple[Retrieved, ...] | None
    searched: str
    milliseconds: dict[str, float]
    calls: int
    error: str

    @property
    def question(self) -> _Message | None:
        return next((one for one in reversed(self.given) if one.role == "user"), None)

    @property
    def own(self) -> Iterator[_Message]:
        """What the conversation said itself in this turn."""
        if self.question is not None:
            yield self.question
        yield from self.told


def traced_turns(raws: Sequence[bytes], conversation_id: str) -> list[Turn]:
    """Oldest first. What is no turn is left out."""
    records = [record for record in map(_record, raws) if record is not None]
    if not records:
        return []
    whole = len(raws) < MOST_TURNS and sum(one.role != "system" for one in records[0].given) <= 1
    said: dict[str, int] = {}
    for number, record in enumerate(records, 1):
        for one in record.own:
            said.setdefault(one.digest, number)
    return [_turn(number, record, conversation_id, said, whole=whole) for number, record in enumerate(records, 1)]


def traced_owners(
    store: TraceStore,
    digests: Collection[str],
    conversation_id: str,
    pace: Pace,
    progress: Callable[[Progress], None] | None = None,
) -> Owners:
    """In which one other conversation each of these messages was said."""
    found: dict[str, set[str]] = {one: set() for one in digests}
    others = [one.id for one in store.conversations(MOST_CONVERSATIONS) if one.id != conversation_id]
    looked, complete = 0, True
    try:
        for other in others:
            for record in map(_record, pace(store.turns, other)):
                for one in record.own if record is not None else ():
                    if one.digest in found:
                        found[one.digest].add(other)
            looked += 1
            if progress is not None:
                progress(Progress(looked, 0, looked, len(others), sum(map(bool, found.values()))))
            pace.check()
    except Stopped:
        complete = False
    owners = {one: next(iter(who)) for one, who in found.items() if len(who) == 1}
    several = frozenset(one for one, who in found.items() if len(who) > 1)
    return Owners(owners if complete else {}, several, complete, looked)


def _turn(number: int, record: _Record, conversation_id: str, said: dict[str, int], *, whole: bool) -> Turn:
    shown = [one for one in (record.question, *record.told) if one is not None]
    elements = tuple(
        Element(place, Said(one.role, one.text or "", turn=number, at=record.at, detail=_missing(one)), b"")
        for place, one in enumerate(shown)
    )
    calls = f"{record.calls} model calls; the last one is shown" if record.calls > 1 else ""
    return Turn(
        number,
        elements,
        at=record.at,
        model=record.model,
        searched=record.searched,
        found=record.found,
        prompt=tuple(_part(one, record, conversation_id, said, whole=whole) for one in record.given),
        milliseconds=record.milliseconds,
        trouble=f"failed: {record.error}" if record.error else calls,
    )


def _missing(one: _Message) -> str:
    return "" if one.text is not None else f"Text not sent: {one.length:,} characters"


def _part(one: _Message, record: _Record, own: str, said: dict[str, int], *, whole: bool) -> Part:
    state: State = "no text" if one.text is None else "cut" if len(one.text) < one.length else "as sent"
    text, turn = one.text or "", said.get(one.digest, 0)
    if one.role == "system":
        return Part("rules", one.role, text, EVERYBODY, "System message", state=state)
    if one is record.question:
        return Part("question", one.role, text, own, "Question", turn, state)
    if turn:
        return Part("history", one.role, text, own, f"Turn {turn}", turn, state)
    if not whole:
        return Part("history", one.role, text, None, "Not recorded in this conversation", state=state)
    # What anybody might say is not looked for elsewhere.
    mark = one.digest if one.length >= TELLING else ""
    return Part("unknown", one.role, text, None, state=state, digest=mark)


def _record(raw: bytes) -> _Record | None:
    with suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError, IndexError):
        group = json.loads(raw)["resourceSpans"][0]
        spans = [span for scope in group["scopeSpans"] for span in scope["spans"]][: names.MOST_SPANS]
        known = [(span, attributes(span.get("attributes"))) for span in spans]
        searches = [pair for pair in known if pair[1].get(names.OPERATION) == names.RETRIEVAL]
        calls = [pair for pair in known if names.INPUT in pair[1] or names.INPUT_DIGESTS in pair[1]]
        if not calls:
            return None
        span, told = max(calls, key=lambda pair: int(pair[0].get("endTimeUnixNano", 0)))
        given, answer = of_span(told, ())
        digests = _digests(told.get(names.INPUT_DIGESTS)), _digests(told.get(names.OUTPUT_DIGESTS))
        return _Record(
            at=int(span["startTimeUnixNano"]) / 1e9,
            model=str(told.get(names.RESPONSE_MODEL) or told.get(names.REQUEST_MODEL) or ""),
            given=_messages([(one.role, one.text) for one in given], digests[0]),
            told=_messages([("assistant", answer)] if answer is not None else [], digests[1]),
            found=tuple(_found(searches)) if searches else None,
            searched=str(searches[-1][1].get(names.QUERY, "")) if searches else "",
            milliseconds=_took(searches, calls, told),
            calls=len(calls),
            error=str(told.get(names.ERROR, "")),
        )
    return None


def _digests(value: Any) -> list[_Message]:
    found = []
    for one in value if isinstance(value, list) else []:
        role, length, mark = str(one).split(":", 2)
        found.append(_Message(role, None, int(length), mark))
    return found


def _messages(said: Sequence[tuple[str, str]], digests: Sequence[_Message]) -> tuple[_Message, ...]:
    """Both tell of the same messages, where both are there: texts may have been cut, and digests are of all of them."""
    if digests and len(digests) == len(said):
        return tuple(
            _Message(role, text, mark.length, mark.digest) for (role, text), mark in zip(said, digests, strict=True)
        )
    if said:
        return tuple(_Message(role, text, len(text), names.digest(text)) for role, text in said)
    return tuple(digests)


def _found(searches: Sequence[tuple[Any, dict[str, Any]]]) -> Iterator[Retrieved]:
    number = 0
    for _, known in searches:
        listed = known.get(names.DOCUMENTS)
        for one in json.loads(listed) if isinstance(listed, str) else listed or []:
            number += 1
            score = one.get("score")
            told = float(score) if isinstance(score, int | float) else None
            yield Retrieved(number, str(one.get("id", number)), "", None, told)
            if number >= names.MOST_DOCUMENTS:
                return


def _took(searches: Sequence[Any], calls: Sequence[Any], last: dict[str, Any]) -> dict[str, float]:
    def spent(spans: Sequence[Any]) -> float:
        return sum(int(one["endTimeUnixNano"]) - int(one["startTimeUnixNano"]) for one, _ in spans) / 1e6

    taken = {"retrieve": spent(searches)} if searches else {}
    first = last.get(names.FIRST_CHUNK)
    if isinstance(first, int | float):
        taken["first_token"] = 1000 * float(first)
    return taken | {"ask": spent(calls)}
