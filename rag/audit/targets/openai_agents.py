"""The OpenAI Agents SDK's sessions."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from rag.audit.targets.servers import driven_by, own_prefix, server_url


def sqlite(session_id: str, folder: str) -> Any:
    from agents import SQLiteSession

    return SQLiteSession(session_id, f"{folder}/sessions.db")


def sqlalchemy(folder: str) -> Any:
    return sqlalchemy_on(f"sqlite+aiosqlite:///{folder}/sessions.db")


def sqlalchemy_postgres() -> Any:
    return sqlalchemy_on(driven_by("asyncpg"))


@contextlib.asynccontextmanager
async def sqlalchemy_on(url: str) -> AsyncIterator[Callable[[str], Any]]:
    from agents.extensions.memory import SQLAlchemySession
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(url)

    def session(session_id: str) -> Any:
        return SQLAlchemySession(session_id, engine=engine, create_tables=True)

    try:
        yield session
    finally:
        await engine.dispose()


async def redis(folder: str, prefix: str = "") -> AsyncIterator[Callable[[str], Any]]:
    from agents.extensions.memory import RedisSession
    from redis.asyncio import Redis

    client = Redis.from_url(server_url("AUDIT_REDIS_URL"))

    def session(session_id: str) -> Any:
        return RedisSession(session_id, redis_client=client, key_prefix=own_prefix(folder, prefix))

    try:
        yield session
    finally:
        await client.aclose()
