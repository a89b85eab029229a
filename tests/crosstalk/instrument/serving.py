"""The same chats behind four doors: called, JSON, server-sent events, a websocket; and strategies of the gallery."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from rag.crosstalk import STRATEGIES, Lab
from rag.crosstalk.checker.anomalies import LEAKS
from rag.crosstalk.log.events import Message
from rag.crosstalk.run.hosts import Target
from rag.crosstalk.strategies import Asked, make
from rag.crosstalk.targets.description import described
from rag.crosstalk.targets.function import answered
from rag.crosstalk.targets.http import HttpTarget
from tests.crosstalk.instrument.cases import Ask, Called, Case
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
    if protocol == "called":
        yield Called(case.name, case.make())
        return
    with serving(application(case.make())) as address:
        url = address.replace("http", "ws") if protocol == "websocket" else address
        target = HttpTarget(described(SPECS[protocol], case.name, url), timeout=30)
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


def of_strategy(name: str) -> Callable[[], Ask]:
    """A memory of the gallery with a model that repeats what it is shown, as a service has it."""

    def make_it() -> Ask:
        folder = Path(tempfile.mkdtemp(prefix="instrument-"))
        lab = Lab(folder, "instrument:", state_dir=folder / "state")
        strategy = make(name, lab)
        count = iter(range(10**9))

        def model(messages: Sequence[Message]) -> str:
            time.sleep(0.004)
            return "You told me: " + " | ".join(message.text for message in messages if message.role != "assistant")

        def ask(session: str, text: str) -> str:
            asked = Asked(next(count), session, session, text, model, lambda documents: None)
            steps = strategy.turn(asked)
            while True:
                try:
                    next(steps)
                except StopIteration as end:
                    return str(end.value)

        return ask

    return make_it


LEAKING = tuple(name for name, kind in STRATEGIES.items() if kind.expects & LEAKS and not kind.uses_redis)
KEEPING = ("dict-per-session", "dict-with-lock", "sqlite")
STRATEGY_CASES = (
    *(Case(f"{name} of the gallery", STRATEGIES[name].seen[0], of_strategy(name), LEAKS) for name in LEAKING),
    *(Case(f"{name} of the gallery", "right", of_strategy(name)) for name in KEEPING),
)
