"""OpenTelemetry: spans and log records of the GenAI conventions, in OTLP JSON as the collector's file exporter and the
SDKs write it. https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/

A turn is a question within a trace: the calls of a model that answer the same one are one turn. Session and user are
looked for on the span, then on any span of its trace, then on the resource.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rag.crosstalk.log.events import Message
from rag.crosstalk.log.foreign import otel_messages
from rag.crosstalk.log.foreign.exchange import Exchange, Record, first, label, named, person, seconds
from rag.crosstalk.log.foreign.otel_messages import attributes, body

NAME = "OpenTelemetry GenAI spans"
SESSION = ("gen_ai.conversation.id", "session.id", "traceloop.association.properties.session_id", "langfuse.session.id")
USER = ("user.id", "enduser.id", "traceloop.association.properties.user_id", "langfuse.user.id")
FAILED = (2, "STATUS_CODE_ERROR")
_GROUPS = (("resourceSpans", "scopeSpans", "spans"), ("resourceLogs", "scopeLogs", "logRecords"))


@dataclass(slots=True)
class _Span:
    """What one call was given and gave. order: the root of a trace first."""

    trace: str
    known: Record
    t: float | None = None
    t_end: float | None = None
    parent: str | None = None
    error: str = ""
    events: list[tuple[str, Record]] = field(default_factory=list)


@dataclass(slots=True)
class _Trace:
    session: str | None = None
    user: str | None = None
    spans: dict[str, _Span] = field(default_factory=dict)


class OpenTelemetry:
    name = NAME

    def knows(self, record: Record) -> bool:
        return any(isinstance(record.get(group[0]), list) for group in _GROUPS)

    def exchanges(self, records: Iterable[Record]) -> Iterator[Exchange | None]:
        traces: dict[str, _Trace] = {}
        for record in records:
            for resource, one, log in _entries(record):
                _take(traces, resource, one, log=log)
        for trace in traces.values():
            yield from _turns(trace)


def _entries(record: Record) -> Iterator[tuple[Record, Record, bool]]:
    """(attributes of the resource, span or log record, whether it is a log record)"""
    for log, (outer, inner, last) in enumerate(_GROUPS):
        for group in _objects(record, outer):
            resource = group.get("resource")
            known = attributes(resource.get("attributes")) if isinstance(resource, dict) else {}
            for scope in _objects(group, inner):
                for one in _objects(scope, last):
                    yield known, one, bool(log)


def _objects(record: Record, key: str) -> list[dict[str, Any]]:
    found = record.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _take(traces: dict[str, _Trace], resource: Record, one: Record, *, log: bool) -> None:
    known = attributes(one.get("attributes"))
    name, span_id = label(one.get("traceId")), label(one.get("spanId"))
    trace = traces.setdefault(name or f"without a trace {len(traces)}", _Trace())
    trace.session = trace.session or label(
        *(known.get(key) for key in SESSION), *(resource.get(key) for key in SESSION)
    )
    trace.user = trace.user or person(*(known.get(key) for key in USER), *(resource.get(key) for key in USER))
    span = trace.spans.setdefault(span_id or f"without a span {len(trace.spans)}", _Span(name or "", {}))
    if not log:
        status = one.get("status")
        failed = isinstance(status, dict) and isinstance(status.get("code"), int | str) and status["code"] in FAILED
        span.known = {**span.known, **known}
        span.t, span.t_end = seconds(one.get("startTimeUnixNano")), seconds(one.get("endTimeUnixNano"))
        span.parent = label(one.get("parentSpanId"))
        span.error = (label(status.get("message")) or "error") if failed and isinstance(status, dict) else ""
        for event in _objects(one, "events"):
            span.events.append((label(event.get("name")) or "", attributes(event.get("attributes"))))
        return
    at = seconds(first(one, "timeUnixNano", "observedTimeUnixNano"))
    span.known = {**{key: known[key] for key in (*SESSION, *USER) if key in known}, **span.known}
    span.t, span.t_end = span.t or at, span.t_end or at
    event_name = label(one.get("eventName"), known.get("event.name")) or ""
    span.events.append((event_name, {**known, **body(one.get("body"))}))


@dataclass(slots=True)
class _Turn:
    t: float
    t_end: float
    answer: str | None
    error: str
    prompt: dict[Message, None]
    plants: tuple[str, ...]
    expects: tuple[str, ...]


def _turns(trace: _Trace) -> Iterator[Exchange | None]:
    found: dict[tuple[str | None, str | None, str], _Turn] = {}
    for span in sorted(trace.spans.values(), key=lambda span: span.t or 0.0):
        given, told = otel_messages.of_span(span.known, span.events)
        if not given and told is None:
            continue
        text = next((one.text for one in reversed(given) if one.role == "user"), None)
        if span.t is None or text is None:
            yield None
            continue
        session = label(*(span.known.get(key) for key in SESSION)) or trace.session
        user = person(*(span.known.get(key) for key in USER)) or trace.user
        t_end = max(span.t, span.t_end or span.t)
        key = session, user, text
        turn = found.get(key)
        if turn is None:
            turn = found[key] = _Turn(span.t, t_end, told, span.error, {}, (), ())
        elif t_end >= turn.t_end or turn.answer is None:
            turn.answer = told if told is not None else turn.answer
        turn.t_end = max(turn.t_end, t_end)
        turn.prompt.update(dict.fromkeys(given))
        turn.plants = turn.plants or named(span.known, "plants") or named(span.known, "crosswire.plants")
        turn.expects = turn.expects or named(span.known, "expects") or named(span.known, "crosswire.expects")
    for (session, user, text), turn in found.items():
        error = turn.error if turn.answer is None else ""
        prompt = tuple(turn.prompt) or None
        yield Exchange(session, user, turn.t, turn.t_end, text, turn.answer, error, prompt, turn.plants, turn.expects)
