"""The store that the settings name. Nothing of the chat is loaded for it: who looks at sessions asks no model."""

from __future__ import annotations

from typing import Any

from rag.sessions.connection.connect import connect
from rag.sessions.store import SessionStore
from rag.settings import Settings, decode_key, without_password


def open_store(settings: Settings) -> tuple[Any, SessionStore]:
    """The Redis client and the session store over it. Raises SessionStoreUnavailable."""
    client = connect(settings.redis_url, state_dir=settings.state_dir)
    store = SessionStore(
        client,
        ttl=settings.session_ttl_seconds,
        key_prefix=settings.history_prefix,
        max_turns=settings.max_stored_turns,
        encryption_keys=[decode_key(key) for key in settings.session_encryption_keys],
        cache_bytes=settings.history_cache_bytes,
        target=f"{without_password(settings.redis_url)} (REDIS_URL)",
    )
    return client, store
