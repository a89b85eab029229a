"""`POST /v1/traces`: turns of other applications, in OTLP/HTTP with JSON. Open only with the server's TRACE_TOKEN."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from rag.services import Services
from rag.tracing.receiving import LARGEST, received
from rag.tracing.store import TraceStore
from rag.web.body import read_body
from rag.web.problem import PRIVATE, Problem, Refused

TRACES = "/v1/traces"
_CLOSED = Problem(403, "Traces are not accepted", "Set TRACE_TOKEN on this server, and restart it, to send turns here.")
_WRONG = Problem(401, "Wrong token", "Send the server's TRACE_TOKEN as `Authorization: Bearer …`.")


class Traces:
    """An ASGI endpoint. services: called in worker threads, for each request."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._take(Request(scope, receive))
        await answer(scope, receive, send)

    async def _take(self, request: Request) -> Response:
        services = await run_in_threadpool(self._services)
        token = services.settings.trace_token
        if token is None:
            raise Refused(_CLOSED)
        if not bears(request.headers.get("authorization", ""), token.get_secret_value()):
            raise Refused(_WRONG)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            told = f"The body is {kind or 'of no type'}: send OTLP as application/json."
            raise Refused(Problem(415, "Wrong content type", told))
        body = await read_body(request, LARGEST)
        left_out = await run_in_threadpool(_stored, services, body)
        told = f"{left_out} spans name no conversation, or were too many" if left_out else ""
        partial = {"rejectedSpans": str(left_out), "errorMessage": told} if left_out else {}
        return JSONResponse({"partialSuccess": partial}, headers=PRIVATE)


def _stored(services: Services, body: bytes) -> int:
    try:
        turns, left_out = received(body)
    except ValueError as exc:
        raise Refused(Problem(400, "Not OTLP", f"The body is not OTLP JSON: {exc}.")) from exc
    TraceStore(services.client).add(turns)
    return left_out


def bears(authorization: str, token: str) -> bool:
    """Whether the header holds this token, told in constant time."""
    expected = f"Bearer {token}"
    digests = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (authorization, expected)]
    return hmac.compare_digest(*digests)
