"""Gradio's API as its versions 4.44, 5.50 and 6.31 really answer: a ChatInterface, and Blocks around a Chatbot."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from contextlib import closing
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from rag.crosstalk import Workload, simulate
from rag.crosstalk.targets import TargetFailed, open_target
from rag.crosstalk.targets.recognise import recognised
from tests.crosstalk.targets.protocol_servers import EVENTS, told, written
from tests.web.serving import serving

WORKLOAD = Workload(users=6, turns=3, seed=4, in_flight=3)
Message = dict[str, Any]


def parameter(name: str, component: str, kind: str = "string", **default: Any) -> Message:
    filled = {"parameter_has_default": "default" in default, "parameter_default": default.get("default")}
    return {"label": "", "parameter_name": name, "type": {"type": kind}, "component": component, **filled}


class Gradio:
    """An endpoint that clears, and `reply`. blocks: it keeps nothing, its page gives the Chatbot's content back.
    Wrong where `shared`."""

    def __init__(self, version: str, *, blocks: bool = False, shared: bool = False) -> None:
        self.version, self.blocks, self.shared = version, blocks, shared
        self.queued = not version.startswith("6")
        self.prefix = "" if version.startswith("4") else "/gradio_api"
        self.said: dict[str, list[str]] = defaultdict(list)
        self.done: dict[str, Message] = {}
        self.inputs = ["textbox", "slider", *(["chatbot"] if blocks else []), "state"]
        self.outputs = ["textbox", "chatbot"] if blocks else ["json", "state"]

    def info(self) -> Message:
        taken = [parameter("message", "Textbox"), parameter("heat", "Slider", "number", default=0.5)]
        taken += [parameter("history", "Chatbot", "array", default=[])] if self.blocks else []
        named = {"/clear": {"parameters": [parameter("c", "Checkbox", "boolean")]}, "/reply": {"parameters": taken}}
        return {"named_endpoints": named, "unnamed_endpoints": {}}

    def config(self) -> Message:
        kinds = [*self.inputs, *self.outputs]
        ids = [*range(len(kinds))]
        reply = {"api_name": "reply", "inputs": ids[: len(self.inputs)], "outputs": ids[len(self.inputs) :]}
        components = [{"id": number, "type": kind} for number, kind in enumerate(kinds)]
        prefix = {"api_prefix": self.prefix} if self.prefix else {}
        clear: Message = {"api_name": "clear", "inputs": [], "outputs": []}
        return {"version": self.version, **prefix, "components": components, "dependencies": [clear, reply]}

    async def call(self, request: Request) -> Response:
        """States are counted as inputs up to Gradio 5, and may be left out later."""
        body, event = await request.json(), uuid.uuid4().hex
        session = body["session_hash"]
        text, heat, *others = body["data"]
        if len(body["data"]) != len(self.inputs) or heat != 0.5:
            output: Message = {"error": "not enough input values"}
        elif self.blocks:
            history = [*others[0], {"role": "user", "content": [{"type": "text", "text": text}]}]
            own = [part["content"][0]["text"] for part in history if part["role"] == "user"]
            answer = [{"type": "text", "text": told(self.heard(session, text) if self.shared else own)}]
            output = {"data": ["", [*history, {"role": "assistant", "content": answer}]]}
        else:
            output = {"error": "no model"} if text == "break" else {"data": [told(self.heard(session, text)), None]}
        self.done[session if self.queued else event] = output
        return JSONResponse({"event_id": event})

    def heard(self, session: str, text: str) -> list[str]:
        said = self.said["all" if self.shared else session]
        said.append(text)
        return said

    async def event(self, request: Request) -> Response:
        output = self.done.pop(request.path_params["event"], None)
        if output is None:
            return StreamingResponse(written(['event: error\ndata: "404: Not Found"\n\n']), media_type=EVENTS)
        name = "complete" if "data" in output else "error"
        lines = ['event: generating\ndata: ["You"]\n\n', f"event: {name}\ndata: {json.dumps(output.get('data'))}\n\n"]
        return StreamingResponse(written(lines), media_type=EVENTS)

    async def queue(self, request: Request) -> Response:
        output = self.done.pop(request.query_params["session_hash"])
        events = [
            {"msg": "estimation", "rank": 0},
            {"msg": "process_starts"},
            {"msg": "process_generating", "output": {"data": ["You"]}, "success": True},
            {"msg": "process_completed", "output": output, "success": "data" in output},
            {"msg": "close_stream", "event_id": None},
        ]
        return StreamingResponse(written([f"data: {json.dumps(one)}\n\n" for one in events]), media_type=EVENTS)

    def application(self) -> Starlette:
        async def info(request: Request) -> Response:
            return JSONResponse(self.info())

        async def config(request: Request) -> Response:
            return JSONResponse(self.config())

        routes = [
            Route(f"{self.prefix}/info", info),
            Route("/config", config),
            Route(f"{self.prefix}/call/reply", self.call, methods=["POST"]),
            Route(f"{self.prefix}/call/reply/{{event}}", self.event),
            Route(f"{self.prefix}/queue/data", self.queue),
        ]
        return Starlette(routes=routes)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(
    ("version", "blocks"), [("4.44.1", False), ("5.50.0", False), ("6.31.0", False), ("5.50.0", True), ("6.31.0", True)]
)
def test_a_gradio_app_says_how_it_is_called(version: str, blocks: bool, shared: bool) -> None:
    with serving(Gradio(version, blocks=blocks, shared=shared).application()) as address:
        protocol, description = recognised(address, 10)
        assert protocol is not None
        assert protocol.name == "gradio"
        assert description.url.endswith("/call/reply")
        with closing(open_target(address, timeout=20)) as target:
            if not blocks:
                with pytest.raises(TargetFailed, match="it said"):
                    target.call("a", "break")
            result = simulate(target, WORKLOAD)
    assert result.problems == ()
    assert result.report.answered == 18
    assert result.report.verdict == ("anomalies" if shared else "isolated"), result.report.why
