"""LangGraph's savers that come along with their packages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any


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
