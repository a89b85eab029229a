"""Whose documents are still to be deleted, because the library was away when their session was cleared or ended.

| key             | type | holds       |
|-----------------|------|-------------|
| `documents:due` | Set  | session ids |

A session may go on after it was cleared, so that its documents are due cannot be seen from whether it lives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rag.sessions.ids import SessionId
from rag.sessions.protocol.keys import Keys
from rag.sessions.protocol.steps import Awaiting, Blocking, Command, Steps, operation


class _Due:
    def __init__(self, send: Callable[[Sequence[Command]], Any], keys: Keys) -> None:
        self._send = send
        self._key = keys.documents_due

    @operation
    def add(self, session_ids: Sequence[str]) -> Steps[None]:
        yield self._send([("SADD", self._key, *map(SessionId, session_ids))])

    @operation
    def remove(self, session_ids: Sequence[str]) -> Steps[None]:
        yield self._send([("SREM", self._key, *map(SessionId, session_ids))])

    @operation
    def all(self) -> Steps[list[str]]:
        """In no order."""
        (found,) = yield self._send([("SMEMBERS", self._key)])
        return [name.decode() for name in found]

    @operation
    def holds(self, session_id: str) -> Steps[bool]:
        (found,) = yield self._send([("SISMEMBER", self._key, SessionId(session_id))])
        return bool(found)


class DocumentsDue(_Due, Blocking):
    """Made by `SessionStore.documents_due`."""


class AsyncDocumentsDue(_Due, Awaiting):
    """Made by `AsyncSessionStore.documents_due`: its methods are to be awaited."""
