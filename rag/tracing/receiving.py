"""What other programs post to `/v1/traces`: OTLP JSON, taken apart into turns. Strangers' bytes: all is bounded."""

from __future__ import annotations

import json
from typing import Any

from rag.errors import BadSessionId
from rag.sessions.ids import SessionId
from rag.tracing import conventions as names

LARGEST = 1 << 20
"""Bytes of a request."""
MOST_RECEIVED = 500
"""Spans of a request; further ones are refused."""


def received(body: bytes) -> tuple[list[tuple[str, str]], int]:
    """Turns, each a conversation's id and its spans as OTLP JSON; and how many spans were left out.

    Those of one trace are one turn. Left out are spans of traces that name no conversation, and what is too many.
    Raises ValueError for what is no OTLP JSON.
    """
    try:
        groups = json.loads(body)["resourceSpans"]
    except (ValueError, TypeError, KeyError, RecursionError) as exc:
        raise ValueError("expected an object with resourceSpans") from exc
    traces: dict[str, list[Any]] = {}
    conversations: dict[str, str] = {}
    resources: dict[str, Any] = {}
    seen = 0
    for resource, span in _spans(groups):
        seen += 1
        trace = str(span.get("traceId"))[:64]
        if seen > MOST_RECEIVED:
            continue
        spans = traces.setdefault(trace, [])
        if len(spans) < names.MOST_SPANS:
            spans.append(span)
        resources.setdefault(trace, resource)
        if (named := _conversation(span)) is not None:
            conversations.setdefault(trace, named)
    turns, kept = [], 0
    for trace, conversation in conversations.items():
        kept += len(traces[trace])
        scopes = [{"spans": traces[trace]}]
        text = json.dumps({"resourceSpans": [{"resource": resources[trace], "scopeSpans": scopes}]})
        turns.append((conversation, text))
    return turns, seen - kept


def _spans(groups: Any) -> list[tuple[Any, dict[str, Any]]]:
    return [
        (group.get("resource") or {}, span)
        for group in _objects(groups)
        for scope in _objects(group.get("scopeSpans"))
        for span in _objects(scope.get("spans"))
    ]


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _conversation(span: dict[str, Any]) -> str | None:
    for pair in _objects(span.get("attributes")):
        if pair.get("key") in (names.CONVERSATION, "session.id") and isinstance(pair.get("value"), dict):
            try:
                return SessionId(str(pair["value"].get("stringValue", "")))
            except BadSessionId:
                return None
    return None
