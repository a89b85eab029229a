"""SCAN, in small steps, on one server or on every master of a cluster. Never KEYS."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import redis

from rag.inspector.pace import Pace

_GLOB = re.compile(r"([\\*?\[\]^])")


def nodes(client: Any) -> list[Any]:
    if isinstance(client, redis.RedisCluster):
        return [client.get_redis_connection(node) for node in client.get_primaries()]  # type: ignore[no-untyped-call]
    return [client]


def steps(client: Any, pace: Pace, prefix: str | None = None, pattern: str = "") -> Iterator[list[bytes]]:
    """All keys that begin so, or match a pattern, a step at a time, empty ones included. A key may come twice."""
    match = pattern or (None if not prefix else _GLOB.sub(r"\\\1", prefix) + "*")
    for node in nodes(client):
        cursor = 0
        while True:
            cursor, found = pace(node.scan, cursor, match=match, count=pace.step)
            yield found
            if cursor == 0:
                break


def size(client: Any) -> int:
    return sum(int(node.dbsize()) for node in nodes(client))
