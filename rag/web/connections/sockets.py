"""How many websockets may be open: each is a tab of Streamlit's with a state of its own, and one of so many files that
a process may have open.
"""

from __future__ import annotations

from collections import Counter

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.limits.networks import network_of
from rag.web.identity import visit_of
from rag.web.problem import Problem

OF_SESSION, OF_ADDRESS = 40, 500
"""Tabs of one browser; an address may be a whole company's."""
SHARE, FILES = 0.5, 20_000
"""Of the files that this process may open, or of so many: the rest is for requests, Redis and what is on disk."""
_FULL = Problem(503, "Too many pages", "Too many pages are open on this server: try again in a moment.")
_SHARE = Problem(429, "Too many pages of one visitor", "Too many pages of yours are open: close some.")


class Sockets:
    """ASGI middleware behind SessionCookie, which says whose a websocket is. most: of all together."""

    def __init__(self, app: ASGIApp, *, most: int | None = None) -> None:
        self._app = app
        self._most = most or int(_files() * SHARE)
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        who = _who(scope)
        if any(self._open[one] >= most for one, most in who.items()):
            await _SHARE.response()(scope, receive, send)
        elif self._open[""] >= self._most:
            await _FULL.response()(scope, receive, send)
        else:
            self._count(["", *who], 1)
            try:
                await self._app(scope, receive, send)
            finally:
                self._count(["", *who], -1)

    def _count(self, who: list[str], change: int) -> None:
        for one in who:
            self._open[one] += change
            if not self._open[one]:
                del self._open[one]


def _who(scope: Scope) -> dict[str, int]:
    """With how many of them each may have. Of a browser without cookies only the address is known."""
    session, address = visit_of(HTTPConnection(scope)).session_id, network_of((scope.get("client") or ("",))[0])
    known = {f"session {session}": OF_SESSION} if session else {}
    return known | ({f"address {address}": OF_ADDRESS} if address else {})


def _files() -> int:
    try:
        import resource
    except ImportError:  # not on this system
        return FILES
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return FILES if allowed == resource.RLIM_INFINITY else min(allowed, FILES)
