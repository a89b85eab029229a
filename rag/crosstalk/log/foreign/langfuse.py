"""Langfuse: traces and observations as its pages export them (camelCase), as the API gives them, or as the export to
blob storage has them (snake_case). https://langfuse.com/docs/api-and-data-platform/features/export-from-ui

A trace is a turn. What its model was given is in its generations; without a trace, its first observation stands for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rag.crosstalk.log.events import Message
from rag.crosstalk.log.foreign import chat
from rag.crosstalk.log.foreign.exchange import Exchange, Record, first, label, mapping, named, person, seconds

NAME = "Langfuse export"
TYPES = frozenset(
    ("GENERATION", "SPAN", "EVENT", "AGENT", "TOOL", "CHAIN", "RETRIEVER", "EVALUATOR", "EMBEDDING", "GUARDRAIL")
)
_TRACE = ("traceId", "trace_id")
_PARENT = ("parentObservationId", "parent_observation_id")
_START = ("startTime", "start_time", "timestamp")
_END = ("endTime", "end_time")
_SESSION = ("sessionId", "session_id")
_USER = ("userId", "user_id")
MOST_NESTED = 3


@dataclass(slots=True)
class _Turn:
    trace: Record = field(default_factory=dict)
    observations: list[Record] = field(default_factory=list)


class Langfuse:
    name = NAME

    def knows(self, record: Record) -> bool:
        if isinstance(record.get("traces"), list) and any(map(_is_trace, record["traces"][:20])):
            return True
        return _is_trace(record) or _is_observation(record) or _is_trace(mapping(record.get("trace")))

    def exchanges(self, records: Iterable[Record]) -> Iterator[Exchange | None]:
        turns: dict[str, _Turn] = {}
        for record in records:
            for one in _spread(record, 0):
                if _is_observation(one):
                    turns.setdefault(label(first(one, *_TRACE)) or "", _Turn()).observations.append(one)
                elif _is_trace(one):
                    turns.setdefault(label(one.get("id")) or "", _Turn()).trace = one
        for turn in turns.values():
            yield _exchange(turn)


def _is_observation(record: Record) -> bool:
    return _type(record) in TYPES and label(first(record, *_TRACE)) is not None


def _type(record: Record) -> str:
    found = record.get("type")
    return found if isinstance(found, str) else ""


def _is_trace(record: object) -> bool:
    if not isinstance(record, dict) or "timestamp" not in record or label(record.get("id")) is None:
        return False
    return "run_type" not in record and any(key in record for key in (*_SESSION, *_USER, "input", "output"))


def _spread(record: Record, depth: int) -> Iterator[Record]:
    """A session with its traces and a trace with its observations are taken apart."""
    if depth > MOST_NESTED:
        return
    session = label(first(record, *_SESSION)) or (label(record.get("id")) if "traces" in record else None)
    trace = mapping(record.get("trace"))
    for nested in (*_listed(record, "traces"), *([trace] if trace else ())):
        yield from _spread(nested if first(nested, *_SESSION) else {**nested, "sessionId": session}, depth + 1)
    of = label(record.get("id")) or label(trace.get("id"))
    for nested in _listed(record, "observations"):
        yield from _spread(nested if first(nested, *_TRACE) else {**nested, "traceId": of}, depth + 1)
    yield record


def _listed(record: Record, key: str) -> list[Record]:
    found = record.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _exchange(turn: _Turn) -> Exchange | None:
    ordered = sorted(turn.observations, key=lambda one: seconds(first(one, *_START)) or 0.0)
    ids = {one.get("id") for one in ordered if isinstance(one.get("id"), str)}
    root = next(
        (one for one in ordered if not isinstance(parent := first(one, *_PARENT), str) or parent not in ids), {}
    )
    generations = [one for one in ordered if _type(one) == "GENERATION"]
    told = [turn.trace, root, *generations]
    t = seconds(first(turn.trace, *_START)) or seconds(first(root, *_START))
    text = next((text for one in told if (text := chat.question(one.get("input")))), None)
    if t is None or text is None:
        return None
    last = [turn.trace, root, *reversed(generations)]
    metadata = [mapping(chat.opened(one.get("metadata"))) for one in (turn.trace, *ordered)]
    return Exchange(
        label(*(first(one, *_SESSION) for one in (turn.trace, *ordered))),
        person(*(first(one, *_USER) for one in (turn.trace, *ordered))),
        t,
        max([t + _latency(turn.trace), *(seconds(first(one, *_END)) or t for one in ordered)]),
        text,
        next((answer for one in last if (answer := chat.answer(one.get("output"))) is not None), None),
        _error(root),
        _prompt([turn.trace, *generations] if generations else [turn.trace, root], text),
        next((found for one in metadata if (found := named(one, "plants"))), ()),
        next((found for one in metadata if (found := named(one, "expects"))), ()),
    )


def _latency(trace: Record) -> float:
    """Seconds."""
    value = trace.get("latency")
    return min(float(value), 1e6) if isinstance(value, int | float) and 0 < value < 1e300 else 0.0


def _error(root: Record) -> str:
    if root.get("level") != "ERROR":
        return ""
    return label(first(root, "statusMessage", "status_message")) or "error"


def _prompt(records: Iterable[Record], text: str) -> tuple[Message, ...] | None:
    found: dict[Message, None] = {}
    for record in records:
        given: Any = record.get("input")
        said = chat.messages(given)
        if not said and _type(record) == "GENERATION" and (asked := chat.question(given)):
            # A prompt in one text: what is whose in it cannot be told apart.
            said = (Message("user" if asked == text else "system", asked),)
        found.update(dict.fromkeys(said))
    return tuple(found) or None
