"""LangChain's histories: of langchain-core, langchain-community and langchain-redis."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from rag.audit.targets.servers import driven_by, own_prefix, server_url


def memory(session_id: str) -> Any:  # noqa: ARG001  # whose it is is known by who holds it
    from langchain_core.chat_history import InMemoryChatMessageHistory

    return InMemoryChatMessageHistory()


def file(session_id: str, folder: str) -> Any:
    from langchain_community.chat_message_histories import FileChatMessageHistory

    return FileChatMessageHistory(f"{folder}/{hashlib.sha256(session_id.encode()).hexdigest()}.json")


def sql(folder: str) -> Any:
    return sql_on(f"sqlite:///{folder}/messages.db")


def sql_postgres() -> Any:
    return sql_on(driven_by("psycopg"))


@contextlib.contextmanager
def sql_on(url: str) -> Iterator[Callable[[str], Any]]:
    from langchain_community.chat_message_histories import SQLChatMessageHistory
    from sqlalchemy import create_engine

    engine = create_engine(url)

    def history(session_id: str) -> Any:
        return SQLChatMessageHistory(session_id, "audit_messages", connection=engine)

    try:
        yield history
    finally:
        engine.dispose()


async def sql_async(folder: str) -> AsyncIterator[Callable[[str], Any]]:
    from langchain_community.chat_message_histories import SQLChatMessageHistory
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(f"sqlite+aiosqlite:///{folder}/messages.db")

    def history(session_id: str) -> Any:
        return SQLChatMessageHistory(session_id, "audit_messages", connection=engine)

    try:
        yield history
    finally:
        await engine.dispose()


def community_redis(session_id: str, folder: str, prefix: str = "") -> Any:
    from langchain_community.chat_message_histories import RedisChatMessageHistory

    return RedisChatMessageHistory(session_id, server_url("AUDIT_REDIS_URL"), own_prefix(folder, prefix), ttl=3600)


def redis(session_id: str, prefix: str = "") -> Any:
    """Its server has to have RediSearch and RedisJSON. The index keeps its usual name; empty, it is what is left."""
    from langchain_redis import RedisChatMessageHistory

    return RedisChatMessageHistory(session_id, server_url("AUDIT_REDIS_URL"), prefix or "chat:", ttl=3600)
