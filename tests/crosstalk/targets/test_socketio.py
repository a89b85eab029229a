"""Socket.IO as Chainlit speaks it, against a real Socket.IO server with Chainlit's events."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from datetime import datetime
from typing import Any

import pytest
import socketio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rag.crosstalk import Workload, simulate
from rag.crosstalk.targets import BadTarget, TargetFailed, open_target
from rag.crosstalk.targets.describing import described
from rag.crosstalk.targets.onboarding.begin import begun
from rag.crosstalk.targets.onboarding.probe import settled
from rag.crosstalk.targets.recognise import recognised
from rag.crosstalk.targets.sockets.socketio import EventSocket
from rag.crosstalk.targets.trust import OWNER, VISITOR
from tests.crosstalk.targets.protocol_servers import pieces, told
from tests.web.serving import serving

WORKLOAD = Workload(users=4, turns=3, seed=4, in_flight=3)


def application(*, shared: bool, path: str = "") -> Any:
    """What Chainlit 2.12 sends: an end that nothing began when one connects, a greeting that is a task of its own, and
    a turn's steps around two messages, of which one is streamed. Whoever asks before the greeting is over gets an
    error."""
    server = socketio.AsyncServer(async_mode="asgi")
    sessions: dict[str, str] = {}
    said: dict[str, list[str]] = {}
    greetings = set[asyncio.Task[None]]()

    async def connect(sid: str, environ: Any, auth: dict[str, str]) -> bool:
        sessions[sid] = auth["sessionId"]
        return json.loads(auth["userEnv"]) == {} and auth["clientType"] == "webapp"

    async def greet(sid: str) -> None:
        await server.emit("task_start", {}, to=sid)
        await asyncio.sleep(0.35)
        said[sessions[sid]] = []
        await server.emit("new_message", {"id": sid, "type": "assistant_message", "output": "Welcome."}, to=sid)
        await server.emit("task_end", {}, to=sid)

    async def connection_successful(sid: str) -> None:
        await server.emit("task_end", {}, to=sid)
        greetings.add(asyncio.create_task(greet(sid)))

    async def client_message(sid: str, payload: dict[str, Any]) -> None:
        asked = payload["message"]
        assert datetime.fromisoformat(asked["createdAt"]).tzinfo
        await server.emit("task_start", {}, to=sid)
        run = {"id": f"run {asked['id']}", "type": "run", "name": "on_message", "output": "", "isError": False}
        await server.emit("new_message", {**run, "parentId": asked["id"]}, to=sid)
        await server.emit("update_message", {"id": asked["id"], "type": "user_message", "output": "echo"}, to=sid)
        history = said.get("all" if shared else sessions[sid])
        if history is not None and "break" not in asked["output"]:
            history.append(asked["output"])
            thinking = {"id": f"0 {asked['id']}", "type": "assistant_message", "output": "Let me think"}
            await server.emit("new_message", thinking, to=sid)
            first, *others = pieces(told(history), 40)
            step = {"id": asked["id"][::-1], "type": "assistant_message", "output": first}
            await server.emit("stream_start", step, to=sid)
            for part in others:
                await server.emit("stream_token", {"id": step["id"], "token": part, "isSequence": False}, to=sid)
            await server.emit("update_message", {**step, "output": told(history)}, to=sid)
        else:
            step = {"id": f"e {asked['id']}", "type": "assistant_message", "output": "no model", "isError": True}
            await server.emit("new_message", step, to=sid)
        await server.emit("update_message", run, to=sid)
        await server.emit("task_end", {}, to=sid)

    said["all"] = []
    for event in (connect, connection_successful, client_message):
        server.on(event.__name__, event)

    async def config(request: Request) -> JSONResponse:
        return JSONResponse({"requireLogin": None, "passwordAuth": False, "headerAuth": False, "oauthProviders": []})

    pages = Starlette(routes=[Route(f"{path}/auth/config", config)])
    return socketio.ASGIApp(server, pages, socketio_path=f"{path}/ws/socket.io")


@pytest.mark.parametrize(("shared", "path"), [(False, ""), (True, "/behind")])
def test_chainlit_is_recognised_and_spoken(shared: bool, path: str) -> None:
    with serving(application(shared=shared, path=path)) as address:
        protocol, _ = recognised(address + path, 10)
        assert protocol is not None
        assert protocol.name == "chainlit"
        assert "names where the answer is" not in begun(address + path).text()
        with closing(open_target(address + path, timeout=20)) as target:
            probed, _ = settled(target)
            first = target.call("a", "Hello")
            assert first.startswith("Welcome.\nLet me think\nYou told me: ")
            assert first.endswith("Hello")
            with pytest.raises(TargetFailed, match="it said no model"):
                target.call("a", "please break")
            assert target.call("a", "Again").startswith("Let me think\nYou told me: ")
            result = simulate(target, WORKLOAD)
    assert probed.streams
    assert probed.answer == ""
    assert result.problems == ()
    assert result.report.answered == 12
    assert result.report.verdict == ("anomalies" if shared else "isolated"), result.report.why


def spoken(*opening: str) -> EventSocket:
    events = {"emit": "ask", "whole": {"said": "text"}, "done": "end", "opening": list(opening)}
    values = {"json": {"q": "{text}"}, "deadline": 7, "socketio": events}
    description = described(values, "it", "http://chat.example.org/")
    assert description.socketio is not None
    return EventSocket("it", description, description.socketio, {}, {}, OWNER)


@pytest.mark.parametrize(
    ("opening", "step", "wrong", "said"),
    [
        ([], "connect", socketio.exceptions.ConnectionError("Connection refused"), "Connection refused"),
        ([], "receive", socketio.exceptions.TimeoutError(), "7 seconds"),
        (["hello"], "receive", socketio.exceptions.TimeoutError(), "7 seconds"),
    ],
    ids=["refused", "silent", "silent from the start"],
)
def test_a_server_that_does_not_answer_is_told_in_one_line(
    opening: list[str], step: str, wrong: Exception, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise wrong

    for name in ("connect", "emit", "receive"):
        monkeypatch.setattr(socketio.SimpleClient, name, fails if name == step else lambda *_, **__: None)
    with pytest.raises(TargetFailed, match=said):
        spoken(*opening).ask({"text": "Hello"}, 0)


def test_an_answer_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.crosstalk.targets.sockets.socketio.LONGEST", 20)
    shown = spoken()._shown
    assert not shown.take("said", {"text": ""})
    with pytest.raises(TargetFailed, match="its answer is longer than"):
        shown.take("said", {"text": "Hello"})


def test_it_is_not_spoken_for_a_pages_visitor() -> None:
    from rag.crosstalk.targets.http import HttpTarget
    from rag.crosstalk.targets.shipped import shipped

    target = HttpTarget(shipped("chainlit").description("https://chat.example.org/"), trust=VISITOR)
    with closing(target), pytest.raises(BadTarget, match="on the command line only"):
        target.call("a", "Hello")
