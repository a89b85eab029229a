"""Gives each browser a session of its own, and tells the rest of the application which one a request belongs to.

The session of a request is in `request.state.session` (a Visit), and is never taken from anything but the cookie.
A cookie is set only on answers to pages and API calls, so that the many requests of one page load do not overwrite
each other's. An answer that sets one is never cached: a proxy that hands it to the next visitor would log them in as
the first. A cookie that was ended is no cookie; a question is asked about that where its turn begins (`turn.py`). One
of a later version is left as it is.

`https` is what the server says (`scope["scheme"]`). Uvicorn takes X-Forwarded-Proto into account when the proxy's
address is in its `forwarded_allow_ips` (loopback by default, FORWARDED_ALLOW_IPS), and from nobody else.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from anyio import CapacityLimiter, to_thread
from starlette._utils import get_route_path
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.errors import CrosswireError, NewerCookie
from rag.sessions.ids import SessionId
from rag.sessions.revocations import Credential, Revocations
from rag.settings import origin_of
from rag.web.cookie import REISSUE_AFTER, CookieJar, Ticket, new_token, read_session, session_id_of
from rag.web.origin import is_own, served_at
from rag.web.problem import PRIVATE, problem_of
from rag.web.secret import session_secret
from rag.web.sessions.revocation import credential_of, is_over

__all__ = ["CookieJar", "SessionCookie", "Visit", "read_session", "session_secret", "visit_of"]

API = "/api/"
SESSIONS = "/session/"
ROOMS = "/r/"
SAY_AGAIN = 60.0
"""Seconds between two lines on pages that were refused."""
ASKING = 16
"""Threads that ask at the same time whether a cookie was ended."""
TURN = ("POST", f"{API}chat")
"""It asks itself whether its cookie counts, in the round trip with which it begins."""
_ANONYMOUS = frozenset({"/api/openapi.json"})
_PROBES = frozenset({"healthz", "readyz", "metrics"})
_ASSET_FOLDERS = frozenset({"static", "media", "component", "r"})
"""The last one holds rooms, whose phones are given no session."""


@dataclass(slots=True)
class Visit:
    """Whose request this is. It lives as long as the request."""

    ticket: Ticket | None
    token: str | None
    """What the answer's cookie will hold, if it sets one."""
    own: bool = True
    """No other site's page caused this request, so it may change something."""
    ended: bool = False
    """Its cookie counted once."""
    revocations: Callable[[], Revocations] | None = None
    """Where to end the cookie that another replaces; None where none ever ends."""
    credential: Credential | None = None
    """What the turn has to ask for, as nobody has yet whether its cookie counts."""
    _named: tuple[str, SessionId] | None = None
    """The token whose session was asked for last: a turn asks four times."""

    @property
    def session_id(self) -> SessionId | None:
        token = self.token or (self.ticket.token if self.ticket else None)
        if token is None:
            return None
        if self._named is None or self._named[0] != token:
            self._named = token, session_id_of(token)
        return self._named[1]

    def begin_anew(self) -> None:
        """Its cookie does not count: from now on it is a new visitor's."""
        self.ticket, self.credential, self.token = None, None, new_token()

    @property
    def held(self) -> str:
        """What this browser's cookie holds from now on."""
        return self.token or (self.ticket.token if self.ticket else new_token())


def visit_of(connection: HTTPConnection) -> Visit:
    visit: Visit = connection.state.session
    return visit


