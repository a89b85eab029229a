"""What a session is called in log lines and spans: enough to tell which belong together, of no use as an id."""

from __future__ import annotations

import hashlib


def log_name(session_id: str) -> str:
    return hashlib.sha256(b"log:" + session_id.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def log_fields(session_id: str, **more: object) -> dict[str, dict[str, object]]:
    """For the `extra` of a line about a session: a log of JSON lines has them as fields beside the message."""
    return {"fields": {"session": log_name(session_id), **more}}
