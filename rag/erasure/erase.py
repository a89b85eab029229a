"""Deletes a session: what Redis holds of it, its documents, and what a file still holds of what was deleted."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import redis

from rag.erasure.ending import clear
from rag.sessions.connection.errors import translated
from rag.sessions.ids import SessionId
from rag.tracing.store import TraceStore

if TYPE_CHECKING:  # who only deletes loads no model
    from rag.services import Services

REWRITE_SECONDS = 30.0
LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Erased:
    """documents: whether they are deleted; False: a sweep will. rewritten: whether the embedded server's file was."""

    documents: bool
    rewritten: bool


def erase(services: Services, session_id: str, who: str) -> Erased:
    """Fine if it is gone already. A turn that is being answered is not stored. Raises CrosswireError."""
    sid = SessionId(session_id)
    cleared = clear(services, sid, who=who)
    TraceStore(services.client).forget(sid)
    services.store.audit.add("erase", sid, who)
    return Erased(cleared.documents, compact(services, REWRITE_SECONDS))


def compact(services: Services, seconds: float = 0.0) -> bool:
    """Have the embedded server write its append-only file anew: until then it holds what was deleted, too.

    Without compression, which would hide from the proof what is still there.
    seconds: how long to wait until that is done. False if it was not, or if Redis is somebody else's to keep.
    """
    if services.settings.redis_url != "embedded":
        return False
    client, deadline, asked = services.client, time.monotonic() + seconds, False
    with translated("STATE_DIR"):
        client.config_set("rdbcompression", "no")
        client.slowlog_reset()  # of a server that an earlier version started
        while True:
            if not asked:
                with suppress(redis.ResponseError):  # one that has begun before is under way: another after it
                    client.bgrewriteaof()
                    asked = True
            found = client.info("persistence")
            if asked and not (found["aof_rewrite_in_progress"] or found["aof_rewrite_scheduled"]):
                return bool(found["aof_last_bgrewrite_status"] == "ok")
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_SECONDS)
