"""Servers that keep their users apart, one for each protocol, as the real ones answer; and one that does not.

Each conversation is kept under the key that the protocol's own documentation names.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import uuid
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

EVENTS, LINES = "text/event-stream", "application/x-ndjson"
Parts = list[str]


def told(said: list[str]) -> str:
    return "You told me: " + " | ".join(said)


def pieces(text: str, size: int = 4) -> Parts:
    return [text[start : start + size] for start in range(0, len(text), size)]


async def written(parts: list[str]) -> AsyncIterator[str]:
    for part in parts:
        yield part
        await asyncio.sleep(0)


class Protocols:
    """All of them. Whoever asks with a key that nobody was given gets the protocol's own refusal."""

    def __init__(self) -> None:
        self.said: dict[tuple[str, Any], list[str]] = {}
        self.tokens: dict[str, str] = {}
        self.responses: dict[str, list[dict[str, str]]] = {}
        self.waiting: dict[str, list[Any]] = {}
        self.calls = 0

    def say(self, *key: Any, text: str) -> str:
        said = self.said.setdefault((str(key[0]), key[1:]), [])
        said.append(text)
        return told(said)

    async def login(self, request: Request) -> Response:
        body = await request.json()
        if body["password"] != f"secret of {body['user']}":
            return JSONResponse({"detail": "Incorrect username or password"}, 401)
        token = secrets.token_hex(8)
        self.tokens[token] = body["user"]
        return JSONResponse({"access_token": token, "token_type": "bearer"})

    async def me(self, request: Request) -> Response:
        who = self.tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if who is None:
            return JSONResponse({"detail": "Not authenticated"}, 401)
        return JSONResponse({"reply": self.say("me", who, text=(await request.json())["message"])})

    async def form_page(self, request: Request) -> Response:
        token = secrets.token_hex(8)
        page = PlainTextResponse(f'<form><input type="hidden" name="csrf" value="{token}"></form>')
        page.set_cookie("csrf", token)
        return page

    async def form(self, request: Request) -> Response:
        fields = await request.form()
        if not fields["csrf"] or fields["csrf"] != request.cookies.get("csrf"):
            return PlainTextResponse("CSRF token missing", 403)
        return PlainTextResponse(self.say("form", fields["csrf"], text=str(fields["q"])))

    async def threads(self, request: Request) -> Response:
        thread = str(uuid.uuid4())
        self.said[("langgraph", (thread,))] = []
        return JSONResponse({"thread_id": thread, "status": "idle"})

    async def runs(self, request: Request) -> Response:
        thread, body = request.path_params["thread"], await request.json()
        if ("langgraph", (thread,)) not in self.said:
            return JSONResponse({"detail": "Invalid thread ID: must be a UUID"}, 422)
        answer = self.say("langgraph", thread, text=body["input"]["messages"][-1]["content"])
        return JSONResponse({"messages": [{"type": "human"}, {"type": "ai", "content": answer}]})

    async def dify(self, request: Request) -> Response:
        body = await request.json()
        conversation = body.get("conversation_id")
        if conversation and ("dify", (conversation,)) not in self.said:
            return JSONResponse({"code": "not_found", "message": "Conversation Not Exists."}, 404)
        conversation = conversation or str(uuid.uuid4())
        answer = self.say("dify", conversation, text=body["query"])
        return JSONResponse({"event": "message", "answer": answer, "conversation_id": conversation})

    async def openai_responses(self, request: Request) -> Response:
        body = await request.json()
        previous = body.get("previous_response_id")
        if previous is not None and previous not in self.responses:
            return JSONResponse({"error": {"message": f"Previous response {previous!r} not found."}}, 400)
        items = [*self.responses.get(previous, []), {"role": "user", "content": body["input"]}]
        number = f"resp_{uuid.uuid4().hex}"
        self.responses[number] = items
        answer = told([item["content"] for item in items])
        content = [{"type": "output_text", "text": answer}]
        output = [{"type": "reasoning", "summary": []}, {"type": "message", "content": content}]
        if body.get("stream"):
            begun: dict[str, Any] = {"id": number, "error": None, "output": []}
            events: list[dict[str, Any]] = [
                {"type": "response.created", "response": begun},
                {"type": "response.reasoning_text.delta", "item_id": "rs_1", "delta": "They ask me something."},
                *({"type": "response.output_text.delta", "item_id": "msg_1", "delta": part} for part in pieces(answer)),
                {"type": "response.output_text.done", "item_id": "msg_1", "text": answer},
                {"type": "response.completed", "response": {**begun, "output": output}},
            ]
            lines = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]
            return StreamingResponse(written(lines), media_type=EVENTS)
        return JSONResponse({"id": number, "error": None, "output": output})

    async def openai_chat(self, request: Request) -> Response:
        body = await request.json()
        answer = told([one["content"] for one in body["messages"] if one["role"] == "user"])
        if "stream-only" in request.url.path:
            events = [json.dumps({"choices": [{"delta": {"content": part}}]}) for part in pieces(answer)]
            lines = [": keep-alive\n\n", *(f"data: {event}\n\n" for event in [*events, "[DONE]"])]
            return StreamingResponse(written(lines), media_type=EVENTS)
        return JSONResponse({"choices": [{"message": {"role": "assistant", "content": answer}}]})

    async def langserve(self, request: Request) -> Response:
        body = await request.json()
        session = body["config"]["configurable"]["session_id"]
        answer = self.say("langserve", request.url.path, session, text=body["input"]["question"])
        if request.url.path.endswith("/invoke"):
            return JSONResponse({"output": {"content": answer, "type": "ai"}, "metadata": {"run_id": "1"}})
        parts = [f"event: data\ndata: {json.dumps(part)}\n\n" for part in pieces(answer)]
        lines = ['event: metadata\ndata: {"run_id": "1"}\n\n', *parts, "event: end\n\n"]
        return StreamingResponse(written(lines), media_type=EVENTS)

    async def gradio_call(self, request: Request) -> Response:
        body, event = await request.json(), uuid.uuid4().hex
        self.waiting[event] = [self.say("gradio", body["session_hash"], text=body["data"][0])]
        return JSONResponse({"event_id": event})

    async def gradio_get(self, request: Request) -> Response:
        data = json.dumps(self.waiting.pop(request.path_params["event"]))
        lines = ["event: heartbeat\ndata: null\n\n", f"event: complete\ndata: {data}\n\n"]
        return StreamingResponse(written(lines), media_type=EVENTS)

    async def n8n(self, request: Request) -> Response:
        body = await request.json()
        return JSONResponse({"output": self.say("n8n", body["sessionId"], text=body["chatInput"])})

    async def flowise(self, request: Request) -> Response:
        body = await request.json()
        session = body["overrideConfig"]["sessionId"]
        answer = self.say("flowise", session, text=body["question"])
        if body.get("streaming"):
            events = [("start", ""), *(("token", part) for part in pieces(answer))]
            events += [("metadata", {"sessionId": session}), ("end", "[DONE]")]  # type: ignore[list-item]
            # The first line is none that a stream has; the real one sends it.
            lines = [f"message:\ndata:{json.dumps({'event': event, 'data': data})}\n\n" for event, data in events]
            return StreamingResponse(written(lines), media_type=EVENTS)
        return JSONResponse({"text": answer, "sessionId": session})

    async def ollama(self, request: Request) -> Response:
        body = await request.json()
        answer = told([one["content"] for one in body["messages"] if one["role"] == "user"])
        parts = [{"message": {"role": "assistant", "content": part}, "done": False} for part in pieces(answer)]
        lines = [json.dumps(one) + "\n" for one in [*parts, {"message": {"content": ""}, "done": True}]]
        return StreamingResponse(written(lines), media_type=LINES)

    async def mcp(self, request: Request) -> Response:
        body = await request.json()
        match body["method"]:
            case "initialize":
                result: Any = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}}
                headers = {"Mcp-Session-Id": uuid.uuid4().hex}
                return JSONResponse({"jsonrpc": "2.0", "id": body["id"], "result": result}, headers=headers)
            case "notifications/initialized":
                return Response(status_code=202)
            case "tools/list":
                schema = {"type": "object", "properties": {"question": {"type": "string"}}, "required": ["question"]}
                result = {"tools": [{"name": "ask", "inputSchema": schema}]}
            case _:
                given, session = body["params"]["arguments"], request.headers["mcp-session-id"]
                result = {"content": [{"type": "text", "text": self.say("mcp", session, text=given["question"])}]}
        event = json.dumps({"jsonrpc": "2.0", "id": body["id"], "result": result})
        return StreamingResponse(written([f"event: message\ndata: {event}\n\n"]), media_type=EVENTS)

    async def queued(self, request: Request) -> Response:
        body, task = await request.json(), uuid.uuid4().hex
        self.waiting[task] = [2, self.say("queued", body["id"], text=body["message"])]
        return JSONResponse({"status": "queued", "task_id": task}, 202)

    async def task(self, request: Request) -> Response:
        state = self.waiting[request.path_params["task"]]
        state[0] -= 1
        return JSONResponse({"status": "running"} if state[0] > 0 else {"status": "done", "result": state[1]})

    async def limiting(self, request: Request) -> Response:
        self.calls += 1
        if self.calls % 3:
            return JSONResponse({"detail": "slow down"}, 429, headers={"Retry-After": "0.05"})
        body = await request.json()
        return JSONResponse({"reply": self.say("limited", body["id"], text=body["message"])})

    async def by_address(self, request: Request) -> Response:
        """Wrong: everybody behind one address has one history (fossasia/susi.ai#564)."""
        host = request.client.host if request.client else ""
        return JSONResponse({"answer": self.say("address", host, text=(await request.json())["message"])})

    async def profile(self, request: Request) -> Response:
        """It knows its user by a header. Wrong with `cached`: what it says of one is kept by the question alone."""
        text, known = (await request.json())["message"], request.headers["x-customer"]
        answer = f"You are customer {known}. {self.say('profile', known, text=text)}"
        if request.url.path == "/cached-profile":
            return JSONResponse({"answer": self.waiting.setdefault(text, [answer])[0]})
        return JSONResponse({"answer": answer})

    async def failed_with_200(self, request: Request) -> Response:
        return JSONResponse({"error": "model overloaded", "answer": "Sorry, something went wrong."})

    async def text_socket(self, socket: WebSocket) -> None:
        await socket.accept()
        said: list[str] = []
        try:
            while True:
                said.append(await socket.receive_text())
                await socket.send_text(told(said))
        except WebSocketDisconnect:
            pass

    async def json_socket(self, socket: WebSocket) -> None:
        await socket.accept()
        try:
            while True:
                asked = await socket.receive_json()
                for part in pieces(self.say("socket", asked["session"], text=asked["text"]), 9):
                    await socket.send_json({"type": "token", "text": part})
                await socket.send_json({"type": "end"})
        except WebSocketDisconnect:
            pass

    def routes(self) -> list[BaseRoute]:
        posts = {
            "/login": self.login,
            "/me": self.me,
            "/form": self.form,
            "/threads": self.threads,
            "/threads/{thread}/runs/wait": self.runs,
            "/v1/chat-messages": self.dify,
            "/v1/responses": self.openai_responses,
            "/v1/chat/completions": self.openai_chat,
            "/stream-only/v1/chat/completions": self.openai_chat,
            "/rag/invoke": self.langserve,
            "/rag/stream": self.langserve,
            "/gradio_api/call/chat": self.gradio_call,
            "/webhook/4711/chat": self.n8n,
            "/api/v1/prediction/4711": self.flowise,
            "/api/chat": self.ollama,
            "/behind/api/chat": self.ollama,
            "/mcp": self.mcp,
            "/queued": self.queued,
            "/limiting": self.limiting,
            "/by-address": self.by_address,
            "/failed": self.failed_with_200,
            "/profile": self.profile,
            "/cached-profile": self.profile,
            "/webui/api/chat/completions": self.openai_chat,
        }
        gets = {
            "/": _ollama_root,
            "/form": self.form_page,
            "/tasks/{task}": self.task,
            "/gradio_api/call/chat/{event}": self.gradio_get,
        }
        return [
            *(Route(path, call, methods=["POST"]) for path, call in posts.items()),
            *(Route(path, call) for path, call in gets.items()),
            WebSocketRoute("/socket", self.text_socket),
            WebSocketRoute("/json-socket", self.json_socket),
        ]


async def _ollama_root(request: Request) -> Response:
    return PlainTextResponse("Ollama is running")


def application() -> Starlette:
    return Starlette(routes=Protocols().routes())
