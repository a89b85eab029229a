"""Which requests a foreign site may have caused. They change nothing and are given no session.

`SameSite=Lax` hides our cookie on such requests, so without this rule each of them would look like a new visitor, and
its fresh cookie would replace the one that the browser holds.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def is_own(method: str, headers: Headers) -> bool:
    """True unless another origin caused this request.

    Sec-Fetch-Site decides where the browser sends it, else Origin against Host (the rule of Go's
    http.CrossOriginProtection). Neither: not a browser, so nobody is being misused. A sibling domain or another port
    of this host ("same-site") is another origin too. Following a link from another site is fine: the browser sends
    the cookie along with it.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none") or (method in _SAFE and is_navigation(headers))
    origin = headers.get("origin")
    return origin is None or _host(origin) == headers.get("host", "").lower()


def is_navigation(headers: Headers) -> bool:
    """A page is being opened in a tab of its own, not in a frame and not by a script."""
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None
