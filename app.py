"""The application that `streamlit run app.py` serves: the pages, a cookie for each browser, and the HTTP API."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware

from rag.errors import CrosswireError
from rag.resources import NAVIGATION
from rag.services import Services, load_articles, settle, sweep
from rag.settings import load
from rag.ui import resources
from rag.web.api import routes
from rag.web.identity import SessionCookie, session_secret

SWEEP_SECONDS = 30.0


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    services = await run_in_threadpool(_start)
    sweeper = asyncio.create_task(_sweep_forever(services))
    try:
        yield
    finally:
        sweeper.cancel()
        with suppress(asyncio.CancelledError):
            await sweeper
        await run_in_threadpool(resources.close)


def _start() -> Services:
    try:
        services = resources.services()
        session_secret(services.settings)
        load_articles(services)
        settle()
    except CrosswireError as exc:
        # Raised within the server, this would be logged with its whole traceback.
        logging.getLogger("uvicorn.error").disabled = True
        sys.stderr.write(f"Crosswire cannot start. {exc}\n")
        sys.exit(1)
    return services


async def _sweep_forever(services: Services) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        try:
            await run_in_threadpool(sweep, services)
        except CrosswireError as exc:
            logging.getLogger("crosswire").warning("Sweep put off: %s", exc)


def _secret() -> str:
    return session_secret(resources.services().settings)


try:
    load()
except CrosswireError as exc:
    sys.exit(f"Crosswire cannot start. {exc}")

app = st.App(
    NAVIGATION,
    lifespan=lifespan,
    middleware=[Middleware(SessionCookie, secret=_secret)],
    routes=routes(resources.services),
)
