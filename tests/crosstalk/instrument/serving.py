"""The same chats behind four doors: called, JSON, server-sent events, a websocket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from rag.crosstalk.run.hosts import Target
from rag.crosstalk.targets.describing import described
from rag.crosstalk.targets.function import answered
from rag.crosstalk.targets.http import HttpTarget
from tests.crosstalk.instrument.cases import Ask, Called, Case
from tests.crosstalk.instrument.gallery import OfStrategy
from tests.web.serving import serving

SPECS: dict[str, dict[str, Any]] = {
    "JSON": {"url": "/json", "json": {"session": "{session}", "text": "{text}"}, "answer": "answer"},
    "events": {"url": "/events", "json": {"session": "{session}", "text": "{text}"}, "answer": "delta"},
    "websocket": {
        "url": "/socket",
        "json": {"session": "{session}", "text": "{text}"},
        "answer": "delta",
        "done": "end=true",
    },
}
PROTOCOLS = ("called", *SPECS)


@contextmanager
def behind(case: Case, protocol: str) -> Iterator[Target]:
    """The case as a target."""
    ask = case.make()
    try:
        with _served(case.name, ask, protocol) as target:
            yield target
    finally:
        if isinstance(ask, OfStrategy):
            ask.close()


@contextmanager
def _served(name: str, ask: Ask, protocol: str) -> Iterator[Target]:
    if protocol == "called":
        yield Called(name, ask)
        return
    with serving(application(ask)) as address:
        url = address.replace("http", "ws") if protocol == "websocket" else address
        target = HttpTarget(described(SPECS[protocol], name, url), timeout=30)
        try:
            yield target
        finally:
            target.close()


def application(ask: Ask) -> Starlette:
    def said(session: str, text: str) -> str:
        return answered("it", ask(session, text))

    async def whole(request: Request) -> Response:
        body = await request.json()
        try:
            return JSONResponse({"answer": await run_in_threadpool(said, body["session"], body["text"])})
        except RuntimeError as exc:
            return JSONResponse({"detail": str(exc)}, 429, headers={"Retry-After": "0.02"})

    async def events(request: Request) -> Response:
        body = await request.json()
        try:
            answer = await run_in_threadpool(said, body["session"], body["text"])
        except RuntimeError as exc:
            return JSONResponse({"detail": str(exc)}, 429, headers={"Retry-After": "0.02"})
        lines = [f"data: {json.dumps({'delta': answer[at : at + 9]})}\n\n" for at in range(0, len(answer), 9)]
        return StreamingResponse(iter([*lines, "data: [DONE]\n\n"]), media_type="text/event-stream")

    async def socket(connection: WebSocket) -> None:
        await connection.accept()
        try:
            while True:
                body = await connection.receive_json()
                try:
                    answer = await run_in_threadpool(said, body["session"], body["text"])
                except RuntimeError as exc:
                    await connection.send_json({"error": str(exc)})
                    continue
                for at in range(0, len(answer), 9):
                    await connection.send_json({"delta": answer[at : at + 9]})
                await connection.send_json({"end": True})
        except WebSocketDisconnect:
            pass

    return Starlette(
        routes=[
            Route("/json", whole, methods=["POST"]),
            Route("/events", events, methods=["POST"]),
            WebSocketRoute("/socket", socket),
        ]
    )
