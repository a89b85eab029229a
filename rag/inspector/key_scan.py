"""Asking about many keys: SCAN in small steps, on one server or on every master of a cluster, never KEYS; pipelines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import redis

from rag.inspector.pace import Pace

Item = TypeVar("Item")
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


def of_each(client: Any, items: Sequence[Item], commands: Callable[[Any, Item], object]) -> list[list[Any]]:
    """In one round trip, the replies to each item's commands, errors among them. All items have equally many."""
    pipe = client.pipeline(transaction=False)
    for item in items:
        commands(pipe, item)
    replies = pipe.execute(raise_on_error=False)
    width = len(replies) // max(len(items), 1)
    return [replies[width * number : width * (number + 1)] for number in range(len(items))]


def size(client: Any) -> int:
    return sum(int(node.dbsize()) for node in nodes(client))
