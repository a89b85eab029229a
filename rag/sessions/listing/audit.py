"""Who did what to which session, and what was refused: a capped stream that never holds the text of a message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rag.sessions.connection.errors import translated
from rag.sessions.protocol import index_entries
from rag.sessions.protocol.index_entries import Command
from rag.sessions.protocol.keys import Keys


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


class Audit:
    """Made by `SessionStore.audit`."""

    def __init__(self, client: Any, keys: Keys, target: str) -> None:
        self._client = client
        self._keys = keys
        self._target = target

    def add(self, what: str, session_id: str, who: str, **more: str) -> None:
        """Say that somebody looked at, exported or changed a session. Never give it a message's text."""
        with translated(self._target):
            self._client.execute_command(*index_entries.audited(self._keys, session_id, what, who, **more))

    def read(self, count: int = 100, before: str = "+") -> list[AuditEntry]:
        """The newest entries first; `before`: the id of an entry, to go on from there."""
        with translated(self._target):
            return _entries(self._client.execute_command(*_read(self._keys, count, before)))

    def counts(self) -> dict[str, int]:
        """How many elements were ever quarantined, and how many of them were another session's (`crosstalk`)."""
        with translated(self._target):
            return _counts(self._client.hgetall(self._keys.counts))


class AsyncAudit:
    """Made by `AsyncSessionStore.audit`: the methods of `Audit`, to be awaited."""

    def __init__(self, client: Any, keys: Keys, target: str) -> None:
        self._client = client
        self._keys = keys
        self._target = target

    async def add(self, what: str, session_id: str, who: str, **more: str) -> None:
        with translated(self._target):
            await self._client.execute_command(*index_entries.audited(self._keys, session_id, what, who, **more))

    async def read(self, count: int = 100, before: str = "+") -> list[AuditEntry]:
        with translated(self._target):
            return _entries(await self._client.execute_command(*_read(self._keys, count, before)))

    async def counts(self) -> dict[str, int]:
        with translated(self._target):
            return _counts(await self._client.hgetall(self._keys.counts))


def _read(keys: Keys, count: int, before: str) -> Command:
    return ("XREVRANGE", keys.audit, before if before == "+" else f"({before}", "-", "COUNT", count)


def _entries(found: list[tuple[bytes, dict[bytes, bytes]]]) -> list[AuditEntry]:
    return [_entry(name.decode(), fields) for name, fields in found]


def _counts(found: dict[bytes, bytes]) -> dict[str, int]:
    return {"crosstalk": 0, "quarantined": 0} | {name.decode(): int(count) for name, count in found.items()}


def _entry(name: str, fields: dict[bytes, bytes]) -> AuditEntry:
    texts = {key.decode(): value.decode("utf-8", "replace") for key, value in fields.items()}
    at = int(name.partition("-")[0]) / 1000
    return AuditEntry(name, at, texts.pop("what", ""), texts.pop("session", ""), texts.pop("who", ""), texts)
