"""Sessions that are one list each: classic, community, LlamaIndex."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rag.inspector.key_scan import of_each
from rag.inspector.layouts.base import Keyed, ListElements, Stored
from rag.inspector.pace import Pace
from rag.sessions.connection.errors import translated

LARGEST = 64 << 20
"""Bytes of a list that is read: an element of more would be held whole, with all that it becomes."""


class Lists(Keyed):
    def read(self, ids: Sequence[str], pace: Pace, first: int | None = None) -> list[Stored]:
        size, backwards = first or pace.step, self.layout.newest_first

        def ask(pipe: Any, sid: str) -> None:
            pipe.lrange(self.key(sid), *((-size, -1) if backwards else (0, size - 1)))
            pipe.llen(self.key(sid))
            pipe.pttl(self.key(sid))

        def weigh(pipe: Any, sid: str) -> None:
            pipe.memory_usage(self.key(sid))
            pipe.pttl(self.key(sid))

        found = list[Stored]()
        with translated(self.target):
            weights = dict(zip(ids, pace(of_each, self.client, ids, weigh), strict=True))
            too_large = {sid: one for sid, one in weights.items() if type(one[0]) is int and one[0] > LARGEST}
            ids = [sid for sid in ids if sid not in too_large]
            replies = pace(of_each, self.client, ids, ask) if ids else []
        for sid, (used, left) in too_large.items():
            name = self.key(sid).decode("utf-8", "replace")
            why = f"it takes {used >> 20} MB, and at most {LARGEST >> 20} are read"
            found.append(Stored(sid, (), 0, {name: left}, wrong={name: why}))
        for sid, (lines, length, left) in zip(ids, replies, strict=True):
            # Not a list, or not a history: other keys may begin the same.
            if not isinstance(lines, list) or not lines or all(self.parse(raw, sid).problem for raw in lines[:3]):
                continue
            key = self.key(sid)
            elements = ListElements(self.client, key, lines, length, pace, backwards=backwards)
            found.append(Stored(sid, elements, length, {key.decode("utf-8", "replace"): left}))
        return found
