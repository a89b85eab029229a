"""Which messages come back from JSON as they were. Of all others it is said what is in the way, and where: by the names
of fields and types alone, because the rest is what somebody said."""

from __future__ import annotations

import math
from contextlib import suppress
from enum import Enum
from itertools import chain
from typing import Any, Final

import orjson
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

DEEPEST: Final = 90
"""Levels of lists and objects in a field that is written: pydantic goes no further than 99 on every platform."""
READABLE: Final = 254
"""And in an element that is read: what can be copied without running out of stack."""

_TEXT = frozenset({str})
_SAFE = frozenset({str, int, bool, type(None)})
_MORE: dict[str, set[type]] = {"content": {list}, "name": {str}, "id": {str}}
_KINDS: dict[type[BaseMessage], dict[str, frozenset[type]]] = {
    kind: {name: frozenset({type(value), *_MORE.get(name, ())}) for name, value in kind("").__dict__.items()}
    for kind in (HumanMessage, AIMessage, SystemMessage)
}
"""What a field holds, each of them with a value that is known by its type or is empty."""


def simple(message: BaseMessage) -> bool:
    """Whether it is only text and plain response metadata, so that what pydantic would say of it is known."""
    kinds = _KINDS.get(type(message))
    if kinds is None or message.__pydantic_extra__:
        return False
    fields = message.__dict__
    for name, value in fields.items():
        kind = type(value)
        if kind not in kinds[name]:
            return False
        if value and kind is not str and not (name == "response_metadata" and _plain(value, DEEPEST)):
            return False
    return True


def check(message: BaseMessage) -> bool:
    """Whether all numbers in it are finite. Raises TypeError for what JSON cannot hold or would give back changed.

    Subclasses of text, numbers, lists and objects come back as what they are equal to.
    """
    fields = chain(message.__dict__.items(), (message.__pydantic_extra__ or {}).items())
    unsure = [(name, value) for name, value in fields if not _plain(value, DEEPEST)]
    return False not in [_checked(value, type(message).__name__ + _step(name), DEEPEST) for name, value in unsure]


def too_deep(value: dict[str, Any]) -> bool:
    with suppress(TypeError):
        orjson.dumps(value)  # refuses what is deeper than this, in a tenth of the time, and some other things
        return False
    level: list[Any] = [value]
    for _ in range(READABLE):
        inner = chain.from_iterable(one.values() if type(one) is dict else one for one in level)
        level = [one for one in inner if type(one) is dict or type(one) is list]
        if not level:
            return False
    return True


def _plain(value: Any, levels: int) -> bool:
    """Whether it is made of nothing but what any JSON gives back as it was."""
    kind = type(value)
    if kind is not dict and kind is not list:
        return kind in _SAFE or (kind is float and math.isfinite(value))
    if kind is dict and not _TEXT.issuperset(map(type, value)):
        return False
    inner = value.values() if kind is dict else value
    rest = [one for one in inner if type(one) not in _SAFE and not (type(one) is float and math.isfinite(one))]
    return levels > 0 and (not rest or all(_plain(one, levels - 1) for one in rest))


def _checked(value: object, place: str, levels: int) -> bool:
    """As `check`, of all that is in it: what is infinite or no number, orjson would store as null."""
    if isinstance(value, Enum) or not isinstance(value, str | int | float | dict | list | None):
        raise TypeError(f"{_shown(place)} is of type {type(value).__name__}: JSON cannot hold it; convert it first.")
    if not isinstance(value, dict | list):
        return not isinstance(value, float) or math.isfinite(value)
    if not levels:
        raise TypeError(f"{_shown(place)} has more than {DEEPEST} levels of lists and objects: flatten it first.")
    if isinstance(value, list):
        return False not in [_checked(one, f"{place}[{number}]", levels - 1) for number, one in enumerate(value)]
    for key in value:
        if not isinstance(key, str) or isinstance(key, Enum):
            kind = type(key).__name__
            raise TypeError(f"{_shown(place)} has a key of type {kind}: JSON cannot hold it; convert it first.")
    return False not in [_checked(one, place + _step(key), levels - 1) for key, one in value.items()]


def _step(key: str) -> str:
    """A name is shown, and nothing that might be a text."""
    return f".{key}" if key.isidentifier() and len(key) <= 40 else "[…]"


def _shown(place: str) -> str:
    return place if len(place) <= 80 else f"{place[:79]}…"
