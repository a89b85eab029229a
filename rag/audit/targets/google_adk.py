"""Google ADK's session services."""

from __future__ import annotations

from typing import Any


def in_memory() -> Any:
    from google.adk.sessions import InMemorySessionService

    return InMemorySessionService()


def database(folder: str) -> Any:
    from google.adk.sessions import DatabaseSessionService

    return DatabaseSessionService(f"sqlite+aiosqlite:///{folder}/sessions.db")
