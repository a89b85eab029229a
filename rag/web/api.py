"""The chat over HTTP. A client with a cookie jar is a browser: the same session, the same history, the same turns.

Endpoints only translate: what a session is, says `identity`; what a turn is, the chat service.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from starlette._utils import get_route_path
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.chat import EventStream, sources_of
from rag.erasure import clear
from rag.errors import CrosswireError
from rag.limits import Place
from rag.services import Services
from rag.sessions import StoredMessage
from rag.sessions.names import friendly_name
from rag.sessions.revocations import Credential
from rag.web.body import read_body
from rag.web.identity import API, SESSIONS, visit_of
from rag.web.monitoring.health import UNCACHED, Health
from rag.web.monitoring.metrics import METRICS, Metrics
from rag.web.openapi import LONGEST_BODY, LONGEST_MESSAGE, description
from rag.web.problem import PRIVATE, Problem, Refused, answer_error, problem_of
from rag.web.sessions.switching import (
    FORGET_SESSIONS,
    NEW_SESSION,
    OPEN_SESSION,
    forget_sessions,
    new_session,
    open_session,
)
from rag.web.sessions.token import all_sessions
from rag.web.traces import TRACES, Traces
from rag.web.turn import TurnAnswer, Workers, source_to_dict

T = TypeVar("T")

PIECE = 1 << 16
"""Bytes."""

_ROLES = {"human": "user", "ai": "assistant"}
_NO_HISTORY: dict[str, Any] = {"session": None, "session_name": None, "ttl": None, "messages": []}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


class ApiFirst:
    """ASGI middleware for `st.App(…, middleware=[…, Middleware(ApiFirst, services=…)])`, the last one of ours: what is
    the API's is answered here, and Streamlit's own layers, which a turn would spend an eighth of its time in, see the
    rest. All its errors are problem documents. `services` is called for each request. draining:
    whether this process was asked to stop."""

    def __init__(
        self, app: ASGIApp, *, services: Callable[[], Services], draining: Callable[[], bool] = lambda: False
    ) -> None:
        self._app = app
        self.api = _application(services, draining)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and _is_ours(get_route_path(scope))
        await (self.api if ours else self._app)(scope, receive, send)


def _is_ours(path: str) -> bool:
    return path.startswith((API, SESSIONS)) or path in ("/healthz", "/readyz", METRICS, TRACES)


def _application(services: Callable[[], Services], draining: Callable[[], bool]) -> Starlette:
    api = _Api(services, draining)
    inner = Starlette(
        routes=[
            Route("/api/chat", api.chat, methods=["POST"]),
            Route("/api/history", api.history, methods=["GET", "DELETE"]),
            Route("/api/openapi.json", api.openapi),
            Route("/healthz", api.healthz),
            Route("/readyz", api.readyz),
            Route(METRICS, Metrics(services).answer),
            Route(NEW_SESSION, new_session, methods=["POST"]),
            Route(OPEN_SESSION, open_session, methods=["POST"]),
            Route(FORGET_SESSIONS, api.forget_sessions, methods=["POST"]),
            Route(TRACES, Traces(services), methods=["POST"]),
        ],
        exception_handlers=dict.fromkeys((HTTPException, Refused, CrosswireError, Exception), answer_error),
    )
    inner.router.redirect_slashes = False
    return inner


class _Api:
    def __init__(self, services: Callable[[], Services], draining: Callable[[], bool]) -> None:
        self._services = services
        self._health = Health(services, draining)
        # Their own, because the default threads serve Streamlit's files, and a turn may hold its thread for a minute.
        self._workers = Workers()

    async def chat(self, request: Request) -> TurnAnswer:
        _own_session(request)
        address = request.client.host if request.client else None
        message = _message(await _json(request))
        streamed = "text/event-stream" in request.headers.get("accept", "")
        services = self._services()

        def start(session_id: str, credential: Credential | None) -> EventStream:
            with services.watch.refusing(session_id):
                allowance = services.limits.turn(session_id, address)
            return services.chat.stream(
                session_id, message, tokens=streamed, credential=credential, allowance=allowance
            )

        def enter(session_id: str) -> Place:
            with services.watch.refusing(session_id):
                services.limits.turn(session_id, address)  # who is known to be over a limit is told at once
                return services.under_way.enter(session_id, address)

        def left(session_id: str) -> None:
            services.watch.stopped(session_id, None)

        return TurnAnswer(start, enter, left, visit_of(request), self._workers, streamed=streamed)

    async def history(self, request: Request) -> Response:
        if request.method == "DELETE":
            return await self._clear(_own_session(request))
        session_id = visit_of(request).session_id
        if session_id is None:
            return JSONResponse(_NO_HISTORY, headers=PRIVATE)
        body = await _in_thread(lambda: JSONResponse(self._history(session_id)).body)
        return StreamingResponse(_pieces(bytes(body)), headers=PRIVATE, media_type="application/json")

    async def _clear(self, session_id: str) -> Response:
        found = await _in_thread(lambda: clear(self._services(), session_id))
        return JSONResponse({"cleared": found.messages, "documents_deleted": found.documents}, headers=PRIVATE)

    def _history(self, session_id: str) -> dict[str, Any]:
        store = self._services().store
        return {
            "session": session_id,
            "session_name": friendly_name(session_id),
            "ttl": store.ttl(session_id),
            "messages": [_record_to_dict(record) for record in store.records(session_id)],
        }

    async def forget_sessions(self, request: Request) -> Response:
        """All that is stored for the sessions of this browser goes."""
        held = visit_of(request).held
        answer = await forget_sessions(request)
        if answer.status_code == 303:
            await _in_thread(lambda: clear(self._services(), *all_sessions(held)))
        return answer

    async def openapi(self, _: Request) -> Response:
        return JSONResponse(description(), headers={"Cache-Control": "no-cache"})

    async def healthz(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers=UNCACHED)

    async def readyz(self, _: Request) -> Response:
        return await self._health.answer()


async def _in_thread(work: Callable[[], T]) -> T:
    try:
        return await run_in_threadpool(work)
    except CrosswireError:
        raise
    except Exception as error:
        logging.getLogger(__name__).exception("An API call broke")
        raise Refused(problem_of(error)) from error


def _own_session(request: Request) -> str:
    """The session that this request may change."""
    visit = visit_of(request)
    session_id = visit.session_id
    if session_id is None or not visit.own:
        raise Refused(
            Problem(403, "Foreign request", "Another site's page may not use this session: call from this site.")
        )
    return session_id


async def _json(request: Request) -> Any:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(Problem(415, "Wrong content type", f"The body is {kind or 'of no type'}: send application/json."))
    body = await read_body(request, LONGEST_BODY)
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(
            Problem(400, "Invalid JSON", 'The body is not valid JSON: send {"message": "your question"}.')
        ) from error


def _message(body: Any) -> str:
    match body:
        case {"message": str(message), **others} if not others:
            pass
        case _:
            raise _bad('The body needs exactly one field: {"message": "your question"}.')
    if not message.strip():
        raise _bad("The message is empty: write what you want to know.")
    if len(message) > LONGEST_MESSAGE:
        raise _bad(f"The message has {len(message):,} characters: shorten it to {LONGEST_MESSAGE:,}.")
    if _CONTROL.search(message):
        raise _bad("The message holds a control character: keep text, tabs and line breaks only.")
    return message


def _bad(detail: str) -> Refused:
    return Refused(Problem(422, "Bad message", detail))


def _record_to_dict(record: StoredMessage) -> dict[str, Any]:
    message = record.message
    return {
        "role": _ROLES.get(message.type, message.type),
        "text": str(message.text),
        "turn": record.turn,
        "at": datetime.fromtimestamp(record.at, UTC).isoformat().replace("+00:00", "Z"),
        "sources": [source_to_dict(source) for source in sources_of(message)],
    }


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    """A long history is compressed on the event loop (Streamlit's middleware): in steps, so that others get between."""
    for start in range(0, len(body), PIECE):
        yield body[start : start + PIECE]
