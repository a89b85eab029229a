"""The application that `streamlit run app.py` serves: the pages, a cookie for each browser, and the HTTP API."""

from __future__ import annotations

import gc

# What is loaded stays to the end. Looked through for garbage again and again, it takes a fifth longer to load: until
# `settle`, nobody looks.
gc.disable()

import asyncio
import itertools
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route
from streamlit.web.server import server_util

from rag.erasure import SWEEP_SECONDS, compact, sweep
from rag.errors import CrosswireError
from rag.garbage import collect_forever, settle
from rag.inspector import one_time_link
from rag.inspector.access import opens_by_link
from rag.observability.logs import set_up
from rag.probe import PERIOD, probe_if_due
from rag.resources import NAVIGATION
from rag.services import Services, load_articles, warn_of_eviction
from rag.sessions.revocations import Revocations
from rag.settings import Settings, load
from rag.ui import resources
from rag.ui.uploads import bound_uploads
from rag.web import inspector_link
from rag.web.api import ApiFirst
from rag.web.connections.busy import BusyFirst
from rag.web.connections.heads import bound_heads
from rag.web.connections.pace import bound_pace
from rag.web.connections.sockets import Sockets
from rag.web.draining import Draining
from rag.web.headers import SecurityHeaders
from rag.web.identity import SessionCookie, session_secret
from rag.web.room import RoomFirst

COMPACT_EVERY = 20
"""Sweeps, after which the embedded server's file is written anew, without what was deleted or has expired."""


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    services = await run_in_threadpool(_start)
    DRAINING.at_sigterm(SETTINGS.drain_seconds, SETTINGS.model_timeout_seconds, services.chat.busy)
    tasks = [
        asyncio.create_task(_sweep_forever(services)),
        asyncio.create_task(collect_forever(lambda: services.under_way.turns > 0)),
    ]
    if services.settings.canary_probe:
        tasks.append(asyncio.create_task(_probe_forever(services)))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        _services.cache_clear()
        await run_in_threadpool(resources.close)


def _start() -> Services:
    try:
        services = resources.services()
        set_up(services.settings.log_format)
        session_secret(services.settings)
        load_articles(services)
        settle()
        warn_of_eviction(services)
        _say_how_to_inspect(services.settings)
    except CrosswireError as exc:
        # Raised within the server, this would be logged with its whole traceback.
        logging.getLogger("uvicorn.error").disabled = True
        sys.stderr.write(f"Crosswire cannot start. {exc}\n")
        sys.exit(1)
    return services


def _say_how_to_inspect(settings: Settings) -> None:
    """Where neither a password nor a login is set, whoever reads this may look."""
    if opens_by_link(settings):
        base = server_util.get_url(server_util.get_display_address(st.get_option("server.address") or "localhost"))
        link = one_time_link.address(base, one_time_link.issue(settings.state_dir))
        sys.stdout.write(f"\n  The inspector, once and within a day:\n  {link}\n\n")
        sys.stdout.flush()


async def _sweep_forever(services: Services) -> None:
    for number in itertools.count(1):
        await asyncio.sleep(SWEEP_SECONDS)
        try:
            await run_in_threadpool(sweep, services)
            if number % COMPACT_EVERY == 0:
                await run_in_threadpool(compact, services)
        except CrosswireError as exc:
            logging.getLogger("crosswire").warning("Sweep put off: %s", exc)


async def _probe_forever(services: Services) -> None:
    """Where several processes share a Redis, whoever asks first makes the probe that is due."""
    while True:
        await asyncio.sleep(PERIOD)
        try:
            await run_in_threadpool(probe_if_due, services)
        except Exception as exc:
            logging.getLogger("crosswire").warning("No canary probe was made: %s", type(exc).__name__)


def _race_lab(request: Request) -> RedirectResponse:
    """Links that people have name the page by its file. Relative: the application may be served below another path."""
    return RedirectResponse(f"race-lab?{request.url.query}".rstrip("?"), 308)


@cache
def _services() -> Services:
    """To look them up in Streamlit's cache takes longer than to refuse a request."""
    return resources.services()


def _secret() -> str:
    return session_secret(_services().settings)


def _revocations() -> Revocations:
    return _services().store.revocations


def _front_end() -> str:
    return (Path(st.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")


try:
    SETTINGS = load()
except CrosswireError as exc:
    sys.exit(f"Crosswire cannot start. {exc}")

bound_heads()
bound_pace()
bound_uploads()
DRAINING = Draining()

app = st.App(
    NAVIGATION,
    lifespan=lifespan,
    middleware=[
        Middleware(BusyFirst, services=_services, secret=_secret, html=_front_end()),
        Middleware(SecurityHeaders, html=_front_end()),
        Middleware(SessionCookie, secret=_secret, allowed=SETTINGS.allowed_origins, revocations=_revocations),
        Middleware(Sockets),
        Middleware(ApiFirst, services=_services, draining=lambda: DRAINING.begun),
        Middleware(RoomFirst, rooms=resources.rooms),
    ],
    routes=[*inspector_link.routes(lambda: resources.services().settings), Route("/race_lab", _race_lab)],
)
