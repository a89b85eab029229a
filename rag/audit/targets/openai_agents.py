"""The OpenAI Agents SDK's sessions."""

from __future__ import annotations

from typing import Any


def sqlite(session_id: str, folder: str) -> Any:
    from agents import SQLiteSession

    return SQLiteSession(session_id, f"{folder}/sessions.db")
