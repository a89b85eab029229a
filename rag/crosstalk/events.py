"""The operation log: one JSON object a line, whoever wrote it. What cannot be understood is an error with its line.

Times are seconds on one clock. Unknown keys are ignored, so that a log may say more than is checked.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any, NoReturn

LARGEST = 10**17


class BadLog(ValueError):
    """A line that is no event. `line` counts from 1; `reason` says what was expected."""

    def __init__(self, line: int, reason: str) -> None:
        self.line = line
        self.reason = reason
        super().__init__(f"Line {line} of the log cannot be used: {reason}.")


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
    """A turn was sent. plants: canaries that its text states; expects: canaries that the answer should repeat."""

    op: int
    user: str
    session: str
    t: float
    text: str
    tab: int = 0
    process: int = 0
    plants: tuple[str, ...] = ()
    expects: tuple[str, ...] = ()


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
    """The turn was answered: it is acknowledged."""

    op: int
    t: float
    answer: str


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
class Control:
    """A canary that nobody planted."""

    canary: str


Event = Invoke | Prompt | Retrieved | Ok | Fail | Info | History | Clear | Control

KINDS: dict[str, type[Event]] = {
    kind.__name__.lower(): kind for kind in (Invoke, Prompt, Retrieved, Ok, Fail, Info, History, Clear, Control)
}


def to_json(event: Event) -> str:
    """One line, without its end."""
    values = {"event": type(event).__name__.lower()}
    for field in fields(event):
        values[field.name] = _plain(getattr(event, field.name))
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
                if not line.strip():
                    continue
                value = json.loads(line)
            except (ValueError, RecursionError) as exc:
                reason = exc.msg if isinstance(exc, json.JSONDecodeError) else type(exc).__name__
                raise BadLog(self.line, f"it is not JSON ({reason}); expected one object a line") from None
            try:
                return _event(value)
            except _Wrong as exc:
                raise BadLog(self.line, str(exc)) from None
        raise StopIteration


class _Wrong(Exception):
    pass


def _event(value: Any) -> Event:
    if not isinstance(value, dict):
        raise _Wrong(f"it is {_named(value)}, not an object with a key 'event'")
    name = value.get("event", value.get("type"))
    reader = _READERS.get(name) if isinstance(name, str) else None
    if reader is None:
        raise _Wrong(f"event is {name!r}: expected one of {', '.join(KINDS)}")
    return reader(_Fields(value, str(name)))


@dataclass(frozen=True, slots=True)
class _Fields:
    """The keys of one object, each checked as it is asked for."""

    value: dict[str, Any]
    where: str

    def text(self, key: str) -> str:
        found = self.value.get(key)
        if isinstance(found, str):
            return found
        self._wrong(key, "text")

    def whole(self, key: str, default: int | None = None) -> int:
        found = self.value.get(key, default)
        if type(found) is int and -LARGEST < found < LARGEST:
            return found
        self._wrong(key, "a whole number of less than 18 digits")

    def number(self, key: str) -> float:
        found = self.value.get(key)
        if type(found) is int or (type(found) is float and math.isfinite(found)):
            return float(found)
        self._wrong(key, "a number (seconds)")

    def texts(self, key: str) -> tuple[str, ...]:
        found = self.value.get(key, ())
        if isinstance(found, list | tuple) and all(isinstance(one, str) for one in found):
            return tuple(found)
        self._wrong(key, "a list of texts")

    def objects(self, key: str) -> Iterator[_Fields]:
        found = self.value.get(key)
        if not isinstance(found, list):
            self._wrong(key, "a list of objects")
        for number, one in enumerate(found):
            if not isinstance(one, dict):
                self._wrong(f"{key}[{number}]", "an object")
            yield _Fields(one, f"{self.where}.{key}[{number}]")

    def _wrong(self, key: str, expected: str) -> NoReturn:
        name = key.split("[")[0]
        held = _named(self.value[name]) if name in self.value else "missing"
        raise _Wrong(f"{self.where}.{key} is {held}: expected {expected}")


def _messages(of: _Fields) -> tuple[Message, ...]:
    return tuple(
        Message(one.text("role"), one.text("text"), one.whole("op") if one.value.get("op") is not None else None)
        for one in of.objects("messages")
    )


def _documents(of: _Fields) -> tuple[Document, ...]:
    return tuple(Document(one.text("id"), one.text("owner"), one.text("text")) for one in of.objects("documents"))


def _invoke(of: _Fields) -> Invoke:
    return Invoke(
        of.whole("op"),
        of.text("user"),
        of.text("session"),
        of.number("t"),
        of.text("text"),
        of.whole("tab", 0),
        of.whole("process", 0),
        of.texts("plants"),
        of.texts("expects"),
    )


def _clear(of: _Fields) -> Clear:
    clear = Clear(of.text("session"), of.number("t"), of.number("t_ok"))
    if clear.t_ok < clear.t:
        raise _Wrong("clear.t_ok is before clear.t: expected the time when the deletion was confirmed")
    return clear


_READERS: dict[str, Callable[[_Fields], Event]] = {
    "invoke": _invoke,
    "prompt": lambda of: Prompt(of.whole("op"), _messages(of)),
    "retrieved": lambda of: Retrieved(of.whole("op"), _documents(of)),
    "ok": lambda of: Ok(of.whole("op"), of.number("t"), of.text("answer")),
    "fail": lambda of: Fail(of.whole("op"), of.number("t"), _error(of)),
    "info": lambda of: Info(of.whole("op"), of.number("t"), _error(of)),
    "history": lambda of: History(of.text("session"), of.number("t"), _messages(of)),
    "clear": _clear,
    "control": lambda of: Control(of.text("canary")),
}


def _error(of: _Fields) -> str:
    found = of.value.get("error", "")
    return found if isinstance(found, str) else str(found)


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
