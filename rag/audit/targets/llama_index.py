"""LlamaIndex's chat stores."""

from __future__ import annotations

from typing import Any

from rag.audit.targets.servers import server_url


def simple() -> Any:
    from llama_index.core.storage.chat_store import SimpleChatStore

    return SimpleChatStore()


def sqlite(folder: str) -> Any:
    from llama_index.storage.chat_store.sqlite import SQLiteChatStore

    return SQLiteChatStore.from_params(f"{folder}/chats.db")


def redis() -> Any:
    from llama_index.storage.chat_store.redis import RedisChatStore

    return RedisChatStore(server_url("AUDIT_REDIS_URL"), ttl=3600)
