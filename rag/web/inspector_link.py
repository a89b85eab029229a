"""Where a one-time link leads: its secret comes back by POST, and is exchanged for a signed, HttpOnly cookie.

By POST and by a script, because what merely fetches links, as a chat's preview does, must not use one up.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from rag.errors import CrosswireError, public_line
from rag.inspector.access import opens_by_link
from rag.inspector.one_time_link import PATH, redeem
from rag.settings import Settings
from rag.web.body import read_body
from rag.web.cookie import INSPECTOR, CookieJar, new_token
from rag.web.headers import POLICY, script_source
from rag.web.identity import visit_of
from rag.web.problem import PRIVATE, Refused
from rag.web.secret import session_secret

LONGEST = 1024
NEW_LINK = "Ask for a new one where the server runs: python -m rag inspect-link"
_SCRIPT = """\
const secret = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
if (secret) { document.querySelector("input").value = secret; document.querySelector("form").submit(); }
else document.querySelector("p").textContent = document.querySelector("p").dataset.without;
"""
_CONTENT = f"{POLICY}; script-src {script_source(_SCRIPT)}; style-src 'unsafe-inline'"
_STYLE = """\
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 38rem; margin: 15vh auto; padding: 1rem }"""


def routes(settings: Callable[[], Settings]) -> list[BaseRoute]:
    """settings: called in worker threads."""

    async def link(request: Request) -> Response:
        if request.method != "POST":
            return _page("Opening …")
        if not visit_of(request).own:
            return _page("Another site's page may not open the inspector.", 403)
        try:
            body = await read_body(request, LONGEST)
            secret = parse_qs(body.decode("ascii", "replace")).get("secret", [""])[0]
            return await run_in_threadpool(_exchange, settings(), secret, request.url.scheme == "https")
        except Refused as refused:
            return _page(refused.problem.detail, refused.problem.status)
        except CrosswireError as exc:
            return _page(public_line(exc), 500)

    return [Route(PATH, link, methods=["GET", "POST"])]


def _exchange(settings: Settings, secret: str, https: bool) -> Response:
    answer = RedirectResponse("/inspector", 303, PRIVATE)
    if not opens_by_link(settings):
        return answer  # that page asks, everybody
    if not redeem(settings.state_dir, secret):
        return _page(f"This link has been used, or has run out. {NEW_LINK}", 403)
    jar = CookieJar(session_secret(settings), INSPECTOR)
    answer.headers.append("Set-Cookie", jar.header(new_token(), https=https))
    return answer


def _page(line: str, status: int = 200) -> Response:
    script = f"<script>{_SCRIPT}</script>" if status == 200 else ""
    page = f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Inspector · Crosswire</title>
<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>
<h1>Inspector</h1><p data-without="{escape(f"This link is not complete. {NEW_LINK}")}">{escape(line)}</p>
<form method="post"><input type="hidden" name="secret"></form>{script}</html>"""
    return HTMLResponse(page, status, {**PRIVATE, "Content-Security-Policy": _CONTENT})
