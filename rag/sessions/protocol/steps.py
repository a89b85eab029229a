"""Work on Redis written once for both clients: a generator that yields what it has begun and is sent what came of it.

It waits for nothing. What is yielded is a result, if a sync client was asked, or is to be awaited, if an async one was;
`run` sends back the first, and `arun` what came of the second.

A method written so is an `operation`: of a `Blocking` object it returns its result, of an `Awaiting` one a coroutine.
(The idea of protocols without I/O: https://sans-io.readthedocs.io.)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Generator, Sequence
from functools import update_wrapper
from inspect import isawaitable
from operator import call
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

from redis.client import NEVER_DECODE

P = ParamSpec("P")
T = TypeVar("T")

Command = tuple[str | int | float | bytes, ...]
Steps = Generator[Any, Any, T]
NOT_DECODED: dict[str, Any] = {NEVER_DECODE: True}
"""Options of a command whose reply is to be bytes, even if the client decodes."""


class Lenient(list[Command]):
    """Commands of which each may fail by itself: its error is its reply. Otherwise the first error is raised."""


def run(steps: Steps[T]) -> T:
    """What goes wrong is raised where it was asked for."""
    found = None
    while True:
        try:
            found = steps.send(found)
        except StopIteration as done:
            result: T = done.value
            return result


async def arun(steps: Steps[T]) -> T:
    """As `run`."""
    go_on, value = steps.send, None
    while True:
        try:
            begun = go_on(value)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        try:
            go_on, value = steps.send, (await begun if isawaitable(begun) else begun)
        except BaseException as exc:
            go_on, value = steps.throw, exc


class Blocking:
    """Its operations return when they are done. `_call`: a function that takes its time."""

    _run = staticmethod(run)
    _sleep = staticmethod(time.sleep)
    _call: Any = staticmethod(call)


class Awaiting:
    """Its operations are to be awaited."""

    _run = staticmethod(arun)
    _sleep = staticmethod(asyncio.sleep)
    _call: Any = staticmethod(asyncio.to_thread)


class operation(Generic[P, T]):  # noqa: N801 - a decorator, like `property`
    def __init__(self, steps: Callable[Concatenate[Any, P], Steps[T]]) -> None:
        self.steps = steps
        update_wrapper(self, steps)  # type: ignore[arg-type]

    @overload
    def __get__(self, one: None, kind: Any) -> Self: ...
    @overload
    def __get__(self, one: Blocking, kind: Any) -> Callable[P, T]: ...
    @overload
    def __get__(self, one: Awaiting, kind: Any) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, one: Any, kind: Any) -> Any:
        if one is None:
            return self
        steps, start = self.steps, one._run
        return lambda *args, **kwargs: start(steps(one, *args, **kwargs))


def pipelined(client: Any, commands: Sequence[Command]) -> Any:
    """The replies of all of them in one round trip (on a cluster: one a shard), to be awaited of an async client."""
    pipe = client.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command, **NOT_DECODED)
    return pipe.execute(raise_on_error=not isinstance(commands, Lenient))
