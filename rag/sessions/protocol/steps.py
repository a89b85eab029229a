"""Work on Redis written once for both clients: a generator that yields what is to be done and is sent what came of it.

It names no client and waits for nothing; `run` and `arun` do, by a `perform` that knows how. What is yielded is one of

    a list of commands  one pipeline; their replies are sent back (see Lenient)
    a function          called with whoever performs; its result is sent back, awaited if need be
    what only they know that perform it
    a result            sent back as it is, awaited if need be

A method written so is an `operation`: of a `Blocking` object it returns its result, of an `Awaiting` one a coroutine.
(The idea of protocols without I/O: https://sans-io.readthedocs.io.)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from functools import update_wrapper
from inspect import isawaitable
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


def run(perform: Callable[[Any], Any], steps: Steps[T]) -> T:
    """What goes wrong is raised where it was asked for."""
    go_on, value = steps.send, None
    while True:
        try:
            asked = go_on(value)
        except StopIteration as done:
            result: T = done.value
            return result
        try:
            go_on, value = steps.send, perform(asked)
        except BaseException as exc:
            go_on, value = steps.throw, exc


async def arun(perform: Callable[[Any], Awaitable[Any]], steps: Steps[T]) -> T:
    """As `run`."""
    go_on, value = steps.send, None
    while True:
        try:
            asked = go_on(value)
        except StopIteration as done:
            result: T = done.value
            return result
        try:
            go_on, value = steps.send, await perform(asked)
        except BaseException as exc:
            go_on, value = steps.throw, exc


def at_once(value: T) -> T:
    """Performs what was done when it was asked for."""
    return value


async def awaited(value: Any) -> Any:
    """Performs what is awaitable, or was done when it was asked for."""
    return await value if isawaitable(value) else value


class Blocking:
    """Its operations return when they are done."""

    _perform: Callable[[Any], Any] = staticmethod(at_once)

    def _run(self, steps: Steps[T]) -> T:
        return run(self._perform, steps)


class Awaiting:
    """Its operations are to be awaited."""

    _perform: Callable[[Any], Awaitable[Any]] = staticmethod(awaited)

    async def _run(self, steps: Steps[T]) -> T:
        return await arun(self._perform, steps)


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
