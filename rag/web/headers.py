"""What every answer tells a browser to refuse: pages, files, API and errors (OWASP's list of secure headers).

The policy for content is as tight as Streamlit's front end runs with: its styles are made in the page, and some of its
pictures too. Scripts come from this server alone, none is made from a text, and nothing is asked of another server.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.web.problem import problem_of

POLICY = "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
_OWN = {
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self'",
    "media-src": "'self' blob:",
    "worker-src": "'self' blob:",
    "frame-src": "'self'",
    "manifest-src": "'self'",
}
_SCRIPT = re.compile(r"<script>([^<]*)</script>")


def script_source(script: str) -> str:
    """What allows this inline script in a policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def page_policy(html: str) -> str:
    """The policy for pages whose inline scripts are those of this HTML, known by their hashes."""
    scripts = ["'self'", *map(script_source, _SCRIPT.findall(html))]
    return "; ".join([POLICY, f"script-src {' '.join(scripts)}", *(f"{name} {value}" for name, value in _OWN.items())])


def security_headers(html: str) -> Sequence[tuple[str, str]]:
    """Those of every answer. html: the page whose inline scripts may run."""
    return (
        ("Content-Security-Policy", page_policy(html)),
        ("X-Frame-Options", "SAMEORIGIN"),
        ("X-Content-Type-Options", "nosniff"),
        # Not no-referrer: a form of ours would come with `Origin: null`, as a foreign one may.
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
    )


class SecurityHeaders:
    """ASGI middleware, the outermost one but for `BusyFirst`, whose answer has them. html: as `security_headers`."""

    def __init__(self, app: ASGIApp, *, html: str = "") -> None:
        self._app = app
        self._headers = security_headers(html)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in self._headers:
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            # Starlette's own answer to it is sent from outside of here.
            if not begun:
                await problem_of(error).response()(scope, receive, send_with_headers)
            raise
