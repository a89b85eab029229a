"""Agno's databases."""

from __future__ import annotations

from typing import Any

from rag.audit.targets.servers import driven_by


def in_memory() -> Any:
    from agno.db.in_memory import InMemoryDb

    return InMemoryDb()


def sqlite(folder: str) -> Any:
    from agno.db.sqlite import SqliteDb

    return SqliteDb(db_file=f"{folder}/sessions.db")


def postgres() -> Any:
    from agno.db.postgres import PostgresDb

    return PostgresDb(db_url=driven_by("psycopg"), db_schema="public")
