"""OpenTelemetry: the GenAI conventions 1.28 to 1.37, and OpenLLMetry. `recorded` has what the SDK's exporter wrote."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tests.crosstalk.log.recorder import START, chat, lines
from tests.crosstalk.log.talk import Talk


def _attributes(known: dict[str, object]) -> list[dict[str, object]]:
    return [{"key": key, "value": _value(value)} for key, value in known.items()]


def _value(value: object) -> dict[str, object]:
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(one) for one in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _attributes(value)}}
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": str(value)}


def _nano(at: float) -> str:
    return str(int((START.timestamp() + at) * 1e9))


def _span(number: int, turn: Talk, known: dict[str, object], events: Sequence[tuple[str, dict[str, object]]]) -> object:
    return {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "parentSpanId": "",
        "name": "chat gpt-4o",
        "kind": 3,
        "startTimeUnixNano": _nano(turn.at),
        "endTimeUnixNano": _nano(turn.at + 1),
        "attributes": _attributes({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", **known}),
        "events": [
            {"timeUnixNano": _nano(turn.at + 0.5), "name": name, "attributes": _attributes(about)}
            for name, about in events
        ],
        "status": {},
    }


def _resource(spans: Sequence[object]) -> object:
    resource = {"attributes": _attributes({"service.name": "shop"})}
    return {
        "resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "shop"}, "spans": list(spans)}]}]
    }


def _who(turn: Talk) -> dict[str, object]:
    return {"session.id": turn.session, "enduser.id": turn.user}


def otel_structured(turns: Sequence[Talk]) -> str:
    """Messages as structured attributes, all spans in one document."""
    spans = []
    for number, turn in enumerate(turns):
        given = [{"role": role, "parts": [{"type": "text", "content": text}]} for role, text in turn.prompt]
        told = {"role": "assistant", "parts": [{"type": "text", "content": turn.answer}], "finish_reason": "stop"}
        known: dict[str, object] = {**_who(turn), "gen_ai.input.messages": given, "gen_ai.output.messages": [told]}
        spans.append(_span(number, turn, known, ()))
    return json.dumps(_resource(spans), indent=1)


def otel_numbered(turns: Sequence[Talk]) -> str:
    """One attribute a message, as OpenLLMetry writes them, and its own names for who it is."""
    spans = []
    for number, turn in enumerate(turns):
        known: dict[str, object] = {
            "traceloop.association.properties.session_id": turn.session,
            "traceloop.association.properties.user_id": turn.user,
        }
        for place, (role, text) in enumerate(turn.prompt):
            known |= {f"gen_ai.prompt.{place}.role": role, f"gen_ai.prompt.{place}.content": text}
        known |= {"gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": turn.answer}
        spans.append(_resource([_span(number, turn, known, ())]))
    return lines(spans)


def otel_content_events(turns: Sequence[Talk]) -> str:
    """Events gen_ai.content.prompt and gen_ai.content.completion of the span."""
    return lines(
        [
            _resource(
                [
                    _span(
                        number,
                        turn,
                        _who(turn),
                        [
                            ("gen_ai.content.prompt", {"gen_ai.prompt": json.dumps(chat(turn))}),
                            (
                                "gen_ai.content.completion",
                                {"gen_ai.completion": json.dumps([{"role": "assistant", "content": turn.answer}])},
                            ),
                        ],
                    )
                ]
            )
            for number, turn in enumerate(turns)
        ]
    )


def otel_message_events(turns: Sequence[Talk]) -> str:
    """An event of the span for each message, its content as JSON."""
    spans = []
    for number, turn in enumerate(turns):
        events: list[tuple[str, dict[str, object]]] = [
            (f"gen_ai.{role}.message", {"gen_ai.event.content": json.dumps({"role": role, "content": text})})
            for role, text in turn.prompt
        ]
        told = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": turn.answer}}
        events.append(("gen_ai.choice", {"gen_ai.event.content": json.dumps(told)}))
        spans.append(_resource([_span(number, turn, _who(turn), events)]))
    return lines(spans)


def otel_log_records(turns: Sequence[Talk]) -> str:
    """Spans without content, and log records of the same spans with one message each."""
    found: list[object] = []
    for number, turn in enumerate(turns):
        bodies: list[tuple[str, object]] = [(f"gen_ai.{role}.message", {"content": text}) for role, text in turn.prompt]
        told = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": turn.answer}}
        records = [
            {
                "timeUnixNano": _nano(turn.at + 0.1),
                "traceId": f"{number:032x}",
                "spanId": f"{number:016x}",
                "eventName": name,
                "attributes": _attributes({"gen_ai.system": "openai"}),
                "body": _value(body),
            }
            for name, body in (*bodies, ("gen_ai.choice", told))
        ]
        found.append({"resourceLogs": [{"resource": {}, "scopeLogs": [{"scope": {}, "logRecords": records}]}]})
        found.append(_resource([_span(number, turn, _who(turn), ())]))
    return lines(found)
