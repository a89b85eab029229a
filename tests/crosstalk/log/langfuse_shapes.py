"""Langfuse: after its exporters (worker/src/features/database-read-stream) and the page on export to blob storage."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tests.crosstalk.log.recorder import START, chat, lines
from tests.crosstalk.log.talk import Talk


def _time(at: float, form: str = "iso") -> str:
    when = START + timedelta(seconds=at)
    if form == "clickhouse":
        return when.strftime("%Y-%m-%d %H:%M:%S.%f")
    return when.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


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
        "input": chat(turn),
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
    return lines([{**row, "input": json.dumps(row["input"]), "output": json.dumps(row["output"])} for row in rows])


def langfuse_api(turns: Sequence[Talk]) -> str:
    """A page of GET /api/public/traces, newest first, of a function that was decorated with @observe."""
    rows = [
        {**_trace(n, turn), "input": {"args": [], "kwargs": {"messages": chat(turn)}}, "output": turn.answer}
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
                "input": {"messages": chat(turn)},
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
    return lines(_observations(turns))


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
                "input": json.dumps(chat(turn)),
                "output": json.dumps({"role": "assistant", "content": turn.answer}),
            },
        ]
    return lines(rows)


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
    return lines([{"id": session, "projectId": "p", "traces": traces} for session, traces in sessions.items()])
