"""Addresses that pages had before: links that people have go on to where the page is now."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route


async def _race_lab(request: Request) -> RedirectResponse:
    # Relative: the application may be served below another path.
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"race-lab{query}", 308)


OLDER = [Route("/race_lab", _race_lab, methods=["GET"])]
