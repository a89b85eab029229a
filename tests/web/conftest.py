"""A server with a scripted chat, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from rag.web.api import ApiFirst
from rag.web.identity import SessionCookie
from tests.web.scripted import ScriptedServices
from tests.web.serving import serving

SECRET = "a secret of at least thirty-two characters"


class Current:
    """The server lives as long as a test module, its services as long as a test."""

    services = ScriptedServices()


def application() -> Starlette:
    """With threads of its own."""

    async def page(_: object) -> PlainTextResponse:
        return PlainTextResponse("page")

    return Starlette(
        routes=[Route("/{path:path}", page)],
        middleware=[
            Middleware(SessionCookie, secret=SECRET),
            Middleware(ApiFirst, services=lambda: Current.services.typed),
        ],
    )


@pytest.fixture(scope="module")
def api_site() -> Iterator[str]:
    with serving(application()) as address:
        yield address


@pytest.fixture
def services() -> ScriptedServices:
    Current.services = ScriptedServices()
    return Current.services


@pytest.fixture
def client(api_site: str, services: ScriptedServices) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=api_site, timeout=20) as client:
        yield client
