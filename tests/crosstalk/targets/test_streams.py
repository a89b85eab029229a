"""Streams of protocols whose answer may come whole as well, and what is said of one that fails."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from rag.crosstalk import Workload, simulate
from rag.crosstalk.targets import TargetFailed, answers, open_target
from rag.crosstalk.targets.describing import described
from rag.crosstalk.targets.reply import Reply, carry_over, read, text_of
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


def of(**more: Any) -> Any:
    return described({"json": {"q": "{text}"}, **more}, "it", "http://chat.example.org/")


def test_what_comes_after_the_end_of_an_answer_is_left_out() -> None:
    description = of(stream="sse", answer="text", done="type=end")
    said = [b'data: {"text": "Hi"}\n\ndata: {"type": "end"}\n\n', b'data: {"text": "too late"}\n\n']
    assert read("it", description, description, httpx2.Response(200), iter(said)).text == "Hi"


def test_the_last_event_may_end_without_a_blank_line() -> None:
    assert list(answers.sse([b"event: token\ndata: H", b"i"], "it")) == [("token", "Hi")]


def test_events_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "LONGEST", 10)
    with pytest.raises(TargetFailed, match="its answer is longer than"):
        list(answers.sse([b"data: x\n\n"] * 2, "it"))


@pytest.mark.parametrize(("task", "there"), [("t1", True), ("", False), (None, False), (0, False)])
def test_a_condition_may_be_that_there_is_something(task: Any, there: bool) -> None:
    assert answers.holds({"task": task}, "task") is there


def test_of_a_long_refusal_the_beginning_is_read() -> None:
    refused = read("it", of(), of(), httpx2.Response(500), iter([b"x" * 3000] * 3))
    assert (refused.status, refused.raw) == (500, "x" * 4096)


@pytest.mark.parametrize(
    ("place", "where"),
    [
        ("task_id", "at task_id"),
        (["task_id", "header:x-task"], "at task_id or header:x-task"),
        ({"after": "<i>", "before": "</i>"}, "between '<i>' and '</i>'"),
    ],
)
def test_what_an_answer_never_gave_is_named_and_what_it_gave_before_is_kept(place: Any, where: str) -> None:
    keeper: Any = SimpleNamespace(kept={}, client=SimpleNamespace(cookies={}))
    step, reply = of(keep={"task": place}), Reply("Hi", {}, "Hi")
    with pytest.raises(TargetFailed, match=f"its answer has no task {where}: Hi"):
        carry_over("it", step, reply, keeper)
    keeper.kept["task"] = "t1"
    carry_over("it", step, reply, keeper)
    assert keeper.kept == {"task": "t1"}


def test_a_socket_that_is_done_without_a_text_says_so() -> None:
    description = of(socketio={"emit": "ask", "whole": {"said": "text"}, "done": "end"})
    with pytest.raises(TargetFailed, match="it said that it was done, and sent no text under `whole` or `parts`"):
        text_of("it", description, Reply(None))


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
