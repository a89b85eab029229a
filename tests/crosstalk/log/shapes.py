"""The same conversations as each tool records them. By name: a function from turns to the text of a file.

Sources of the shapes: Langfuse's exporters (worker/src/features/database-read-stream) and its reference of the export
to blob storage; LangSmith's `Run`, which makes each run here, with messages as LangChain serialises them; the GenAI
conventions of OpenTelemetry 1.28 to 1.37. What the SDK's own file exporter wrote is in `recorded`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from langsmith.schemas import Run

from tests.crosstalk.log.talk import Talk

START = datetime(2025, 1, 10, 12, tzinfo=UTC)
Shape = Callable[[Sequence[Talk]], str]


def _time(at: float, form: str = "iso") -> str:
    when = START + timedelta(seconds=at)
    if form == "clickhouse":
        return when.strftime("%Y-%m-%d %H:%M:%S.%f")
    return when.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _chat(turn: Talk) -> list[dict[str, str]]:
    return [{"role": role, "content": text} for role, text in turn.prompt]


def _lines(values: Sequence[object]) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


# --- Langfuse


def _trace(number: int, turn: Talk) -> dict[str, Any]:
    return {
        "id": f"trace-{number}",
        "timestamp": _time(turn.at),
        "name": "chat",
        "userId": turn.user,
        "sessionId": turn.session,
        "release": None,
        "version": None,
        "environment": "default",
        "tags": [],
        "bookmarked": False,
        "public": False,
        "input": _chat(turn),
        "output": {"role": "assistant", "content": turn.answer},
        "metadata": {"scope": "shop"},
        "latency": 1.25,
        "usage": {"promptTokens": "21", "completionTokens": "9", "totalTokens": "30"},
        "level": "DEFAULT",
        "observationCount": 2,
        "scores": {},
    }


def langfuse_traces(turns: Sequence[Talk]) -> str:
    """The traces table, exported as JSON."""
    return json.dumps([_trace(number, turn) for number, turn in enumerate(turns)], indent=2)


def langfuse_texts(turns: Sequence[Talk]) -> str:
    """The same as JSON Lines, with input and output as the database has them: JSON in a text."""
    rows = [_trace(number, turn) for number, turn in enumerate(turns)]
    return _lines([{**row, "input": json.dumps(row["input"]), "output": json.dumps(row["output"])} for row in rows])


def langfuse_api(turns: Sequence[Talk]) -> str:
    """A page of GET /api/public/traces, newest first, of a function that was decorated with @observe."""
    rows = [
        {**_trace(n, turn), "input": {"args": [], "kwargs": {"messages": _chat(turn)}}, "output": turn.answer}
        for n, turn in enumerate(turns)
    ]
    return json.dumps({"data": rows[::-1], "meta": {"page": 1, "limit": 50, "totalItems": len(rows), "totalPages": 1}})


def _observations(turns: Sequence[Talk]) -> list[dict[str, Any]]:
    rows = []
    for number, turn in enumerate(turns):
        common: dict[str, Any] = {
            "traceId": f"trace-{number}",
            "traceName": "chat",
            "environment": "default",
            "userId": turn.user,
            "sessionId": turn.session,
            "level": "DEFAULT",
            "statusMessage": None,
            "metadata": {},
        }
        rows += [
            {
                **common,
                "id": f"generation-{number}",
                "type": "GENERATION",
                "name": "llm",
                "startTime": _time(turn.at + 0.2),
                "endTime": _time(turn.at + 1),
                "parentObservationId": f"root-{number}",
                "providedModelName": "gpt-4o",
                "input": {"messages": _chat(turn)},
                "output": {"role": "assistant", "content": turn.answer},
            },
            {
                **common,
                "id": f"root-{number}",
                "type": "SPAN",
                "name": "chat",
                "startTime": _time(turn.at),
                "endTime": _time(turn.at + 1.25),
                "parentObservationId": None,
                "input": {"question": turn.text},
                "output": {"answer": turn.answer},
            },
        ]
    return rows


def langfuse_observations(turns: Sequence[Talk]) -> str:
    """The observations table, exported as JSON Lines: no traces, and a turn's root after its generation."""
    return _lines(_observations(turns))


def langfuse_blobs(turns: Sequence[Talk]) -> str:
    """Traces and observations of the export to blob storage, in snake case, with times of ClickHouse."""
    rows: list[dict[str, Any]] = []
    for number, turn in enumerate(turns):
        common: dict[str, Any] = {"project_id": "p", "environment": "default", "metadata": {}}
        rows += [
            {
                **common,
                "id": f"trace-{number}",
                "timestamp": _time(turn.at, "clickhouse"),
                "name": "chat",
                "user_id": turn.user,
                "session_id": turn.session,
                "input": turn.text,
                "output": turn.answer,
            },
            {
                **common,
                "id": f"generation-{number}",
                "trace_id": f"trace-{number}",
                "type": "GENERATION",
                "parent_observation_id": None,
                "start_time": _time(turn.at + 0.2, "clickhouse"),
                "end_time": _time(turn.at + 1, "clickhouse"),
                "input": json.dumps(_chat(turn)),
                "output": json.dumps({"role": "assistant", "content": turn.answer}),
            },
        ]
    return _lines(rows)


