"""One call of a model or a search as a span, and a turn's spans as OTLP JSON."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rag.tracing import conventions as names

Value = str | int | float | list[str]
Said = tuple[str, str]
"""Role and text of a message."""


@dataclass(slots=True)
class Span:
    """start, end: epoch nanoseconds. error: the kind of what went wrong, empty for nothing."""

    operation: str
    start: int
    end: int = 0
    error: str = ""
    attributes: dict[str, Value] = field(default_factory=dict)

    def messages(self, said: Sequence[Said], *, sent: bool, text: bool) -> None:
        """Record what was sent to a model, or what it answered: digests always, `text` only where that is wanted."""
        kept = [*said[:2], *said[2:][-names.MOST_MESSAGES + 2 :]]
        marks = [f"{role}:{len(one)}:{names.digest(one)}" for role, one in kept]
        self.attributes[names.INPUT_DIGESTS if sent else names.OUTPUT_DIGESTS] = marks
        if text:
            parts = [
                {"role": role, "parts": [{"type": "text", "content": one[: names.LONGEST_TEXT]}]} for role, one in kept
            ]
            self.attributes[names.INPUT if sent else names.OUTPUT] = json.dumps(parts, ensure_ascii=False)


def otlp(conversation_id: str, spans: Sequence[Span], service: str) -> dict[str, Any]:
    """One trace, the first span its root. https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding"""
    trace_id, root = secrets.token_hex(16), secrets.token_hex(8)
    listed = []
    for number, span in enumerate(spans[: names.MOST_SPANS]):
        model = span.attributes.get(names.REQUEST_MODEL, "")
        known = {names.OPERATION: span.operation, names.CONVERSATION: conversation_id, **span.attributes}
        if span.error:
            known[names.ERROR] = span.error
        listed.append(
            {
                "traceId": trace_id,
                "spanId": secrets.token_hex(8) if number else root,
                **({"parentSpanId": root} if number else {}),
                "name": f"{span.operation} {model}".strip(),
                "kind": 3,
                "startTimeUnixNano": str(span.start),
                "endTimeUnixNano": str(max(span.start, span.end)),
                "attributes": _pairs(known),
                **({"status": {"code": 2, "message": span.error}} if span.error else {}),
            }
        )
    scope = {"scope": {"name": "crosswire"}, "spans": listed}
    return {"resourceSpans": [{"resource": {"attributes": _pairs({names.SERVICE: service})}, "scopeSpans": [scope]}]}


def _pairs(known: Mapping[str, Value]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in known.items()]


def _value(value: Value) -> dict[str, Any]:
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(one) for one in value]}}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}
