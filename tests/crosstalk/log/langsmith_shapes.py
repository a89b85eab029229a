"""LangSmith: each run is made by its SDK's `Run`; messages are as LangChain serialises them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from langsmith.schemas import Run

from tests.crosstalk.log.recorder import START, chat, lines
from tests.crosstalk.log.talk import Talk


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
    return lines(rows)


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
            inputs={"messages": chat(turn), "model": "gpt-4o"},
            outputs={
                "id": "chatcmpl-1",
                "choices": [{"index": 0, "message": {"role": "assistant", "content": turn.answer}}],
            },
        )
        for number, turn in enumerate(turns)
    ]
    return json.dumps([{**row, "run_type": "llm"} for row in rows])
