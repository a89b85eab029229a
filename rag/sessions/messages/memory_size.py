"""How much memory a decoded message takes. What is in it is measured, and of long lists a sample."""

from __future__ import annotations

from collections.abc import Iterable
from sys import getsizeof
from typing import Any

from rag.sessions.messages.codec import StoredMessage

SAMPLE = 12
"""Of a longer list so many elements are looked at, evenly spaced."""
_PLACES = 90
"""What a message takes in the lists that it is kept in."""
_SMALL_INTS = range(-5, 257)


def memory_size(record: StoredMessage, length: int) -> int:
    """Bytes, estimated, of a message whose line is so long. The session's id is not counted: all share one."""
    message = record.message
    fields = message.__dict__
    parts = (record, record.at, record.id, message, fields, message.__pydantic_fields_set__, *record.documents)
    keys: set[str] = set()
    # Short texts are shared: names of types, and the empty one.
    values = [value for value in fields.values() if type(value) is not str or len(value) > 8]
    size = _PLACES + _all([*values, message.__pydantic_extra__], keys) + sum(map(getsizeof, (*parts, *keys)))
    # A sample may miss the one long text in a list: then it is no less than that.
    return max(size, length)


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
    return sum(_held(one, keys) for one in values)
