"""Black boxes over real HTTP and in this process: right ones pass, shared ones are caught, odd ones are told apart."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from rag.crosstalk import Workload, simulate
from rag.crosstalk.log.events import Message
from rag.crosstalk.run.model import mirror
from rag.crosstalk.targets import BadTarget, TargetFailed, function, open_target
from rag.crosstalk.targets.function import answered
from tests.servers import wait_for

WORKLOAD = Workload(users=20, turns=3, arrival="ramp:0.3", think=0.05, seed=5, in_flight=8)
SAID: dict[str, list[Message]] = {"everybody": []}


def remember(key: str, text: str) -> str:
    history = SAID.setdefault(key, [])
    answer = mirror([*history, Message("user", text)])
    history += [Message("user", text), Message("assistant", answer)]
    return answer


def right(session_id: str, text: str) -> str:
    return remember(session_id, text)


def overwriting(session_id: str, text: str) -> str:
    """Reads it all, and writes it all back a little later."""
    key = f"overwriting-{session_id}"
    history = [*SAID.get(key, [])]
    time.sleep(0.005)
    answer = mirror([*history, Message("user", text)])
    SAID[key] = [*history, Message("user", text), Message("assistant", answer)]
    return answer


def shared(session_id: str, text: str) -> str:
    del session_id
    return remember("everybody", text)


async def right_later(session_id: str, text: str) -> str:
    await asyncio.sleep(0.001)
    return remember(f"later-{session_id}", text)


def silent(session_id: str, text: str) -> None:
    del session_id, text


def leaving(session_id: str, text: str) -> str:
    del session_id, text
    sys.exit(3)


async def leaving_later(session_id: str, text: str) -> str:
    await asyncio.sleep(0)
    leaving(session_id, text)
    return ""


NUMBER = 5


async def by_json(request: Request) -> Response:
    body = await request.json()
    key = "everybody" if request.url.path == "/shared" else body["conversation"]
    return JSONResponse({"reply": {"text": remember(f"http-{key}", body["message"])}})


async def by_cookie(request: Request) -> Response:
    form = await request.form()
    mine = request.cookies.get("sid") or f"visitor-{len(SAID)}"
    answer = remember(f"cookie-{mine}", str(form["q"]))
    response = PlainTextResponse(answer)
    response.set_cookie("sid", mine)
    return response


async def by_events(request: Request) -> Response:
    body = await request.json()
    answer = remember(f"sse-{body['conversation']}", body["message"])

    def pieces() -> Iterator[str]:
        yield ": a comment\n\nevent: start\ndata: not json\n\n"
        for start in range(0, len(answer), 7):
            yield f"data: {json.dumps({'delta': {'text': answer[start : start + 7]}})}\n\n"
        yield 'data: [DONE]\n\ndata: {"delta": {"text": "too late"}}\n\n'

    return StreamingResponse(pieces(), media_type="text/event-stream")


async def like_openai(request: Request) -> Response:
    body = await request.json()
    messages = [Message(one["role"], one["content"]) for one in body["messages"]]
    return JSONResponse({"choices": [{"message": {"role": "assistant", "content": mirror(messages)}}]})


def now_and_then(seconds: float = 3.0) -> Iterator[str]:
    """Something comes, but never an answer."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        yield ": still here\n\n"
        time.sleep(0.05)


async def packed(request: Request) -> Response:
    """A byte at a time, so that every line lies in many pieces."""
    text = gzip.compress(b'data: {"delta": "Hello"}\r\n\r\ndata: {"delta": ", Ada"}\n\n', mtime=0)
    pieces = (text[at : at + 1] for at in range(len(text)))
    return StreamingResponse(pieces, media_type="text/event-stream", headers={"content-encoding": "gzip"})


