"""Everything that a Redis holds, key by key, in bounded pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import redis

from rag.inspector.key_scan import nodes, of_each, steps
from rag.inspector.pace import Pace

PIECE = 500
"""Elements at a time."""
_ALL, _LOGS = 1_000_000, ("large-request", "large-reply")
BYTES, OVERLAP = 1 << 20, 256
"""Of a string at a time, and how much of it twice, so that no mark is cut in two."""


def _string(client: Any, key: bytes) -> Iterator[Any]:
    for start in range(0, client.strlen(key), BYTES):
        yield client.getrange(key, start, start + BYTES + OVERLAP - 1)


def _list(client: Any, key: bytes) -> Iterator[Any]:
    for start in range(0, client.llen(key), PIECE):
        yield client.lrange(key, start, start + PIECE - 1)


def _stream(client: Any, key: bytes) -> Iterator[Any]:
    after = b"-"
    while found := client.xrange(key, after, count=PIECE):
        yield found
        after = b"(" + found[-1][0]


def _scanned(command: str) -> Callable[[Any, bytes], Iterator[Any]]:
    def read(client: Any, key: bytes) -> Iterator[Any]:
        cursor = -1
        while cursor:
            cursor, found = getattr(client, command)(key, max(cursor, 0), count=PIECE)
            yield found

    return read


_READ: dict[bytes, Callable[[Any, bytes], Iterator[Any]]] = {
    b"string": _string,
    b"list": _list,
    b"stream": _stream,
    b"hash": _scanned("hscan"),
    b"set": _scanned("sscan"),
    b"zset": _scanned("zscan"),
    b"none": lambda *_: iter(()),
}


def everything(client: Any, pace: Pace) -> Iterator[tuple[bytes, bytes | None]]:
    """Each key with a part of its value after another; None where its type cannot be read. The key's own name too."""
    for keys in steps(client, pace):
        kinds = of_each(client, keys, lambda pipe, key: pipe.type(key)) if keys else []
        for key, (kind,) in zip(keys, kinds, strict=True):
            yield key, key
            read = _READ.get(kind)
            if read is None:
                yield key, None
            else:
                yield from ((key, _flat(part)) for part in read(client, key))


def logged(client: Any) -> Iterator[bytes]:
    """Each entry of the servers' own logs of slow and of large commands: with what those were given, cut off."""
    for node in nodes(client):
        for command in (("SLOWLOG", "GET", _ALL), *(("COMMANDLOG", "GET", _ALL, kind) for kind in _LOGS)):
            try:
                yield from map(_flat, node.execute_command(*command))
            except redis.ResponseError as exc:
                if command[0] == "SLOWLOG" or "unknown command" not in str(exc).lower():  # only Valkey has the other
                    raise


def _flat(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    if isinstance(value, dict):
        return b"\n".join(_flat(part) for pair in value.items() for part in pair)
    if isinstance(value, list | tuple | set):
        return b"\n".join(map(_flat, value))
    return str(value).encode()
