"""LangChain's histories that come along with langchain-core and langchain-community."""

from __future__ import annotations

import hashlib
from typing import Any


def memory(session_id: str) -> Any:  # noqa: ARG001  # whose it is is known by who holds it
    from langchain_core.chat_history import InMemoryChatMessageHistory

    return InMemoryChatMessageHistory()


def file(session_id: str, folder: str) -> Any:
    from langchain_community.chat_message_histories import FileChatMessageHistory

    return FileChatMessageHistory(f"{folder}/{hashlib.sha256(session_id.encode()).hexdigest()}.json")
