"""Work on Redis that takes several round trips, written once for both clients: a generator that yields the commands of
each and is sent their replies. It names no client and waits for nothing; `run` and `arun` do.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, TypeVar

from rag.sessions.protocol.index_entries import Command

T = TypeVar("T")

Steps = Generator[Sequence[Command], list[Any], T]


class Lenient(list[Command]):
    """Commands of which each may fail by itself: its error is its reply. Otherwise the first error is raised."""


def run(client: Any, steps: Steps[T]) -> T:
    """One round trip a step (on a cluster: one a shard)."""
    replies: list[Any] | None = None
    while True:
        try:
            commands = steps.send(replies)  # type: ignore[arg-type]
        except StopIteration as done:
            result: T = done.value
            return result
        replies = _pipe(client, commands).execute(raise_on_error=not isinstance(commands, Lenient))


async def arun(client: Any, steps: Steps[T]) -> T:
    """As `run`, for an async client."""
    replies: list[Any] | None = None
    while True:
        try:
            commands = steps.send(replies)  # type: ignore[arg-type]
        except StopIteration as done:
            result: T = done.value
            return result
        replies = await _pipe(client, commands).execute(raise_on_error=not isinstance(commands, Lenient))


def _pipe(client: Any, commands: Sequence[Command]) -> Any:
    pipe = client.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command)
    return pipe
