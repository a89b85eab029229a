"""The gallery: every memory strategy by its name, in the order in which the story tells them, and the race lab's own.

They are found in the folders below, so that a new one is one file. The libraries that a strategy needs are loaded when
it is made, so that finding them all costs nothing.
"""

from __future__ import annotations

import importlib
import pkgutil
import threading
import warnings
from collections.abc import Iterator
from dataclasses import replace

from rag.crosstalk.strategies.base import WRONG, Asked, Fact, Lab, Steps, Strategy, Wait
from rag.errors import CrosswireError

__all__ = [
    "LESSONS",
    "STRATEGIES",
    "TABLE",
    "WRONG",
    "Asked",
    "Fact",
    "Lab",
    "Steps",
    "Strategy",
    "UnknownStrategy",
    "Wait",
    "discovered",
    "find",
    "guilty_lines",
    "make",
    "source",
]

MARK = "# the bug"

_quiet = threading.Lock()


class UnknownStrategy(CrosswireError):
    """A name that no strategy has."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"There is no strategy {name!r}. Choose one of: {', '.join(STRATEGIES)}.")


def discovered() -> Iterator[type[Strategy]]:
    """Every class with a name of its own in the modules below, in the order of the story."""
    found = []
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        there = vars(importlib.import_module(module.name)).values()
        classes = (one for one in there if isinstance(one, type) and issubclass(one, Strategy))
        found += [one for one in classes if one.__module__ == module.name and "name" in vars(one)]
    yield from sorted(found, key=lambda kind: kind.place)


STRATEGIES = {kind.name: kind for kind in discovered() if not kind.lesson_only}
LESSONS = {kind.name: kind for kind in discovered() if kind.lesson_only}
"""The small memories of the race lab: each is one idea in a few lines, so that its steps can be counted by hand."""
TABLE = tuple(replace(fact, strategy=kind.name) for kind in LESSONS.values() for fact in kind.facts)


def find(name: str) -> type[Strategy]:
    """Of the gallery, or one of the race lab's. Raises UnknownStrategy."""
    kind = STRATEGIES.get(name) or LESSONS.get(name)
    if kind is None:
        raise UnknownStrategy(name)
    return kind


def make(name: str, lab: Lab) -> Strategy:
    """A new instance, with nothing in it of the ones before.

    Raises UnknownStrategy, and SessionStoreUnavailable where it needs Redis.
    """
    kind = find(name)
    if kind.uses_redis:
        lab.open_redis()
    if kind.lesson_only:
        return kind(lab)
    # The gallery holds what is deprecated on purpose. (LangChain puts its own filters first when it is loaded.)
    with _quiet, warnings.catch_warnings(record=True):
        return kind(lab)


def source(name: str) -> str:
    return find(name).source()


def guilty_lines(name: str) -> tuple[int, ...]:
    """Which lines of `source`, from 1, are what is wrong with it. None where nothing is."""
    return tuple(n for n, line in enumerate(source(name).splitlines(), 1) if line.endswith(MARK))
