"""Streams of protocols whose answer may come whole as well, and what is said of one that fails."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from rag.crosstalk import Workload, simulate
from rag.crosstalk.targets import TargetFailed, open_target
from rag.crosstalk.targets.shipped import shipped
from tests.crosstalk.targets.protocol_servers import EVENTS, application, written
from tests.web.serving import serving


@pytest.mark.parametrize(
    ("name", "path", "whole", "streamed"),
    [
        ("openai-responses", "/", 'input: "{text}"', 'input: "{text}", stream: true'),
        ("flowise", "/api/v1/prediction/4711", "{question:", "{streaming: true, question:"),
    ],
)
def test_a_streamed_answer_is_read_and_what_it_gives_is_carried_over(
    name: str, path: str, whole: str, streamed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("FLOWISE_API_KEY", "k")
    file = tmp_path / "target.yaml"
    file.write_text(shipped(name).text().replace(whole, streamed))
    with serving(application()) as address, closing(open_target(address + path, file, timeout=20)) as target:
        assert target.call("a", "My name is Ada.") == "You told me: My name is Ada."
        assert target.call("a", "And?") == "You told me: My name is Ada. | And?"
        assert target.streams
        result = simulate(target, Workload(users=4, turns=3, seed=3))
    assert result.report.verdict == "isolated", result.report.why


def event(name: str, data: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


QUEUE = 'keep: {event: event_id}\nthen: [{method: GET, url: "/{event}", events: [complete], answer: "0"}]\n'
RESPONSES = "events: [response.output_text.delta]\nanswer: delta\nerror: [error, response.error]\n"
FAILED = {"type": "response.failed", "response": {"error": {"code": "server_error", "message": "no model left"}}}


@pytest.mark.parametrize(
    ("spec", "said", "reason"),
    [
        (QUEUE, event("error", None), "it said that it failed, and nothing more"),
        (QUEUE, event("error", "no model left"), "it said no model left"),
        (QUEUE, event("error", {"error": "no model left", "visible": True}), "it said no model left"),
        (RESPONSES, event("response.failed", FAILED), "it said no model left"),
        (RESPONSES, event("error", {"type": "error", "code": "x", "message": "no model left"}), "no model left"),
        ("events: [token]\nanswer: data\n", 'data: {"event": "error", "data": "no model left"}\n\n', "no model left"),
        ("answer: data\n", event("error", {"message": "no model left"}), "it said no model left"),
    ],
    ids=["Gradio", "Gradio, text", "Gradio, newer", "Responses", "Responses, event", "Flowise", "any"],
)
def test_a_stream_that_fails_says_what_the_server_said(spec: str, said: str, reason: str, tmp_path: Path) -> None:
    async def begin(request: Request) -> Response:
        return (
            JSONResponse({"event_id": "e"}) if spec is QUEUE else StreamingResponse(written([said]), 200, None, EVENTS)
        )

    async def fetched(request: Request) -> Response:
        return StreamingResponse(written([event("heartbeat", None), said]), media_type=EVENTS)

    routes = [Route("/", begin, methods=["POST"]), Route("/e", fetched)]
    assert reason in failure(Starlette(routes=routes), f'json: {{q: "{{text}}"}}\n{spec}', tmp_path)


def test_what_a_langgraph_server_says_of_an_error_is_shown(tmp_path: Path) -> None:
    async def threads(request: Request) -> Response:
        return JSONResponse({"thread_id": "t"})

    async def wait(request: Request) -> Response:
        return JSONResponse({"__error__": {"error": "ValueError", "message": "no model left"}})

    routes = [Route("/threads", threads, methods=["POST"]), Route("/threads/t/runs/wait", wait, methods=["POST"])]
    assert "it said no model left" in failure(Starlette(routes=routes), shipped("langgraph").text(), tmp_path)


def failure(application: Starlette, spec: str, tmp_path: Path) -> str:
    file = tmp_path / "target.yaml"
    file.write_text(spec)
    with (
        serving(application) as address,
        closing(open_target(f"{address}/", file, timeout=20)) as target,
        pytest.raises(TargetFailed) as caught,
    ):
        target.call("a", "Hello")
    return str(caught.value)
