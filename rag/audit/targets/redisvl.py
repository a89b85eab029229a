"""RedisVL's message histories. Their server has to have RediSearch; an index stays there, empty."""

from __future__ import annotations

import hashlib
from typing import Any

from rag.audit.targets.servers import server_url


def messages(session_id: str, prefix: str = "") -> Any:
    from redisvl.extensions.message_history import MessageHistory

    return MessageHistory(f"{prefix}audit", session_id, redis_url=server_url("AUDIT_REDIS_URL"))


def semantic(prefix: str = "") -> Any:
    """One object for all conversations, each by its tag. A hash is the embedding: equal texts are near, no others."""
    from redisvl.extensions.message_history import SemanticMessageHistory
    from redisvl.utils.vectorize import CustomVectorizer

    def embed(text: str, **_: Any) -> list[float]:
        return [byte / 255 - 0.5 for byte in hashlib.sha256(text.encode(errors="replace")).digest()]

    return SemanticMessageHistory(
        f"{prefix}audit-semantic",
        vectorizer=CustomVectorizer(embed),
        distance_threshold=0.01,
        redis_url=server_url("AUDIT_REDIS_URL"),
    )
