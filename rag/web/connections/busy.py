"""Where more is asked than can be answered, a question is refused as soon as its head is here.

What a refusal costs is taken from the answers of those that were let in, the more so the more is asked. So nothing is
done for it: its cookie is not verified, its body is not waited for (the server throws it away as it comes, `pace.py`
sees to it that it does come), and the answer is always the same bytes. Who is over a limit of his own is told so by
the API, as always, and so is all that is not plainly a question, or whose body may be longer than one: for that the
token in the cookie is enough, signed or not, as it only decides who says no.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cached_property

from starlette._utils import get_route_path
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.errors import Overloaded
from rag.services import Services
from rag.sessions.ids import SessionId
from rag.web.cookie import CookieJar, new_token, session_id_of
from rag.web.headers import security_headers
from rag.web.identity import TURN, cookies_of
from rag.web.openapi import LONGEST_BODY
from rag.web.problem import problem_of
from rag.web.sessions.token import SHAPE

_UNUSUAL = frozenset({b"transfer-encoding", b"expect"})
"""A body of unknown length; a client that waits to be told whether to send it."""
_TOKEN = re.compile(rf"({SHAPE})\.", re.ASCII)


class BusyFirst:
    """ASGI middleware, the outermost one. Its parameters are those of `ApiFirst`, `SessionCookie` and
    `SecurityHeaders`."""

    def __init__(
        self, app: ASGIApp, *, services: Callable[[], Services], secret: str | Callable[[], str], html: str = ""
    ) -> None:
        self._app = app
        self._services = services
        self._secret = secret
        answer = problem_of(Overloaded()).response()
        secure = [(name.lower().encode(), value.encode()) for name, value in security_headers(html)]
        headers = [*answer.raw_headers, (b"vary", b"Cookie"), *secure]
        self._answer: tuple[Message, Message] = (
            {"type": "http.response.start", "status": answer.status_code, "headers": headers},
            {"type": "http.response.body", "body": bytes(answer.body)},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asks = scope["type"] == "http" and (scope["method"], get_route_path(scope)) == TURN
        if asks and self._refused(scope):
            for message in self._answer:
                await send(message)
        else:
            await self._app(scope, receive, send)

    def _refused(self, scope: Scope) -> bool:
        services = self._services()
        if not services.under_way.overloaded() or not _is_short(scope["headers"]):
            return False
        address = scope["client"][0] if scope.get("client") else None
        session_id = self._session_id(scope)
        if services.limits.knows(session_id, address) or services.under_way.has_share(session_id, address):
            return False
        services.watch.failed(session_id, None, Overloaded())
        return True

    def _session_id(self, scope: Scope) -> SessionId:
        """Whose cookie this says it is; a new visitor's, where there is none."""
        for name, value in cookies_of(Headers(scope=scope)):
            if name in self._names and (found := _TOKEN.match(value)):
                return session_id_of(found[1])
        return session_id_of(new_token())

    @cached_property
    def _names(self) -> tuple[str, str]:
        jar = CookieJar(self._secret if isinstance(self._secret, str) else self._secret())
        return jar.plain_name, jar.secure_name


def _is_short(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Its body is one that the API would read."""
    length = b""
    for name, value in headers:
        if name == b"content-length":
            length = value
        elif name in _UNUSUAL:
            return False
    return length.isdigit() and int(length) <= LONGEST_BODY
