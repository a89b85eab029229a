"""Crosswire's own stores, on a server of their folder, or on the one that is named."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from rag.audit.targets.servers import own_prefix

LOG = "audit"
"""Who did what to which session: on a server that stays, it is all that would be left."""


async def history(folder: str, prefix: str = "") -> AsyncIterator[Callable[[str], Any]]:
    from rag.sessions import connect, connect_async, history_factory

    url = os.environ.get("AUDIT_REDIS_URL") or "embedded"
    client = connect(url, state_dir=Path(folder))
    async_client = await connect_async(url, state_dir=Path(folder))
    try:
        yield history_factory(client, key_prefix=own_prefix(folder, prefix), async_client=async_client)
    finally:
        await async_client.aclose()
        with contextlib.suppress(Exception):  # a check may have ended the server
            client.delete(own_prefix(folder, prefix) + LOG)
        client.close()


def store(folder: str, prefix: str = "") -> Iterator[Any]:
    from rag.sessions import SessionStore, connect

    client = connect(os.environ.get("AUDIT_REDIS_URL") or "embedded", state_dir=Path(folder))
    try:
        yield SessionStore(client, key_prefix=own_prefix(folder, prefix))
    finally:
        with contextlib.suppress(Exception):  # a check may have ended the server
            client.delete(own_prefix(folder, prefix) + LOG)
        client.close()


async def store_async(folder: str, prefix: str = "") -> AsyncIterator[Any]:
    from rag.sessions import AsyncSessionStore, connect_async

    client = await connect_async(os.environ.get("AUDIT_REDIS_URL") or "embedded", state_dir=Path(folder))
    try:
        yield AsyncSessionStore(client, key_prefix=own_prefix(folder, prefix))
    finally:
        with contextlib.suppress(Exception):  # a check may have ended the server
            await client.delete(own_prefix(folder, prefix) + LOG)
        await client.aclose()
