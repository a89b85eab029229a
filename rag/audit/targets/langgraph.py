"""LangGraph's savers, and its stores of items."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from rag.audit.targets.servers import server_url


def in_memory() -> Any:
    from langgraph.checkpoint.memory import InMemorySaver

    return InMemorySaver()


def sqlite(folder: str) -> Any:
    from langgraph.checkpoint.sqlite import SqliteSaver

    return SqliteSaver.from_conn_string(f"{folder}/checkpoints.db")


async def sqlite_async(folder: str) -> AsyncIterator[Any]:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    async with AsyncSqliteSaver.from_conn_string(f"{folder}/checkpoints.db") as saver:
        yield saver


def postgres() -> Iterator[Any]:
    from langgraph.checkpoint.postgres import PostgresSaver

    with PostgresSaver.from_conn_string(server_url("AUDIT_POSTGRES_URL")) as saver:
        saver.setup()
        yield saver


async def postgres_async() -> AsyncIterator[Any]:
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

    async with AsyncPostgresSaver.from_conn_string(server_url("AUDIT_POSTGRES_URL")) as saver:
        await saver.setup()
        yield saver


def redis() -> Iterator[Any]:
    """Its server has to have RediSearch and RedisJSON."""
    from langgraph.checkpoint.redis import RedisSaver

    with RedisSaver.from_conn_string(server_url("AUDIT_REDIS_URL")) as saver:
        saver.setup()
        yield saver


async def redis_async() -> AsyncIterator[Any]:
    """Its server has to have RediSearch and RedisJSON."""
    from langgraph.checkpoint.redis.aio import AsyncRedisSaver

    async with AsyncRedisSaver.from_conn_string(server_url("AUDIT_REDIS_URL")) as saver:
        await saver.asetup()
        yield saver


def store_memory() -> Any:
    from langgraph.store.memory import InMemoryStore

    return InMemoryStore()


def store_sqlite(folder: str) -> Iterator[Any]:
    from langgraph.store.sqlite import SqliteStore

    with SqliteStore.from_conn_string(f"{folder}/store.db") as store:
        store.setup()
        yield store


async def store_sqlite_async(folder: str) -> AsyncIterator[Any]:
    from langgraph.store.sqlite import AsyncSqliteStore

    async with AsyncSqliteStore.from_conn_string(f"{folder}/store.db") as store:
        await store.setup()
        yield store


def store_postgres() -> Iterator[Any]:
    from langgraph.store.postgres import PostgresStore

    with PostgresStore.from_conn_string(server_url("AUDIT_POSTGRES_URL")) as store:
        store.setup()
        yield store
