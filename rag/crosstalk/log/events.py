"""The operation log: one JSON object a line, whoever wrote it. What cannot be understood is an error with its line.

Times are seconds on one clock. Unknown keys are ignored, so that a log may say more than is checked.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any, NoReturn, TypeVar

LARGEST = 10**17
ANSWERED = ("done", "refused", "failed")
"""What a delete may be answered with."""
FORMAT = "docs/log-format.md"
"""Where the format is described."""


class BadLog(ValueError):
    """A line that is no event. `line` counts from 1; `reason` says what was expected."""

    def __init__(self, line: int, reason: str) -> None:
        self.line = line
        self.reason = reason
        super().__init__(f"Line {line} of the log cannot be used: {reason}. The format: {FORMAT}.")


@dataclass(frozen=True, slots=True)
class Message:
    """op: of the turn that it belongs to, where that is known. role: user, assistant, system or tool."""

    role: str
    text: str
    op: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """owner: a session, or `shared`."""

    id: str
    owner: str
    text: str


@dataclass(frozen=True, slots=True)
class Invoke:
    """A turn was sent. plants: canaries that its text states; expects: canaries that the answer should repeat.
    window: turns of memory that its prompt holds; None: all, or nobody said. hints: what else would tell whose data it
    is (a name, half an address, a preference): seen elsewhere, it is suspected. shape: what kind of question it is.
    """

    op: int
    user: str
    session: str
    t: float
    text: str
    tab: int = 0
    process: int = 0
    plants: tuple[str, ...] = ()
    expects: tuple[str, ...] = ()
    window: int | None = None
    hints: tuple[str, ...] = ()
    shape: str | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model was given."""

    op: int
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What the retriever gave."""

    op: int
    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class Ok:
    """The turn was answered: it is acknowledged. completion: what the model answered to it, where the log says that
    besides what its user was told."""

    op: int
    t: float
    answer: str
    completion: str | None = None


@dataclass(frozen=True, slots=True)
class Fail:
    """The turn surely did not take effect."""

    op: int
    t: float
    error: str


@dataclass(frozen=True, slots=True)
class Info:
    """The turn timed out or was cancelled: it may or may not have taken effect."""

    op: int
    t: float
    error: str


@dataclass(frozen=True, slots=True)
class History:
    """A read of what is stored; the last one of a session is its final state."""

    session: str
    t: float
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Clear:
    """The history was deleted between these times."""

    session: str
    t: float
    t_ok: float


@dataclass(frozen=True, slots=True)
class Delete:
    """A user asked to have a session's conversation deleted. answered: done, refused or failed. gone: whether its owner
    was shown it before and not afterwards; None: nobody could look."""

    session: str
    user: str
    t: float
    answered: str
    gone: bool | None = None


@dataclass(frozen=True, slots=True)
class Control:
    """A canary that nobody planted."""

    canary: str


Event = Invoke | Prompt | Retrieved | Ok | Fail | Info | History | Clear | Delete | Control

KINDS: dict[str, type[Event]] = {
    kind.__name__.lower(): kind for kind in (Invoke, Prompt, Retrieved, Ok, Fail, Info, History, Clear, Delete, Control)
}


def to_json(event: Event) -> str:
    """One line, without its end."""
    values = {"event": type(event).__name__.lower()}
    for field in fields(event):
        if (value := getattr(event, field.name)) is not None:
            values[field.name] = _plain(value)
    return json.dumps(values)


class read(Iterator[Event]):  # noqa: N801 (it is called like a function)
    """The events of a log, one at a time, without empty lines. Raises BadLog. `line` is the last one that was read."""

    def __init__(self, lines: Iterable[str | bytes]) -> None:
        self.line = 0
        self._lines = iter(lines)

    def __next__(self) -> Event:
        for line in self._lines:
            self.line += 1
            try:
                told = line.strip()
                if not told:
                    continue
                value = _parsed(told)
            except (ValueError, RecursionError) as exc:
                reason = exc.msg if isinstance(exc, json.JSONDecodeError) else type(exc).__name__
                raise BadLog(self.line, f"it is not JSON ({reason}); expected one object a line") from None
            try:
                return _event(value)
            except _Wrong as exc:
                raise BadLog(self.line, str(exc)) from None
        raise StopIteration


_DECODER = json.JSONDecoder()


def _parsed(line: str | bytes) -> Any:
    try:
        text = line if isinstance(line, str) else line.decode()
        value, end = _DECODER.raw_decode(text)
        if end == len(text):
            return value
    except ValueError:
        pass
    return json.loads(line)  # the same, or what is wrong with it


class _Wrong(Exception):
    pass


_Part = TypeVar("_Part", Message, Document)


def _event(value: Any) -> Event:
    if type(value) is not dict:
        raise _Wrong(f"it is {_named(value)}, not an object with a key 'event'")
    name = value.get("event", value.get("type"))
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None or not isinstance(name, str):
        raise _Wrong(f"event is {name!r}: expected one of {', '.join(KINDS)}")
    event: Event = kind(*[read(value, name, key) for key, read in _FIELDS[kind]])
    if type(event) is Clear and event.t_ok < event.t:
        raise _Wrong("clear.t_ok is before clear.t: expected the time when the deletion was confirmed")
    return event


# Each takes an object, how it is called in errors, and the key.


def _text(value: dict[str, Any], where: str, key: str) -> str:
    found = value.get(key)
    if type(found) is str:
        return found
    _wrong(value, where, key, "text")


def _whole(value: dict[str, Any], where: str, key: str) -> int:
    found = value.get(key)
    if type(found) is int and -LARGEST < found < LARGEST:
        return found
    _wrong(value, where, key, "a whole number of less than 18 digits")


def _count(value: dict[str, Any], where: str, key: str) -> int:
    return _whole(value, where, key) if key in value else 0


def _number(value: dict[str, Any], where: str, key: str) -> float:
    found = value.get(key)
    if type(found) is float and math.isfinite(found):
        return found
    if type(found) is int and -LARGEST < found < LARGEST:
        return float(found)
    _wrong(value, where, key, "a number (seconds)")


def _texts(value: dict[str, Any], where: str, key: str) -> tuple[str, ...]:
    found = value.get(key, ())
    if isinstance(found, list | tuple) and all(type(one) is str for one in found):
        return tuple(found)
    _wrong(value, where, key, "a list of texts")


def _window(value: dict[str, Any], where: str, key: str) -> int | None:
    found = value.get(key)
    if found is not None and _whole(value, where, key) < 1:
        raise _Wrong(f"{where}.{key} is {found}: expected at least 1 turn")
    return found


def _op(value: dict[str, Any], where: str, key: str) -> int | None:
    return _whole(value, where, key) if key in value else None


def _label(value: dict[str, Any], where: str, key: str) -> str | None:
    return _text(value, where, key) if value.get(key) is not None else None


def _error(value: dict[str, Any], where: str, key: str) -> str:
    del where
    return str(value.get(key, ""))


def _answered(value: dict[str, Any], where: str, key: str) -> str:
    found = _text(value, where, key)
    if found not in ANSWERED:
        raise _Wrong(f"{where}.{key} is {found[:40]!r}: expected one of {', '.join(ANSWERED)}")
    return found


def _perhaps(value: dict[str, Any], where: str, key: str) -> bool | None:
    found = value.get(key)
    if found is None or type(found) is bool:
        return found
    _wrong(value, where, key, "true, false or null")


def _wrong(value: dict[str, Any], where: str, key: str, expected: str) -> NoReturn:
    held = _named(value[key]) if key in value else "missing"
    raise _Wrong(f"{where}.{key} is {held}: expected {expected}")


def _messages(value: dict[str, Any], where: str, key: str) -> tuple[Message, ...]:
    """Most of a log is messages: they are taken as they are, and looked at key by key only if one is wrong."""
    found = value.get(key)
    if type(found) is list:
        messages = tuple(map(_message, found))
        if None not in messages:
            return messages  # type: ignore[return-value]
    return tuple(_objects(Message, value, where, key))


def _message(value: Any) -> Message | None:
    if type(value) is dict:
        role, text, op = value.get("role"), value.get("text"), value.get("op")
        sure = op is None or (type(op) is int and -LARGEST < op < LARGEST)
        if sure and type(role) is str and type(text) is str:
            return Message(role, text, op)
    return None


def _documents(value: dict[str, Any], where: str, key: str) -> tuple[Document, ...]:
    return tuple(_objects(Document, value, where, key))


def _objects(kind: type[_Part], value: dict[str, Any], where: str, key: str) -> Iterator[_Part]:
    found = value.get(key)
    if type(found) is not list:
        _wrong(value, where, key, "a list of objects")
    for number, one in enumerate(found):
        at = f"{where}.{key}[{number}]"
        if type(one) is not dict:
            raise _Wrong(f"{at} is {_named(one)}: expected an object")
        yield kind(*[read(one, at, name) for name, read in _FIELDS[kind]])


_Reader = Callable[[dict[str, Any], str, str], Any]
_BY_TYPE: dict[str, _Reader] = {
    "str": _text,
    "int": _whole,
    "float": _number,
    "int | None": _op,
    "str | None": _label,
    "bool | None": _perhaps,
    "tuple[str, ...]": _texts,
    "tuple[Message, ...]": _messages,
    "tuple[Document, ...]": _documents,
}
_BY_NAME: dict[str, _Reader] = {
    "error": _error,
    "answered": _answered,
    "window": _window,
    "tab": _count,
    "process": _count,
}
_FIELDS: dict[Any, tuple[tuple[str, _Reader], ...]] = {
    kind: tuple((one.name, _BY_NAME.get(one.name) or _BY_TYPE[str(one.type)]) for one in fields(kind))
    for kind in (*KINDS.values(), Message, Document)
}
"""How each field of an event is read: by what it is, some by what they are called."""


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Message):
        found: dict[str, Any] = {"role": value.role, "text": value.text}
        return found if value.op is None else {**found, "op": value.op}
    if isinstance(value, Document):
        return {"id": value.id, "owner": value.owner, "text": value.text}
    return value


def _named(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return kinds.get(type(value), "null")
