"""A look at what keys hold: the type, and enough of the value to tell whether it is a history. Bounded, and only reads.

A step costs up to four round trips: types and sizes; lengths of what is large; the beginning of each value; the whole
of texts that may be JSON. Trips are split so that none fetches much more than eight megabytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from rag.inspector.pace import Pace

TEXT = 4 << 20
"""Bytes of one text or document that is parsed."""
BEGINNING = 4096
ELEMENT = 1 << 20
"""Mean bytes of a collection's elements up to which a few of them are fetched."""
TRIP = 8 << 20
JSON = "ReJSON-RL"
GONE = "none"
UNKNOWN = "unknown"
_ENDS: dict[str, tuple[tuple[Any, ...], ...]] = {
    "string": (("getrange", 0, BEGINNING - 1), ("strlen",)),
    "list": (("lrange", 0, 1), ("lrange", -2, -1)),
    "hash": (("hscan", 0, None, 20),),
    "set": (("srandmember", 3),),
    "zset": (("zrange", 0, 1), ("zrange", -2, -1)),
    "stream": (("xrange", "-", "+", 2), ("xrevrange", "+", "-", 2)),
    JSON: (("json",),),
}
"""Of each type, the commands that fetch a little from both ends."""
_LENGTHS = {"list": "llen", "hash": "hlen", "set": "scard", "zset": "zcard", "stream": "xlen"}
_JSON_BEGINS = (b"[", b"{", b'"')


@dataclass(frozen=True, slots=True)
class Look:
    """One key. parts: elements from both ends, or the text, or values of a hash; fields: of a hash.

    used: bytes that it takes, as the server estimates. too_large: why its value was not looked at, or not all of it;
    also where the server refused it. whole: False for a hash of which only some fields were fetched.
    """

    key: bytes
    type: str
    used: int = 0
    parts: tuple[bytes, ...] = ()
    fields: dict[bytes, bytes] = field(default_factory=dict)
    too_large: str = ""
    whole: bool = True

    @property
    def name(self) -> str:
        return self.key.decode("utf-8", "surrogateescape")


class Asked(NamedTuple):
    """bytes: about how many the replies are."""

    look: Look
    commands: tuple[tuple[Any, ...], ...]
    bytes: int


def looks(client: Any, names: Sequence[bytes], pace: Pace) -> Iterator[Look]:
    """At each of these keys that is there."""
    sized = [Asked(Look(name, GONE), (("type",), ("memory_usage",)), 0) for name in names]
    found = [_sized(asked.look, replies) for asked, replies in _answered(client, sized, pace)]
    found = [look for look in found if look.type != GONE]
    large = [
        Asked(look, ((_LENGTHS[look.type],),), 0) for look in found if look.used > ELEMENT and look.type in _LENGTHS
    ]
    held_back = {
        asked.look.key: _too_large(asked.look, ELEMENT)
        for asked, (length,) in _answered(client, large, pace)
        if isinstance(length, int) and asked.look.used > ELEMENT * max(1, length)
    }
    held_back |= {look.key: _too_large(look, TEXT) for look in found if look.type == JSON and look.used > TEXT}
    yield from held_back.values()
    ends = [Asked(one, _ENDS.get(one.type, ()), _about(one)) for one in found if one.key not in held_back]
    begun = [_with_ends(asked.look, replies) for asked, replies in _answered(client, ends, pace)]
    whole = [Asked(look, (("get",),) if _cut(look) else (), look.used) for look in begun]
    for asked, replies in _answered(client, whole, pace):
        text = replies[0] if replies else None
        yield replace(asked.look, parts=(text,)) if isinstance(text, bytes) else asked.look


def _answered(client: Any, wanted: Sequence[Asked], pace: Pace) -> Iterator[tuple[Asked, list[Any]]]:
    trip, size = list[Asked](), 0
    for one in wanted:
        if trip and size + one.bytes > TRIP:
            yield from _trip(client, trip, pace)
            trip, size = [], 0
        trip.append(one)
        size += one.bytes
    yield from _trip(client, trip, pace)


def _trip(client: Any, trip: Sequence[Asked], pace: Pace) -> Iterator[tuple[Asked, list[Any]]]:
    pipe = client.pipeline(transaction=False)
    for look, commands, _ in trip:
        for name, *arguments in commands:
            if name == "json":
                pipe.execute_command("JSON.GET", look.key)
            else:
                getattr(pipe, name)(look.key, *arguments)
    count = sum(len(one.commands) for one in trip)
    replies = iter(pace(pipe.execute, raise_on_error=False) if count else ())
    for one in trip:
        yield one, [next(replies) for _ in one.commands]


def _sized(look: Look, replies: Sequence[Any]) -> Look:
    kind, used = replies
    if isinstance(kind, Exception):
        return Look(look.key, UNKNOWN, too_large=_refused(kind))
    return Look(look.key, kind.decode() if isinstance(kind, bytes) else GONE, used if isinstance(used, int) else 0)


def _about(look: Look) -> int:
    return BEGINNING if look.type == "string" else min(look.used, 4 * ELEMENT)


def _too_large(look: Look, limit: int) -> Look:
    return replace(look, too_large=f"it takes {look.used >> 20} MB, and values of at most {limit >> 20} MB are read")


def _refused(error: Exception) -> str:
    return f"the server does not let it be looked at ({' '.join(str(error).split())[:80]})"


def _cut(look: Look) -> bool:
    """Whether it may be JSON of which only the beginning was fetched."""
    if look.type != "string" or look.too_large or not look.parts:
        return False
    return len(look.parts[0]) == BEGINNING and look.parts[0].lstrip().startswith(_JSON_BEGINS)


def _with_ends(look: Look, replies: Sequence[Any]) -> Look:
    fields: dict[bytes, bytes] = {}
    parts: list[bytes] = []
    whole = True
    refused = next((reply for reply in replies if isinstance(reply, Exception)), None)
    if refused is not None:
        return replace(look, too_large=_refused(refused))
    used = (
        max(look.used, *(reply for reply in replies if isinstance(reply, int))) if look.type == "string" else look.used
    )
    for reply in replies:
        if isinstance(reply, tuple):  # HSCAN: a cursor, and what it found
            fields |= reply[1]
            whole = reply[0] == 0
        elif isinstance(reply, bytes | str):
            parts.append(reply.encode() if isinstance(reply, str) else reply)
        elif isinstance(reply, list | set):
            for one in reply:
                if isinstance(one, bytes):
                    parts.append(one)
                elif isinstance(one, tuple) and isinstance(one[1], dict):  # an entry of a stream
                    fields |= one[1]
    made = replace(look, used=used, parts=tuple(dict.fromkeys([*parts, *fields.values()])), fields=fields, whole=whole)
    return _too_large(made, TEXT) if _cut(made) and made.used > TEXT else made
