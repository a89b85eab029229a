"""Socket.IO as Chainlit speaks it, against a real Socket.IO server with Chainlit's events."""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import closing
from typing import Any

import pytest
import socketio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rag.crosstalk import Workload, simulate
from rag.crosstalk.targets import BadTarget, open_target
from rag.crosstalk.targets.recognise import recognised
from rag.crosstalk.targets.trust import VISITOR
from tests.crosstalk.targets.protocol_servers import pieces, told
from tests.web.serving import serving

WORKLOAD = Workload(users=6, turns=3, seed=4, in_flight=3)


def application(*, shared: bool) -> Any:
    """Streams its answer, then sends it whole, then says that the task has ended."""
    server = socketio.AsyncServer(async_mode="asgi")
    sessions: dict[str, str] = {}
    said: dict[str, list[str]] = defaultdict(list)

    async def connect(sid: str, environ: Any, auth: dict[str, str]) -> bool:
        sessions[sid] = auth["sessionId"]
        return json.loads(auth["userEnv"]) == {} and auth["clientType"] == "webapp"

    async def client_message(sid: str, payload: dict[str, Any]) -> None:
        history = said["all" if shared else sessions[sid]]
        history.append(payload["message"]["output"])
        await server.emit("task_start", {}, to=sid)
        step = {"id": "1", "type": "assistant_message", "output": ""}
        await server.emit("stream_start", step, to=sid)
        for part in pieces(told(history), 40):
            await server.emit("stream_token", {"id": "1", "token": part}, to=sid)
        await server.emit("update_message", {**step, "output": told(history)}, to=sid)
        await server.emit("task_end", {}, to=sid)

    server.on("connect", connect)
    server.on("client_message", client_message)

    async def settings(request: Request) -> JSONResponse:
        return JSONResponse({"ui": {"name": "Assistant"}, "features": {}, "userEnv": []})

    pages = Starlette(routes=[Route("/project/settings", settings)])
    return socketio.ASGIApp(server, pages, socketio_path="/ws/socket.io")


@pytest.mark.parametrize("shared", [False, True])
def test_chainlit_is_recognised_and_spoken(shared: bool) -> None:
    with serving(application(shared=shared)) as address:
        protocol, _ = recognised(address, 10)
        assert protocol is not None
        assert protocol.name == "chainlit"
        with closing(open_target(address, timeout=20)) as target:
            result = simulate(target, WORKLOAD)
    assert result.problems == ()
    assert result.report.answered == 18
    assert result.report.verdict == ("anomalies" if shared else "isolated"), result.report.why


def test_it_is_not_spoken_for_a_pages_visitor() -> None:
    from rag.crosstalk.targets.http import HttpTarget
    from rag.crosstalk.targets.shipped import shipped

    target = HttpTarget(shipped("chainlit").description("https://chat.example.org/"), trust=VISITOR)
    with closing(target), pytest.raises(BadTarget, match="on the command line only"):
        target.call("a", "Hello")
