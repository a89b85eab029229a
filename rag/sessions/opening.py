"""The store that the settings name. Nothing of the chat is loaded for it: who looks at sessions asks no model."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from rag.errors import BadSetting
from rag.sessions.connection.address import parse
from rag.sessions.connection.connect import connect
from rag.sessions.connection.replication import Replication
from rag.sessions.store import SessionStore
from rag.settings import Settings, decode_key, without_password

LOOKING_SECONDS = 1.0
"""For a replica's answer; then the master is asked."""


def open_store(settings: Settings) -> tuple[Any, SessionStore]:
    """The Redis client and the session store over it; close both. Raises SessionStoreUnavailable and BadSetting."""
    address = parse(settings.redis_url)
    patience = float(address.options.get("socket_timeout", 5.0))
    if settings.redis_wait_replicas and address.kind == "embedded":
        raise BadSetting("REDIS_WAIT_REPLICAS", str(settings.redis_wait_replicas), "0, as the embedded server has none")
    if settings.redis_wait_replicas and settings.redis_wait_seconds >= patience:
        waited = f"{settings.redis_wait_seconds:g}"
        raise BadSetting("REDIS_WAIT_SECONDS", waited, f"less than the {patience:g} s that a reply may take")
    with ExitStack() as opened:
        client = connect(settings.redis_url, state_dir=settings.state_dir)
        opened.callback(client.close)
        reads = None
        if settings.redis_reads == "replicas":
            reads = connect(settings.redis_url, timeout=LOOKING_SECONDS, replicas=True)
        opened.pop_all()  # they are closed by whoever has them from here on
    strict = settings.redis_wait_short == "fail"
    store = SessionStore(
        client,
        ttl=settings.session_ttl_seconds,
        key_prefix=settings.history_prefix,
        max_turns=settings.max_stored_turns,
        encryption_keys=[decode_key(key) for key in settings.session_encryption_keys],
        cache_bytes=settings.history_cache_bytes,
        replication=Replication(settings.redis_wait_replicas, settings.redis_wait_seconds, strict, reads),
        target=f"{without_password(settings.redis_url)} (REDIS_URL)",
    )
    return client, store