async def failing(request: Request) -> Response:
    match request.path_params["how"]:
        case "status":
            return PlainTextResponse("out of\norder", 503)
        case "json":
            return PlainTextResponse("hello")
        case "path":
            return JSONResponse({"other": 1})
        case "pings":
            return StreamingResponse(now_and_then(), media_type="text/event-stream")
        case "dribble":
            return StreamingResponse(now_and_then(), media_type="application/json")
        case "long":
            return PlainTextResponse("x" * 3_000_000)
        case "deep":
            return PlainTextResponse("[" * 500_000)
        case "packed":
            return Response(gzip.compress(b" " * 20_000_000), headers={"content-encoding": "gzip"})
        case "damaged":
            return Response(b"no gzip", headers={"content-encoding": "gzip"})
        case "unasked":
            return Response(b"x", headers={"content-encoding": "br"})
        case _:
            await asyncio.sleep(5)
            return PlainTextResponse("late")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    app = Starlette(
        routes=[
            Route("/ask", by_json, methods=["POST"]),
            Route("/shared", by_json, methods=["POST"]),
            Route("/cookie", by_cookie, methods=["POST"]),
            Route("/events", by_events, methods=["POST"]),
            Route("/v1/chat/completions", like_openai, methods=["POST"]),
            Route("/packed", packed, methods=["POST"]),
            Route("/failing/{how}", failing, methods=["POST"]),
        ]
    )
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        wait_for(lambda: server.started, "the server")
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@contextmanager
def spec(tmp_path: Path, text: str) -> Iterator[Path]:
    path = tmp_path / "endpoint.yaml"
    path.write_text(text)
    yield path


JSON = 'json: {conversation: "{session}", message: "{text}"}\nanswer: reply.text\n'


@pytest.mark.parametrize(
    ("path", "text", "verdict"),
    [
        ("/ask", JSON, "isolated"),
        ("/shared", JSON, "anomalies"),
        ("/cookie", 'form: {q: "{text}"}', "isolated"),
        (
            "/events",
            'json: {conversation: "{session}", message: "{text}"}\nstream: sse\nanswer: delta.text',
            "isolated",
        ),
        ("/v1", None, "isolated"),
    ],
)
def test_endpoints(path: str, text: str | None, verdict: str, url: str, tmp_path: Path) -> None:
    file = tmp_path / "endpoint.yaml"
    file.write_text(text or "")
    target = open_target(url + path, file if text else None)
    result = simulate(target, WORKLOAD)
    target.close()
    assert result.problems == ()
    assert result.report.verdict == verdict, result.report.why
    assert result.report.box == "black"
    assert result.report.answered == 60


@pytest.mark.parametrize(
    ("name", "verdict"), [("right", "isolated"), ("shared", "anomalies"), ("right_later", "isolated")]
)
def test_callables(name: str, verdict: str) -> None:
    target = open_target(f"tests.crosstalk.targets.test_endpoints:{name}")
    result = simulate(target, WORKLOAD)
    target.close()
    assert result.report.verdict == ("anomalies" if name == "shared" else "isolated"), result.report.why


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("status", "it said 503: out of order"),
        ("json", "it sent 'hello', expected JSON with answer"),
        ("path", 'its answer has no text at answer: {"other":1}'),
        ("long", "its answer is longer than 1,048,576 bytes"),
        ("deep", "expected JSON with answer"),
        ("packed", "its answer is longer than 1,048,576 bytes"),
        ("damaged", "it sent 'gzip' that cannot be unpacked"),
        ("unasked", "it sent 'br', expected an answer that is not compressed"),
        ("slow", "nothing came for 0.2 seconds"),
    ],
)
def test_what_an_endpoint_does_wrong_is_said_in_one_line(how: str, said: str, url: str, tmp_path: Path) -> None:
    with spec(tmp_path, 'json: {message: "{text}"}\nanswer: answer\n') as path:
        target = open_target(f"{url}/failing/{how}", path, timeout=0.2 if how == "slow" else 30)
    with pytest.raises(TargetFailed, match="did not answer") as caught:
        target.call("a", "Hello")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    target.close()


def test_a_packed_answer_is_read_and_events_may_come_in_any_pieces(url: str, tmp_path: Path) -> None:
    with spec(tmp_path, 'json: {message: "{text}"}\nstream: sse\nanswer: delta\n') as path:
        target = open_target(f"{url}/packed", path)
    assert target.call("a", "Hello") == "Hello, Ada"
    target.close()


@pytest.mark.parametrize(("how", "more"), [("pings", "stream: sse"), ("dribble", "answer: answer")])
def test_an_answer_that_never_ends_ends_at_the_deadline(how: str, more: str, url: str, tmp_path: Path) -> None:
    with spec(tmp_path, f'json: {{message: "{{text}}"}}\n{more}\ndeadline: 0.3\n') as path:
        target = open_target(f"{url}/failing/{how}", path)
    begun = time.monotonic()
    with pytest.raises(TargetFailed, match=r"its answer was not whole after 0\.3 seconds"):
        target.call("a", "Hello")
    assert time.monotonic() - begun < 2
    target.close()


