"""A message in Redis: LangChain's `message_to_dict` form, plus whose it is, which turn, when and from what.

    {"session_id", "turn", "at", "id", "type", "data", "documents"}
    {"session_id", "turn", "at", "id", "sealed": key's name, "box": the rest of the above, encrypted}

Reading gives back exactly what was written, or says why it cannot. `"exact": true` marks the few lines with numbers or
characters that only the standard library's JSON keeps (integers over 64 bits, infinities, lone surrogates).

`"v"` is the version of this form; left out, it is 1. What a later version wrote is neither read nor put aside: in a
rolling restart both are at work, and the later one's turns have to be there afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from langchain_core.messages import BaseMessage, messages_from_dict
from pydantic import ValidationError

from rag.errors import NewerFormat, SealBroken
from rag.sessions.messages import lossless
from rag.sessions.messages.seal import Seal, Tampered

VERSION = 1
_EXACT = b'{"exact":true,'
_ATOMS = frozenset({str, int, float, bool, type(None)})
_set = object.__setattr__
_NAMES = frozenset({"session_id", "turn", "at", "id", "type", "data", "sealed", "box"})


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
    """An element that is no message of this session. `reason`: foreign, tampered or corrupt.

    It says what is wrong and where, in one line, and never what is there: that may be what somebody said.
    """

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        super().__init__(detail)


class Place(NamedTuple):
    """Where the messages of one turn go. token: of the turn; documents: ids of what its answers used."""

    session_id: str
    turn: int
    at: float
    token: str
    documents: tuple[str, ...] = ()


def encode(messages: Sequence[BaseMessage], place: Place, seal: Seal | None = None) -> list[bytes]:
    """One line of JSON a message. Raises TypeError, which says where, for one that would not come back as it is.

    Documents stand with the turn's answers, or else with its last message.
    """
    head = orjson.dumps({"session_id": place.session_id, "turn": place.turn, "at": place.at})[:-1] + b',"id":"'
    head += place.token.encode() + b":"
    lines = []
    for number, (message, used) in enumerate(zip(messages, _documents(messages, place), strict=True)):
        if lossless.simple(message):
            body, finite = {"type": message.type, "data": message.__dict__}, True
        else:
            body, finite = _checked(message)
        if used:
            body["documents"] = used
        raw = _dumps(body, finite=finite)
        if seal is not None:
            raw = _dumps({"sealed": seal.name, "box": seal.close(raw, _bound(place, number)).decode()})
        exact = _EXACT if raw.startswith(_EXACT) else b"{"
        lines.append(b'%b%b%d",%b' % (exact, head[1:], number, raw[len(exact) :]))
    return lines


def as_stored(
    messages: Sequence[BaseMessage], lines: Sequence[bytes], place: Place, seal: Seal | None
) -> list[StoredMessage]:
    """What `decode` makes of the lines that these were just encoded to, without decoding where that is safe."""
    sid, turn, at, token, _ = place
    documents = _documents(messages, place)
    return [
        StoredMessage(duplicate(message), sid, turn, at, documents[number], f"{token}:{number}")
        if lossless.simple(message)
        else decode(lines[number], sid, seal)
        for number, message in enumerate(messages)
    ]


def _documents(messages: Sequence[BaseMessage], place: Place) -> list[tuple[str, ...]]:
    if not place.documents:
        return [()] * len(messages)
    answers = {number for number, message in enumerate(messages) if message.type == "ai"} or {len(messages) - 1}
    return [place.documents if number in answers else () for number in range(len(messages))]


def decode(raw: bytes, session_id: str, seal: Seal | None = None) -> StoredMessage:
    """Raises Unreadable, SealBroken if the key that it needs is not here, or NewerFormat."""
    value = _loads(raw)
    version = value.get("v", VERSION)
    if version != VERSION:
        if type(version) is int and version > VERSION:
            raise NewerFormat(session_id, version)
        raise Unreadable("corrupt", "not a stored message: its version is none")
    owner = value.get("session_id")
    if owner != session_id:
        raise Unreadable("foreign", "it names no session" if owner is None else "it names another session")
    if "sealed" in value:
        value |= _opened(value, session_id, seal)
    try:
        turn, mark, documents = value["turn"], value["id"], tuple(value.get("documents", ()))
        stored = StoredMessage(_message(value), session_id, turn, float(value["at"]), documents, mark)
    except Exception as exc:  # LangChain raises what it happens to, whatever lies there
        raise Unreadable("corrupt", f"not a stored message: {_why(exc)}") from None
    if type(turn) is not int or type(mark) is not str or not mark.isascii():
        raise Unreadable("corrupt", "not a stored message: its turn or its id is none")
    return stored


def decode_plain(raw: bytes, session_id: str | None = None) -> StoredMessage:
    """An element of the formats that hold nothing but `message_to_dict`. Raises Unreadable.

    session_id: what it may name, if it names a session.
    """
    value = _loads(raw, exact=True)
    if session_id is not None and value.get("session_id", session_id) != session_id:
        raise Unreadable("foreign", "it names another session")
    try:
        return StoredMessage(_message(value), None, 0, 0.0)
    except Exception as exc:  # LangChain raises what it happens to, whatever lies there
        raise Unreadable("corrupt", f"not a stored message: {_why(exc)}") from None


def _checked(message: BaseMessage) -> tuple[dict[str, Any], bool]:
    """What is stored of a message that is not simple, if it comes back as it is, and whether its numbers are finite."""
    finite = lossless.check(message)
    body = _dict(message)
    raw = _dumps(body, finite=finite)
    kind = type(message)
    try:
        back = _message(_loads(raw))
    except Exception as exc:  # somebody has changed it since it was valid
        raise TypeError(f"{kind.__name__} could not be read back ({_why(exc)}): correct it first.") from None
    if type(back) is not kind:
        raise TypeError(f"{kind.__name__} would come back as {type(back).__name__}: convert it first.")
    if _dumps(again := _dict(back), finite=finite) != raw:
        data, other = body["data"], again["data"]
        names = [name for name in data if name not in other or _dumps(data[name]) != _dumps(other[name])]
        raise TypeError(f"{kind.__name__} would come back with other {' and '.join(names)}: correct it first.")
    return body, finite


def _dict(message: BaseMessage) -> dict[str, Any]:
    """LangChain's `message_to_dict`, without pydantic's warnings, which quote what they warn of."""
    return {"type": message.type, "data": message.model_dump(warnings=False)}


def duplicate(message: BaseMessage) -> BaseMessage:
    """An equal message that shares nothing which could be changed."""
    twin = message.__class__.__new__(message.__class__)
    _set(twin, "__dict__", {name: v if type(v) in _ATOMS else _copied(v) for name, v in message.__dict__.items()})
    _set(twin, "__pydantic_fields_set__", set(message.__pydantic_fields_set__))
    _set(twin, "__pydantic_extra__", _copied(message.__pydantic_extra__))
    _set(twin, "__pydantic_private__", message.__pydantic_private__)
    return twin


def _copied(value: Any) -> Any:
    """Deep, for what JSON can hold, which is all that a decoded message is made of."""
    kind = type(value)
    if kind is dict:
        return {key: v if type(v) in _ATOMS else _copied(v) for key, v in value.items()}
    if kind is list:
        return [v if type(v) in _ATOMS else _copied(v) for v in value]
    return value


def _message(value: dict[str, Any]) -> BaseMessage:
    (message,) = messages_from_dict([value])
    return message


def _opened(value: dict[str, Any], session_id: str, seal: Seal | None) -> dict[str, Any]:
    if seal is None:
        raise SealBroken(session_id, "no key is set")
    try:
        token, _, number = value["id"].partition(":")
        bound_to = _bound(Place(session_id, value["turn"], value["at"], token), number)
        return _loads(seal.open(value["sealed"], value["box"], bound_to, session_id))
    except Tampered as exc:
        raise Unreadable("tampered", str(exc)) from exc
    except (KeyError, TypeError, AttributeError) as exc:
        raise Unreadable("corrupt", f"not a sealed message: {_why(exc)}") from None


def _bound(place: Place, number: int | str) -> bytes:
    where = f"{place.session_id}\0{place.turn}\0{place.at}\0{place.token}:{number}"
    return where.encode("utf-8", "surrogatepass")


def _dumps(value: object, *, finite: bool = True) -> bytes:
    """finite: there is no number in it that orjson would change."""
    if finite:
        with suppress(TypeError):
            return orjson.dumps(value)
    return _EXACT + json.dumps(value, separators=(",", ":"))[1:].encode()


def _loads(raw: bytes, *, exact: bool = False) -> dict[str, Any]:
    try:
        value = json.loads(raw) if exact or raw.startswith(_EXACT) else orjson.loads(raw)
    except (ValueError, RecursionError) as exc:
        raise Unreadable("corrupt", f"not JSON: {_why(exc)}") from None
    if not isinstance(value, dict):
        raise Unreadable("corrupt", "not a JSON object")
    if raw.count(b"{") + raw.count(b"[") > lossless.READABLE and lossless.too_deep(value):
        raise Unreadable("corrupt", "too many levels of lists and objects")
    return value


def _why(exc: Exception) -> str:
    """Kind and place, for Unreadable. What these errors say of themselves quotes what they found."""
    if isinstance(exc, ValidationError):
        first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
        return f"{first['loc'][0]}, {first['type']}" if first["loc"] else first["type"]
    if isinstance(exc, json.JSONDecodeError):  # orjson's is one, too
        return f"at character {exc.pos}"
    if isinstance(exc, KeyError) and exc.args[0] in _NAMES:
        return f"it has no {exc.args[0]}"
    return type(exc).__name__
