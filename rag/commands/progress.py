"""How far a command is, on standard error; and Ctrl-C, which ends the work but not the command."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from rag.errors import CrosswireError

Item = TypeVar("Item")
Result = TypeVar("Result")
Moved = Callable[..., None]


@contextmanager
def bar(name: str) -> Iterator[Moved]:
    """Yields `moved(done, total, told, name)`: total None while it is not known. Nothing is drawn but on a terminal."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=None, told="")

        def moved(done: int, total: int | None = None, told: str = "", name: str = name) -> None:
            progress.update(task, description=name, total=total, completed=done, told=told)

        yield moved


def one_by_one(
    chosen: Sequence[Item], run: Callable[[Item, Moved], Result], stop: threading.Event
) -> tuple[list[Result], bool]:
    """What each gives, until `stop`, and whether one of several was left out as it cannot be run; that is said."""
    results: list[Result] = []
    left_out = False
    for one in chosen:
        name = str(getattr(one, "name", one))
        try:
            with bar(name) as moved:
                results.append(run(one, moved))
        except CrosswireError as exc:
            if len(chosen) == 1:
                raise
            Console(stderr=True).print(Text(f"{name}: {exc}"))
            left_out = True
        if stop.is_set():
            break
    return results, left_out


@contextmanager
def stop_on_interrupt(stop: threading.Event, told: str = "") -> Iterator[None]:
    """The first Ctrl-C or SIGTERM sets the event, and prints `told`. A second one ends the program."""

    def interrupted(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            signal.default_int_handler(number, frame)
        if told:
            Console(stderr=True).print(told)
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, interrupted) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