class SessionCookie:
    """ASGI middleware for `st.App(…, middleware=[Middleware(SessionCookie, secret=…)])`."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        secret: str | Callable[[], str],
        allowed: Iterable[str] = (),
        revocations: Callable[[], Revocations] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`secret` may be a function; it is called at the first request. allowed: further origins of ours.

        revocations: of the store that all replicas share, called for each request; None: no cookie is ever ended.
        """
        self._app = app
        self._secret = secret
        self._allowed = frozenset(allowed)
        self._revocations = revocations
        self._threads: CapacityLimiter | None = None
        self._now = now
        self._refused_at = -math.inf
        self._jar: CookieJar | None = None

    @property
    def jar(self) -> CookieJar:
        if self._jar is None:
            secret = self._secret if isinstance(self._secret, str) else self._secret()
            self._jar = CookieJar(secret, now=self._now)
        return self._jar

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            if is_own(scope, self._allowed):
                await self._app(self._handshake(scope), receive, send)
            else:
                self._say(scope)
                await send({"type": "websocket.close", "code": 1008})
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        path, ended, credential = get_route_path(scope), False, None
        personal = _is_personal(scope["method"], path, headers)
        https = scope.get("scheme") == "https"
        ticket, newer = None, False
        try:
            ticket = self.jar.read(cookies_of(headers), https=https)
        except NewerCookie as exc:
            if path.startswith((API, SESSIONS, ROOMS)):
                await problem_of(exc).response()(scope, receive, send)
                return
            newer = True
        if ticket is not None and (scope["method"], path) == TURN and self._renewed(ticket, https) is None:
            credential = credential_of(ticket.token) if self._revocations is not None else None
        elif ticket is not None and (personal or path.startswith(ROOMS)):
            try:
                ended = await self._is_over(ticket.token)
            except CrosswireError as exc:
                if path.startswith((API, SESSIONS, ROOMS)):
                    await problem_of(exc).response()(scope, receive, send)
                    return
                # Without the store a page shows nothing of anybody's, and asks again itself.
        own = is_own(scope, self._allowed)
        visit = Visit(None if ended else ticket, None, own, ended, self._revocations, credential)
        if personal and own and not newer:
            visit.token = self._due(visit.ticket, https)
        scope.setdefault("state", {})["session"] = visit

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                if personal:
                    answer.add_vary_header("Cookie")
                if visit.token is not None:
                    answer.append("Set-Cookie", self.jar.header(visit.token, https=https))
                    answer.update(PRIVATE)
            await send(message)

        await self._app(scope, receive, send_with_cookie)

    async def _is_over(self, token: str) -> bool:
        """In a thread: a store that hangs holds nobody else's request."""
        asked = self._revocations
        if asked is None:
            return False
        self._threads = self._threads or CapacityLimiter(ASKING)
        return await to_thread.run_sync(lambda: is_over(asked(), token), limiter=self._threads)

    def _due(self, ticket: Ticket | None, https: bool) -> str | None:
        """The token to send: a new visitor's, or the same one again."""
        return new_token() if ticket is None else self._renewed(ticket, https)

    def _renewed(self, ticket: Ticket, https: bool) -> str | None:
        """The same token, if it is to be sent again so that it does not run out while in use."""
        old = self._now() - ticket.issued > REISSUE_AFTER
        return ticket.token if old and ticket.secure == https else None

    def _say(self, scope: Scope) -> None:
        """A proxy that hides the app's address breaks every page: say what to set; rarely, as anybody causes it."""
        if self._now() - self._refused_at > SAY_AGAIN:
            self._refused_at = self._now()
            headers = Headers(scope=scope)
            logging.getLogger("crosswire").warning(
                "A page of %.100r was refused, as this server is %.100r to it. If both are the same, pass Host and "
                "X-Forwarded-Proto through the proxy, or set ALLOWED_ORIGINS.",
                headers.get("origin", ""),
                served_at(scope),
            )

    def _handshake(self, scope: Scope) -> Scope:
        """The page's websocket. Of our cookies only the valid one stays, so that a page cannot read another.

        Its Origin is ours, so Host becomes that: Streamlit compares the two again, and where they are not spelled
        alike it asks a server on the internet for this machine's address, while everybody waits.
        """
        headers = Headers(scope=scope)
        cookies = cookies_of(headers)
        ours = {self.jar.plain_name, self.jar.secure_name}
        try:
            ticket = self.jar.read(cookies, https=scope.get("scheme") == "wss")
        except NewerCookie:  # the page says so
            ticket, ours = None, set()
        kept = [pair for pair in cookies if pair[0] not in ours]
        if ticket is not None:
            kept += [pair for pair in cookies if pair[0] == self._name(ticket)]
        others = [(name, value) for name, value in scope["headers"] if name.lower() not in (b"cookie", b"origin")]
        if (origin := origin_of(headers.get("origin", ""))) is not None:
            others = [(name, value) for name, value in others if name.lower() != b"host"]
            others += [(b"origin", origin.encode()), (b"host", origin.partition("://")[2].encode())]
        line = "; ".join(f"{name}={value}" if name else value for name, value in kept).encode("latin-1")
        state = {**scope.get("state", {}), "session": Visit(ticket, None)}
        return {**scope, "headers": [*others, (b"cookie", line)] if line else others, "state": state}

    def _name(self, ticket: Ticket) -> str:
        return self.jar.secure_name if ticket.secure else self.jar.plain_name


def cookies_of(headers: Headers) -> list[tuple[str, str]]:
    """All cookies of a request in order, those of the same name too."""
    pairs = []
    for chunk in ";".join(headers.getlist("cookie")).split(";"):
        name, equals, value = chunk.partition("=")
        if equals or name.strip():
            pairs.append((name.strip(), value.strip()) if equals else ("", name.strip()))
    return pairs


def _is_personal(method: str, path: str, headers: Headers) -> bool:
    """Pages and API calls: what may set a cookie. Not what a page is made of, and not what machines poll."""
    if path.startswith((API, SESSIONS)):
        return path not in _ANONYMOUS and method != "OPTIONS"
    *folders, name = path.split("/")
    if method != "GET" or "." in name or name in _PROBES or "_stcore" in path or _ASSET_FOLDERS & set(folders):
        return False
    destination = headers.get("sec-fetch-dest")
    if destination is not None:
        return destination == "document"
    accepted = headers.get("accept", "*/*")
    return "text/html" in accepted or accepted == "*/*"
