"""What this process has decoded of sessions, so that a turn reads only what is new. Bounded in bytes, oldest use first.

An entry is right only for the epoch that it was read in: whoever uses it says to the server what it knows, and is told
what to add, or everything. What it keeps is not handed out as it is (see copy_on_read.py).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from functools import cache
from sys import getsizeof
from typing import Any, NamedTuple

from rag.sessions.fork import reset_in_children
from rag.sessions.messages.codec import StoredMessage

_ENTRY = 800
"""Bytes that a session takes beside its messages."""
SAMPLE = 12
"""Of a longer list so many elements are looked at, evenly spaced."""
_PLACES = 90
"""What a message takes in the lists that it is kept in."""
_SMALL_INTS = range(-5, 257)


class Known(NamedTuple):
    """What to tell the server: epoch, how many messages there ever were, id and length in bytes of the last one."""

    epoch: str
    end: int
    last: str
    length: int


NOTHING = Known("", 0, "", 0)


class Entry(NamedTuple):
    """Never changed, only replaced, so its list can be handed out. sizes: bytes that each of `records` takes."""

    known: Known
    records: list[StoredMessage]
    sizes: list[int]
    size: int


class Cache:
    """Thread-safe. limit: bytes, estimated."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.reset_after_fork()
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        self.size = 0
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._lock = threading.Lock()

    def known(self, session_id: str) -> Known:
        entry = self._entries.get(session_id)
        return entry.known if entry else NOTHING

    def update(
        self,
        session_id: str,
        epoch: str,
        trimmed: int,
        begins: int,
        added: Sequence[StoredMessage],
        lines: Sequence[bytes],
    ) -> list[StoredMessage] | None:
        """Add what the server sent; the whole history then, to be handed out as copies.

        trimmed: how many messages are gone from the front; begins: how many came before these.
        None if what these belong to is no longer here.
        """
        with self._lock:
            entry = self._pop(session_id)
            known = Known(epoch, begins, "", 0)
            records: list[StoredMessage] = []
            sizes: list[int] = []
            if begins > trimmed:  # else the server sent all there is
                start = entry.known.end - len(entry.records) if entry else 0
                if entry is None or entry.known.epoch != epoch or not start <= begins <= entry.known.end:
                    return None
                # Others may have cut it further at its front meanwhile, or another thread read further.
                kept = slice(max(0, trimmed - start), begins - start)
                records, sizes = entry.records[kept], entry.sizes[kept]
                known = entry.known if entry.known.end == begins else known
            if lines:
                records += added
                sizes += map(memory_size, added, map(len, lines))
                known = Known(epoch, begins + len(lines), added[-1].id, len(lines[-1]))
            size = _ENTRY + sum(sizes)
            if epoch and size <= self.limit:
                self._entries[session_id] = Entry(known, records, sizes, size)
                self.size += size
            while self.size > self.limit:
                self._pop(next(iter(self._entries)))
            return records

    def forget(self, session_id: str) -> None:
        with self._lock:
            self._pop(session_id)

    def epochs(self) -> dict[str, str]:
        """Of which sessions something is kept, and the epoch that it was read in."""
        with self._lock:
            return {session_id: entry.known.epoch for session_id, entry in self._entries.items()}

    def _pop(self, session_id: str) -> Entry | None:
        entry = self._entries.pop(session_id, None)
        if entry is not None:
            self.size -= entry.size
        return entry


def memory_size(record: StoredMessage, length: int) -> int:
    """Bytes, estimated, of a message whose line is so long. The session's id is not counted: all share one."""
    message = record.message
    size = _emptied(type(message)) + len(record.id) + getsizeof(message.__pydantic_fields_set__)
    keys: set[str] = set()
    for value in message.__dict__.values():
        # Short texts are shared: names of types, and the empty one.
        if value and (type(value) is not str or len(value) > 8):
            size += _held(value, keys)
    if message.__pydantic_extra__ or record.documents:
        size += _held(message.__pydantic_extra__, keys) + sum(map(getsizeof, record.documents))
    # A sample may miss the one long text in a list: then it is no less than that.
    return max(size + sum(map(getsizeof, keys)), length)


@cache
def _emptied(kind: Any) -> int:
    """Of a message of this class in which every field is empty, with its record."""
    message = kind.model_construct(content="")
    empty = [type(value)() for value in message.__dict__.values() if type(value) in (dict, list)]
    parts = (StoredMessage(message, None, 1, 1.0), message, message.__dict__, {}, "", 1.0, *empty)
    return _PLACES + sum(map(getsizeof, parts))


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