@pytest.mark.parametrize("name", ["leaving", "leaving_later"])
def test_a_callable_that_ends_the_program_has_failed_that_turn(name: str) -> None:
    target = open_target(f"tests.crosstalk.targets.test_endpoints:{name}")
    result = simulate(target, Workload(users=3, turns=2))
    assert (result.report.verdict, result.figures.failed) == ("unknown", 6)
    assert "SystemExit: 3" in result.problems[0]


TABS = Workload(users=12, turns=5, tabs=3, seed=5, in_flight=16)


@pytest.mark.parametrize(
    ("path", "text", "seed"),
    [("/ask", JSON, 0), ("/cookie", 'form: {q: "{text}"}', 1), ("/v1", None, 2)],
)
def test_a_right_endpoint_is_right_in_several_tabs(
    path: str, text: str | None, seed: int, url: str, tmp_path: Path
) -> None:
    # Each asks what its user stated in any tab, and a corrected address is the only right one.
    file = tmp_path / "endpoint.yaml"
    file.write_text(text or "")
    target = open_target(url + path, file if text else None)
    result = simulate(target, replace(TABS, seed=seed))
    target.close()
    assert result.problems == ()
    assert result.report.verdict == "isolated", (result.report.counts, result.report.anomalies[:2])
    assert result.report.controls.recalled > 12


def test_a_memory_that_loses_turns_of_two_tabs_is_seen_from_outside() -> None:
    target = open_target("tests.crosstalk.targets.test_endpoints:overwriting")
    result = simulate(target, replace(TABS, latency="0"), require_memory=True)
    assert result.report.verdict == "anomalies"
    assert set(result.report.counts) == {"amnesia"}


def test_turns_that_fail_are_not_counted_as_lost(url: str, tmp_path: Path) -> None:
    with spec(tmp_path, 'json: {message: "{text}"}\n') as path:
        result = simulate(open_target(f"{url}/failing/status", path), Workload(users=2, turns=2))
    assert result.report.verdict == "unknown"
    assert result.report.counts == {}
    assert "it said 503" in result.problems[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1]", "expected keys like url, json and answer"),
        ("json: {a: '{text}'", "it is not YAML"),
        ("json: {a: b}", "nothing of it says {text} or {messages}"),
        ("json: {a: '{text}'}\nform: {a: '{text}'}", "it has form and json"),
        ("json: {a: '{text}'}\ntimeout: 3", "timeout: extra inputs are not permitted"),
        ("json: {a: '{text}'}\nmethod: FETCH", "method: input should be"),
        ("json: {a: '{text}'}\nurl: ftp://x", "url is 'ftp://x'"),
        ("json: {a: '{text}'}\nheaders: {a: '${NOT_SET_ANYWHERE}'}", "variable NOT_SET_ANYWHERE, which is not set"),
    ],
)
def test_bad_descriptions(text: str, said: str, url: str, tmp_path: Path) -> None:
    with spec(tmp_path, text) as path, pytest.raises(BadTarget, match="cannot be simulated against") as caught:
        open_target(url, path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nonsense", "expected http://…, https://…, ws://… or package.module:callable"),
        ("no.such.module:ask", "it cannot be imported"),
        ("tests.crosstalk.targets.test_endpoints:nobody", "has no 'nobody'"),
        ("tests.crosstalk.targets.test_endpoints:NUMBER", "it is a int, expected a callable"),
        ("http://127.0.0.1:9/", "it cannot be reached"),
    ],
)
def test_bad_targets(target: str, said: str) -> None:
    with pytest.raises((BadTarget, TargetFailed)) as caught:
        open_target(target)
    assert said in str(caught.value)


def test_an_unknown_endpoint_needs_a_description(url: str) -> None:
    with pytest.raises(BadTarget, match="neither Crosswire nor OpenAI-style"):
        open_target(f"{url}/ask")


def test_an_answer_that_is_no_text() -> None:
    with pytest.raises(TargetFailed, match="returned a NoneType, expected text"):
        open_target("tests.crosstalk.targets.test_endpoints:silent").call("a", "Hello")
    with pytest.raises(TargetFailed, match="yielded a int, expected parts of a text"):
        answered("it", iter(["Hi", 5]))


def test_parts_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function, "LONGEST", 10)
    with pytest.raises(TargetFailed, match="its answer is longer than 10 characters"):
        answered("it", iter(lambda: "Hello", None))


def test_a_module_of_this_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "chat_of_this_folder.py").write_text("def ask(session_id, text):\n    return f'You said {text}'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    target = open_target("chat_of_this_folder:ask")
    monkeypatch.delitem(sys.modules, "chat_of_this_folder")
    assert target.call("a", "Hello") == "You said Hello"
