"""What this process has decoded of sessions, so that a turn reads only what is new. Bounded in bytes, oldest use first.

An entry is right only for the epoch that it was read in: whoever uses it says to the server what it knows, and is told
what to add, or everything. What it keeps is not handed out as it is (see copy_on_read.py).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from langchain_core.messages import BaseMessage

from rag.sessions.fork import reset_in_children
from rag.sessions.messages.codec import StoredMessage
from rag.sessions.messages.memory_size import memory_size

_ENTRY = 800
"""Bytes that a session takes beside its messages."""

History = tuple[list[StoredMessage], list[BaseMessage]]


class Known(NamedTuple):
    """What to tell the server: epoch, how many messages there ever were, id and length in bytes of the last one."""

    epoch: str
    end: int
    last: str
    length: int


class News(NamedTuple):
    """What the server sent. trimmed: how many messages are gone from the front; begins: how many came before these."""

    epoch: str
    trimmed: int
    begins: int
    records: Sequence[StoredMessage]
    lines: Sequence[bytes]


NOTHING = Known("", 0, "", 0)


@dataclass(slots=True)
class Entry:
    known: Known
    start: int = 0
    size: int = _ENTRY
    records: list[StoredMessage] = field(default_factory=list)
    messages: list[BaseMessage] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def add(self, news: News) -> None:
        self.records += news.records
        self.messages += [record.message for record in news.records]
        sizes = [memory_size(record, len(line)) for record, line in zip(news.records, news.lines, strict=True)]
        self.sizes += sizes
        self.size += sum(sizes)
        self.known = Known(news.epoch, news.begins + len(sizes), news.records[-1].id, len(news.lines[-1]))

    def cut(self, start: int) -> None:
        if (gone := start - self.start) > 0:
            self.size -= sum(self.sizes[:gone])
            del self.records[:gone], self.messages[:gone], self.sizes[:gone]
            self.start = start

    def before(self, end: int) -> Entry:
        """The part that comes before `end`."""
        count = end - self.start
        sizes = self.sizes[:count]
        known = Known(self.known.epoch, end, "", 0)
        return Entry(known, self.start, _ENTRY + sum(sizes), self.records[:count], self.messages[:count], sizes)


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

    def update(self, session_id: str, news: News, *, hand_out: bool = True) -> History | None:
        """Add what the server sent; the whole history then, to be handed out as copies.

        None if what these belong to is no longer here, or if the history is not asked for.
        """
        with self._lock:
            entry = self._entries.get(session_id)
            if entry is not None and self._follows(entry, news):
                self._entries.move_to_end(session_id)
                if not news.lines:
                    return (entry.records[:], entry.messages[:]) if hand_out else None
                self.size -= entry.size
            else:
                entry = self._fitting(self._pop(session_id), news)
                if entry is None:
                    return None
                entry.cut(news.trimmed)
                if news.epoch:
                    self._entries[session_id] = entry
            if news.lines:
                entry.add(news)
            if news.epoch:
                self.size += entry.size
                if entry.size > self.limit:
                    self._pop(session_id)
                self._make_room()
            return (entry.records[:], entry.messages[:]) if hand_out else None

    def forget(self, session_id: str) -> None:
        with self._lock:
            self._pop(session_id)

    def _follows(self, entry: Entry, news: News) -> bool:
        known = entry.known
        return known.epoch == news.epoch and known.end == news.begins > news.trimmed == entry.start

    def _fitting(self, entry: Entry | None, news: News) -> Entry | None:
        if news.begins <= news.trimmed:  # the server sent all there is
            return Entry(Known(news.epoch, news.begins, "", 0), news.begins)
        if entry is None or entry.known.epoch != news.epoch or not entry.start <= news.begins <= entry.known.end:
            return None
        # Another thread may have read further meanwhile.
        return entry if entry.known.end == news.begins else entry.before(news.begins)

    def _pop(self, session_id: str) -> Entry | None:
        entry = self._entries.pop(session_id, None)
        if entry is not None:
            self.size -= entry.size
        return entry

    def _make_room(self) -> None:
        while self.size > self.limit:
            _, gone = self._entries.popitem(last=False)
            self.size -= gone.size
