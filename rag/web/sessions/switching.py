"""Which of a browser's sessions is open: forms on our pages ask for it, as only an answer can set an HttpOnly cookie.

No session is named by its id: a number counts for the secret in the cookie that comes with it, and for no other. The
cookie that is replaced has ended before its successor is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from rag.web.body import read_body
from rag.web.identity import SESSIONS, visit_of
from rag.web.problem import Problem
from rag.web.sessions.revocation import replace
from rag.web.sessions.token import following, new_token, opened

NEW_SESSION, OPEN_SESSION, FORGET_SESSIONS = f"{SESSIONS}new", f"{SESSIONS}open", f"{SESSIONS}forget"
_LONGEST = 128
"""Bytes of a form with a number."""


async def new_session(request: Request) -> Response:
    """`POST /session/new`: an empty session. The one before stays this browser's until it expires."""
    return await _switched(request, following)


async def open_session(request: Request) -> Response:
    """`POST /session/open` with `number=…`: one of this browser's earlier sessions."""
    body = await read_body(request, _LONGEST)
    number = parse_qs(body.decode("ascii", "replace")).get("number", [""])[0]
    return await _switched(request, lambda held: opened(held, number))


async def forget_sessions(request: Request) -> Response:
    """`POST /session/forget`: this browser was never here; nothing leads back to its sessions."""
    return await _switched(request, lambda _: new_token())


async def _switched(request: Request, change: Callable[[str], str | None]) -> Response:
    visit = visit_of(request)
    if not visit.own:
        return Problem(403, "Foreign request", "Change sessions from this site's own page.").response()
    back = RedirectResponse(_own_path(request), status_code=303)
    if visit.ended:
        visit.token = None  # a form that was sent twice: this browser has its new cookie
        return back
    if (token := change(visit.held)) is None:
        return Problem(404, "No such session", "This browser has no other session of that number.").response()
    before, revocations = visit.ticket, visit.revocations
    if before is not None and revocations is not None:
        await run_in_threadpool(lambda: replace(revocations(), before.token, by=token))
    visit.token = token
    return back


def _own_path(request: Request) -> str:
    """The path of the page that the form was on, if it is one of ours."""
    try:
        parts = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return "/"
    own = parts.netloc.lower() == request.headers.get("host", "").lower()
    return parts.path if own and parts.path.startswith("/") and not parts.path.startswith("//") else "/"
