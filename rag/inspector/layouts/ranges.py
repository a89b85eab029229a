"""Sessions that are one stream or one sorted set each, an element a message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from rag.inspector.key_scan import of_each
from rag.inspector.layouts.base import Keyed, Stored
from rag.inspector.layouts.forms import of_many
from rag.inspector.layouts.lists import LARGEST
from rag.inspector.pace import Pace
from rag.inspector.parsing.looks import Look, looks
from rag.inspector.parsing.message_parsers import json_object
from rag.inspector.parsing.spoken import said_in
from rag.sessions.connection.errors import translated


class Ranges(Keyed):
    def read(self, ids: Sequence[str], pace: Pace, first: int | None = None) -> list[Stored]:
        del first
        names = {self.key(sid): sid for sid in ids}
        found = []
        with translated(self.target):
            seen = [look for look in looks(self.client, list(names), pace) if claims(look)]
            keys = [look.key for look in seen]
            lefts = pace(of_each, self.client, keys, lambda pipe, key: pipe.pttl(key)) if keys else []
            for look, (left,) in zip(seen, lefts, strict=True):
                if look.used > LARGEST:
                    self.seen.doubt(look, f"it takes {look.used >> 20} MB, and at most {LARGEST >> 20} are read")
                    continue
                length = pace(self.client.xlen if look.type == "stream" else self.client.zcard, look.key)
                entries = self._entries if look.type == "stream" else self._members
                key = look.key.decode("utf-8", "replace")
                found.append(Stored(names[look.key], Again(entries, look.key, pace), length, {key: left}))
        return found

    def _members(self, key: bytes, pace: Pace) -> Iterator[bytes]:
        start = 0
        while members := pace(self.client.zrange, key, start, start + pace.step - 1):
            yield from members
            start += len(members)

    def _entries(self, key: bytes, pace: Pace) -> Iterator[bytes]:
        last = b"-"
        while entries := pace(self.client.xrange, key, last, "+", pace.step):
            for _, fields in entries:
                yield message_of(fields)
            last = b"(" + entries[-1][0]


class Again:
    """Elements that are read anew whenever they are asked for."""

    def __init__(self, read: Any, key: bytes, pace: Pace) -> None:
        self._read, self._key, self._pace = read, key, pace

    def __iter__(self) -> Iterator[bytes]:
        found: Iterator[bytes] = self._read(self._key, self._pace)
        return found


def message_of(fields: dict[bytes, bytes]) -> bytes:
    """A stream's entry as JSON: its fields, or the one of them that is a message's JSON itself."""
    for cell in fields.values():
        value = json_object(cell) if cell[:1] == b"{" else None
        if said_in(value) is not None:
            return cell
    return orjson.dumps(
        {name.decode("utf-8", "replace"): cell.decode("utf-8", "replace") for name, cell in fields.items()}
    )


def claims(look: Look) -> bool:
    """Whether its first or last elements say who speaks and what."""
    if look.too_large or look.type not in ("stream", "zset"):
        return False
    parts = [message_of(look.fields)] if look.type == "stream" else look.parts
    objects = [json_object(part) for part in parts]
    said = map(said_in, objects)
    return any(one is not None and one.role in ("user", "assistant") for one in said) and not of_many(objects)
