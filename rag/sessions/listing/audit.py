"""Who did what to which session, and what was refused: a capped stream that never holds the text of a message."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rag.sessions.protocol import index_entries
from rag.sessions.protocol.keys import Keys
from rag.sessions.protocol.steps import Awaiting, Blocking, Command, Steps, operation


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """at: epoch seconds. what: clear, expire, extend, pin, unpin, quarantine, misplaced, fenced, view, export, …

    who: `session` for the session itself, else what the one who acted calls himself.
    """

    id: str
    at: float
    what: str
    session: str
    who: str
    more: dict[str, str]


class _Trail:
    def __init__(self, send: Callable[[Sequence[Command]], Any], keys: Keys) -> None:
        self._send = send
        self._keys = keys

    @operation
    def add(self, /, what: str, session_id: str, who: str, **more: str) -> Steps[None]:
        """Say that somebody looked at, exported or changed a session. Never give it a message's text."""
        yield self._send([index_entries.audited(self._keys, session_id, what, who, **more)])

    @operation
    def read(self, count: int = 100, before: str = "+") -> Steps[list[AuditEntry]]:
        """The newest entries first; `before`: the id of an entry, to go on from there."""
        last = before if before == "+" else f"({before}"
        (found,) = yield self._send([("XREVRANGE", self._keys.audit, last, "-", "COUNT", count)])
        return [_entry(name.decode(), fields) for name, fields in found]

    @operation
    def counts(self) -> Steps[dict[str, int]]:
        """How many elements were ever quarantined, and how many of them were another session's (`crosstalk`)."""
        (found,) = yield self._send([("HGETALL", self._keys.counts)])
        return {"crosstalk": 0, "quarantined": 0} | {name.decode(): int(count) for name, count in found.items()}


class Audit(_Trail, Blocking):
    """Made by `SessionStore.audit`."""


class AsyncAudit(_Trail, Awaiting):
    """Made by `AsyncSessionStore.audit`: its methods are to be awaited."""


def _entry(name: str, fields: dict[bytes, bytes]) -> AuditEntry:
    texts = {key.decode(): value.decode("utf-8", "replace") for key, value in fields.items()}
    at = int(name.partition("-")[0]) / 1000
    return AuditEntry(name, at, texts.pop("what", ""), texts.pop("session", ""), texts.pop("who", ""), texts)
