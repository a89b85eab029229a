"""How much memory a decoded message takes. What is in it is measured, and of long lists a sample."""

from __future__ import annotations

from collections.abc import Iterable
from sys import getsizeof
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from rag.sessions.messages.codec import StoredMessage

SAMPLE = 12
"""Of a longer list so many elements are looked at, evenly spaced."""
_PLACES = 90
"""What a message takes in the lists that it is kept in."""
_SMALL_INTS = range(-5, 257)


def memory_size(record: StoredMessage, length: int) -> int:
    """Bytes, estimated, of a message whose line is so long. The session's id is not counted: all share one."""
    message = record.message
    size = _USUAL.get(type(message)) or _emptied(message)
    size += len(record.id) + getsizeof(message.__pydantic_fields_set__)
    keys: set[str] | None = None
    for value in message.__dict__.values():
        if value:
            if type(value) is not str:
                keys = set() if keys is None else keys
                size += _held(value, keys)
            elif len(value) > 8:
                size += getsizeof(value)
    if message.__pydantic_extra__ or record.documents:
        keys = set() if keys is None else keys
        size += _held(message.__pydantic_extra__, keys) + sum(map(getsizeof, record.documents))
    if keys:
        size += sum(map(getsizeof, keys))
    # A sample may miss the one long text in a list: then it is no less than that.
    return size if size > length else length


def _emptied(message: BaseMessage) -> int:
    """Of a message of this class in which every field is empty, with its record."""
    empty = [type(value)() for value in message.__dict__.values() if type(value) in (dict, list)]
    parts = (StoredMessage(message, None, 1, 1.0), message, message.__dict__, {}, "", 1.0, *empty)
    return _PLACES + sum(map(getsizeof, parts))


_USUAL: dict[type[BaseMessage], int] = {kind: _emptied(kind("")) for kind in (HumanMessage, AIMessage, SystemMessage)}


def _held(value: Any, keys: set[str]) -> int:
    kind = type(value)
    if kind is str or kind is float:
        return getsizeof(value)
    if kind is dict:
        keys.update(value)
        return getsizeof(value) + _all(value.values(), keys)
    if kind is not list:
        return 0 if value is None or kind is bool or value in _SMALL_INTS else getsizeof(value)
    if len(value) <= SAMPLE:
        return getsizeof(value) + _all(value, keys)
    sample = [value[len(value) * number // SAMPLE] for number in range(SAMPLE)]
    return getsizeof(value) + _all(sample, keys) * len(value) // SAMPLE


def _all(values: Iterable[Any], keys: set[str]) -> int:
    return sum([getsizeof(one) if type(one) is str else _held(one, keys) for one in values])
