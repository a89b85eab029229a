"""A message in Redis: LangChain's `message_to_dict` form, plus whose it is, which turn, when and from what.

{"type", "data", "session_id", "turn", "at", "documents"}
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import BaseMessage, message_to_dict, messages_from_dict


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message with its place: turn from 1, `at` in epoch seconds, ids of the documents that an answer used."""

    message: BaseMessage
    session_id: str | None
    turn: int
    at: float
    documents: tuple[str, ...] = ()


def encode(message: BaseMessage, session_id: str, turn: int, at: float, documents: Sequence[str]) -> str:
    """One line of JSON."""
    value = message_to_dict(message)
    value |= {"session_id": session_id, "turn": turn, "at": round(at, 3)}
    if documents and message.type == "ai":
        value["documents"] = list(documents)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def decode(raw: bytes) -> StoredMessage:
    """Raises ValueError for anything that is not such a message."""
    try:
        value = json.loads(raw)
        (message,) = messages_from_dict([value])
        return StoredMessage(
            message,
            value.get("session_id"),
            int(value.get("turn", 0)),
            float(value.get("at", 0.0)),
            tuple(value.get("documents", ())),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        raise ValueError(f"not a stored message: {exc}") from exc
