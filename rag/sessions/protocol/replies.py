"""What the server's answers mean, as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from langchain_core.messages import BaseMessage

from rag.sessions.messages.codec import StoredMessage


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What is known of a session without its messages. Times in epoch seconds; `ttl` in seconds, None for ever.

    messages: how many are stored; trimmed: how many older ones were cut off; quarantined: how many were put aside;
    summary: of the oldest `summary_turns` turns.
    """

    id: str
    created: float
    last_seen: float
    turns: int
    messages: int
    ttl: float | None
    title: str
    model: str
    trimmed: int = 0
    quarantined: int = 0
    summary: str = ""
    summary_turns: int = 0


@dataclass(frozen=True, slots=True)
class BadElement:
    """An element of a history that is not shown. reason: foreign, tampered or corrupt."""

    reason: str
    detail: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A history as it is now. Its records belong to the cache. collection: of its documents, empty: none is named."""

    turns: int
    records: list[StoredMessage]
    bad: list[BadElement]
    summary: str
    summary_turns: int
    quarantined: int
    collection: str


class Commit(NamedTuple):
    """What one turn stores. summary: a text, and how many of the oldest turns it covers. trace: how it was answered."""

    messages: Sequence[BaseMessage]
    documents: Sequence[str]
    model: str
    title: str
    summary: tuple[str, int] | None
    trace: str = ""


class Busy(NamedTuple):
    before: int
    place: int


class Committed(NamedTuple):
    """replicas: that had it in time; None if that was not asked for."""

    turn: int
    next: str
    replicas: int | None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An element that was put aside. reason: foreign, tampered or corrupt; at: epoch seconds."""

    reason: str
    at: float
    raw: bytes
