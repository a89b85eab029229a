"""Histories in SQL databases: LangGraph's savers, OpenAI Agents' and LangChain's tables. Read-only."""

from __future__ import annotations

from rag.inspector.databases.database import Database, opened
from rag.inspector.databases.engine import is_sql

__all__ = ["Database", "is_sql", "opened"]
