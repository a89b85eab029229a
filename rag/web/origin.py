"""Which requests a foreign site may have caused. They change nothing, are given no session and open no websocket.

`SameSite=Lax` hides our cookie on requests of other sites, so without this rule each of them would look like a new
visitor, and its fresh cookie would replace the one that the browser holds. Another port of this host is the same site
and sends our cookie along, so without it such a page could read a visitor's chat.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import Scope

from rag.settings import origin_of

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_PROXIES = frozenset({"forwarded", "via", "x-real-ip", "x-original-host", "cf-connecting-ip", "true-client-ip"})
_LOOPBACK = frozenset({None, "127.0.0.1", "::1"})
_HTTP = {"ws": "http", "wss": "https"}


def is_own(scope: Scope, allowed: frozenset[str] = frozenset()) -> bool:
    """True unless another origin caused this request or handshake. allowed: further origins (ALLOWED_ORIGINS).

    Sec-Fetch-Site decides where the browser sends it, else Origin against scheme and Host (the rule of Go's
    http.CrossOriginProtection, and the scheme). Neither: not a browser, so nobody is being misused. A sibling domain
    or another port of this host ("same-site") is another origin too. Following a link from another site is fine: the
    browser sends the cookie along with it. The scheme is what the server says, as in `identity`.
    """
    headers = Headers(scope=scope)
    origins, site = headers.getlist("origin"), headers.get("sec-fetch-site")
    if len(origins) > 1:
        return False
    if origins and origin_of(origins[0]) in allowed:
        return True
    if site is not None:
        return site in ("same-origin", "none") or (scope.get("method") in _SAFE and is_navigation(headers))
    return not origins or (origin_of(origins[0]) or "none") == served_at(scope)


def is_navigation(headers: Headers) -> bool:
    """A page is being opened in a tab of its own, not in a frame and not by a script."""
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def served_at(scope: Scope) -> str | None:
    """The origin of our own pages, as far as this server can tell."""
    scheme = scope.get("scheme", "http")
    return origin_of(f"{_HTTP.get(scheme, scheme)}://{Headers(scope=scope).get('host', '')}")


def direct_from_this_machine(headers: Mapping[str, str], address: str | None) -> bool:
    """From a loopback address, through no proxy that says so. address: None is loopback."""
    names = {name.lower() for name in headers}
    proxied = any(name.startswith("x-forwarded") for name in names) or not _PROXIES.isdisjoint(names)
    return address in _LOOPBACK and not proxied
