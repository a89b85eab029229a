"""A server with rooms and nothing else, and a browser that presents one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from rag.crosstalk.room import room as limits
from rag.crosstalk.room.rooms import Rooms
from rag.web.headers import SecurityHeaders
from rag.web.identity import SessionCookie, visit_of
from rag.web.room import RoomFirst
from tests.web.serving import serving

SECRET = "a secret of at least thirty-two characters"


@pytest.fixture(scope="module")
def rooms() -> Iterator[Rooms]:
    with closing(Rooms()) as rooms:
        yield rooms


@pytest.fixture(scope="module")
def site(rooms: Rooms) -> Iterator[str]:
    async def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(visit_of(request).session_id))

    app = Starlette(
        routes=[Route("/{path:path}", page)],
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(SessionCookie, secret=SECRET),
            Middleware(RoomFirst, rooms=lambda: rooms),
        ],
    )
    with serving(app) as address:
        yield address


@pytest.fixture(autouse=True)
def _quick_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "THINKING", (0.02, 0.05))


@pytest.fixture
def presenter(site: str) -> Iterator[httpx.Client]:
    """A browser that has been here before. `session` is what the page knows it by."""
    with httpx.Client(base_url=site, timeout=20) as client:
        client.headers["session"] = client.get("/").text
        yield client


@pytest.fixture
def code(rooms: Rooms, presenter: httpx.Client) -> str:
    return rooms.open(presenter.headers["session"], begin="shared-buffer").code
