"""A message in Redis: LangChain's `message_to_dict` form, plus whose it is, which turn, when and from what.

    {"session_id", "turn", "at", "id", "type", "data", "documents"}
    {"session_id", "turn", "at", "id", "sealed": key's name, "box": the rest of the above, encrypted}

Reading gives back exactly what was written, or says why it cannot. `"exact": true` marks the few lines with numbers or
characters that only the standard library's JSON keeps (integers over 64 bits, infinities, lone surrogates).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from langchain_core.messages import BaseMessage, message_to_dict, messages_from_dict

from rag.errors import SealBroken
from rag.sessions.seal import Seal, Tampered

_EXACT = b'{"exact":true,'
_STRICT = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message with its place: turn from 1, `at` in epoch seconds, ids of the documents that an answer used.

    id: of the place, not of the message; session_id: None in formats that do not say.
    """

    message: BaseMessage
    session_id: str | None
    turn: int
    at: float
    documents: tuple[str, ...] = ()
    id: str = ""


class Unreadable(ValueError):
    """An element that is no message of this session. `reason`: foreign, tampered or corrupt."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        super().__init__(detail)


def encode(record: StoredMessage, seal: Seal | None = None) -> bytes:
    """One line of JSON. Raises TypeError for a message that JSON cannot hold without loss."""
    place = {"session_id": record.session_id, "turn": record.turn, "at": record.at, "id": record.id}
    body = message_to_dict(record.message)
    if record.documents:
        body["documents"] = record.documents
    if seal is None:
        return _dumps(place | body)
    box = seal.close(_dumps(body), _bound(place))
    return _dumps(place | {"sealed": seal.name, "box": box.decode()})


def decode(raw: bytes, session_id: str, seal: Seal | None = None) -> StoredMessage:
    """Raises Unreadable, or SealBroken if the key that it needs is not here."""
    value = _loads(raw)
    owner = value.get("session_id")
    if owner != session_id:
        raise Unreadable("foreign", "it names no session" if owner is None else "it names another session")
    if "sealed" in value:
        value |= _opened(value, session_id, seal)
    try:
        return StoredMessage(
            _message(value), owner, value["turn"], float(value["at"]), tuple(value.get("documents", ())), value["id"]
        )
    except (ValueError, TypeError, KeyError) as exc:
        raise Unreadable("corrupt", f"not a stored message: {exc}") from exc


def decode_plain(raw: bytes) -> StoredMessage:
    """An element of the formats that hold nothing but `message_to_dict`. Raises Unreadable."""
    value = _loads(raw, exact=True)
    try:
        return StoredMessage(_message(value), None, 0, 0.0)
    except (ValueError, TypeError, KeyError) as exc:
        raise Unreadable("corrupt", f"not a stored message: {exc}") from exc


def _message(value: dict[str, Any]) -> BaseMessage:
    (message,) = messages_from_dict([value])
    return message


def _opened(value: dict[str, Any], session_id: str, seal: Seal | None) -> dict[str, Any]:
    if seal is None:
        raise SealBroken(session_id, "no key is set")
    try:
        place = {name: value[name] for name in ("session_id", "turn", "at", "id")}
        return _loads(seal.open(value["sealed"], value["box"], _bound(place), session_id))
    except Tampered as exc:
        raise Unreadable("tampered", str(exc)) from exc
    except (KeyError, TypeError) as exc:
        raise Unreadable("corrupt", f"not a sealed message: {exc}") from exc


def _bound(place: dict[str, Any]) -> bytes:
    return "\0".join(map(str, place.values())).encode("utf-8", "surrogatepass")


def _dumps(value: dict[str, Any]) -> bytes:
    try:
        if _finite(value):
            return orjson.dumps(value, option=_STRICT)
    except TypeError:
        _check_plain(value)
    return _EXACT + json.dumps(value, separators=(",", ":"))[1:].encode()


def _loads(raw: bytes, *, exact: bool = False) -> dict[str, Any]:
    try:
        value = json.loads(raw) if exact or raw.startswith(_EXACT) else orjson.loads(raw)
    except (ValueError, RecursionError) as exc:
        raise Unreadable("corrupt", f"not JSON: {exc}") from exc
    if not isinstance(value, dict):
        raise Unreadable("corrupt", "not a JSON object")
    return value


def _finite(value: object) -> bool:
    """False if a float in it is infinite or no number, which orjson would store as null."""
    kind = type(value)
    if kind is dict:
        return all(map(_finite, value.values()))  # type: ignore[attr-defined]
    if kind is list or kind is tuple:
        return all(map(_finite, value))  # type: ignore[call-overload]
    return kind is not float or math.isfinite(value)  # type: ignore[arg-type]


def _check_plain(value: object, path: str = "message") -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"{path} has the key {key!r}: expected text. JSON cannot hold it; convert it first.")
            _check_plain(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            _check_plain(item, f"{path}[{number}]")
    elif not isinstance(value, str | int | float | bool | None):
        raise TypeError(f"{path} is a {type(value).__name__}: JSON cannot hold it; convert it first.")


def records_of(
    messages: Sequence[BaseMessage], session_id: str, turn: int, at: float, documents: Sequence[str], token: str
) -> list[StoredMessage]:
    """The messages of one turn, in their places. Documents stand with its answers, or else with its last message."""
    answers = {number for number, message in enumerate(messages) if message.type == "ai"} or {len(messages) - 1}
    used = tuple(documents)
    return [
        StoredMessage(message, session_id, turn, at, used if number in answers else (), f"{token}:{number}")
        for number, message in enumerate(messages)
    ]
