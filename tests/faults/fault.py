"""One record holds all that is known of a fault."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tests.faults.world import World

Kind = Literal["Redis", "failover", "model", "processes", "library", "embedded", "clock", "asyncio"]


@dataclass(frozen=True, slots=True)
class Sign:
    """What shows that a fault happened, counted before it and after: by the server that had it, not by who made it."""

    words: str
    count: Callable[[World], int]


def noticed(words: str) -> Sign:
    """What the fault itself saw while it lasted, and put into `world.noticed`."""
    return Sign(words, lambda world: world.noticed[words])


@contextmanager
def repeated(act: Callable[[], object], every: float) -> Iterator[None]:
    """While it lasts, each `every` seconds, for the first time after so many."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(every):
            act()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@dataclass(frozen=True, slots=True)
class Fault:
    """make: the fault is there while the context lasts; what it yields is nothing.

    sign: without it, the fault did not happen, and what users saw proves nothing.
    forgets: whether histories go with it, as whoever runs that server set it: a server that keeps nothing on disk.
    seconds: how long it lasts. sticky: whether a visitor's connections all go to one replica. uploads: whether visitors
    add documents, too, each on one replica, and search them on another. forgets_uploads: whether these go with it.
    """

    name: str
    kind: Kind
    make: Callable[[World], AbstractContextManager[None]]
    sign: Sign
    seconds: float = 3.0
    forgets: bool = False
    sticky: bool = False
    uploads: bool = False
    forgets_uploads: bool = False