def langfuse_sessions(turns: Sequence[Talk]) -> str:
    """Sessions, each with its traces, which do not name it again, and their observations inside."""
    sessions: dict[str, list[dict[str, Any]]] = {}
    inside = _observations(turns)
    for number, turn in enumerate(turns):
        row = {key: value for key, value in _trace(number, turn).items() if key not in ("sessionId", "input")}
        row["observations"] = [
            {key: value for key, value in one.items() if key != "traceId"}
            for one in inside[2 * number : 2 * number + 2]
        ]
        sessions.setdefault(turn.session, []).append(row)
    return _lines([{"id": session, "projectId": "p", "traces": traces} for session, traces in sessions.items()])


# --- OpenTelemetry


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
    return _lines(spans)


def otel_content_events(turns: Sequence[Talk]) -> str:
    """Events gen_ai.content.prompt and gen_ai.content.completion of the span."""
    return _lines(
        [
            _resource(
                [
                    _span(
                        number,
                        turn,
                        _who(turn),
                        [
                            ("gen_ai.content.prompt", {"gen_ai.prompt": json.dumps(_chat(turn))}),
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
    return _lines(spans)


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
    return _lines(found)


# --- LangSmith


def _run(number: int, kind: str, turn: Talk, **more: Any) -> dict[str, Any]:
    run = Run(
        id=UUID(int=10 * number + (kind == "llm")),
        name="ChatOpenAI" if kind == "llm" else "shop",
        run_type=kind,
        start_time=START + timedelta(seconds=turn.at + 0.1 * (kind == "llm")),
        end_time=START + timedelta(seconds=turn.at + 1),
        session_id=UUID(int=1),
        trace_id=UUID(int=10 * number),
        parent_run_id=UUID(int=10 * number) if kind == "llm" else None,
        status="success",
        extra={"metadata": {"thread_id": turn.session, "user_id": turn.user}, "runtime": {"sdk": "langsmith-py"}},
        **more,
    )
    told: dict[str, Any] = json.loads(run.model_dump_json())
    return told


def _constructed(role: str, text: str) -> dict[str, Any]:
    name = {"user": "HumanMessage", "assistant": "AIMessage", "system": "SystemMessage"}[role]
    return {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "schema", "messages", name],
        "kwargs": {"content": text, "type": name},
    }


def langsmith_langchain(turns: Sequence[Talk]) -> str:
    """A chain over a chat model of LangChain: runs as JSON Lines, the model's before its chain."""
    rows = []
    for number, turn in enumerate(turns):
        generation = {"text": turn.answer, "type": "ChatGeneration", "message": _constructed("assistant", turn.answer)}
        given = {"messages": [[_constructed(role, text) for role, text in turn.prompt]]}
        rows += [
            _run(number, "llm", turn, inputs=given, outputs={"generations": [[generation]], "llm_output": None}),
            _run(number, "chain", turn, inputs={"question": turn.text}, outputs={"output": turn.answer}),
        ]
    return _lines(rows)


def langsmith_langgraph(turns: Sequence[Talk]) -> str:
    """A graph whose state is its messages, under `runs`."""
    rows = []
    for number, turn in enumerate(turns):
        types = {"user": "human", "assistant": "ai", "system": "system"}
        state = [
            {"type": types[role], "content": text, "id": f"{number}-{at}"}
            for at, (role, text) in enumerate(turn.prompt)
        ]
        told = {"type": "ai", "content": turn.answer}
        rows.append(_run(number, "chain", turn, inputs={"messages": state}, outputs={"messages": [*state, told]}))
    return json.dumps({"runs": rows})


def langsmith_openai(turns: Sequence[Talk]) -> str:
    """A client that was wrapped by wrap_openai: the model's runs alone, in a list."""
    rows = [
        _run(
            number,
            "chain",
            turn,
            inputs={"messages": _chat(turn), "model": "gpt-4o"},
            outputs={
                "id": "chatcmpl-1",
                "choices": [{"index": 0, "message": {"role": "assistant", "content": turn.answer}}],
            },
        )
        for number, turn in enumerate(turns)
    ]
    return json.dumps([{**row, "run_type": "llm"} for row in rows])


SHAPES: dict[str, Shape] = {
    one.__name__: one
    for one in (
        langfuse_traces,
        langfuse_texts,
        langfuse_api,
        langfuse_observations,
        langfuse_blobs,
        langfuse_sessions,
        otel_structured,
        otel_numbered,
        otel_content_events,
        otel_message_events,
        otel_log_records,
        langsmith_langchain,
        langsmith_langgraph,
        langsmith_openai,
    )
}
