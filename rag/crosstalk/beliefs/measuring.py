"""A belief is measured in a process of its own: pages stay quick meanwhile, and it can be ended at any moment."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from rag.crosstalk.background.apart import Line, Place, Processes
from rag.crosstalk.beliefs.registry import BELIEFS
from rag.crosstalk.beliefs.results import Bench, Measured, Tell
from rag.crosstalk.strategies import Lab
from rag.errors import CrosswireError

AT_ONCE = 2
"""More would measure each other; a further one waits for its turn."""
LIMIT = 120.0
"""Seconds."""


class NotMeasured(CrosswireError):
    """It came to no result; says why."""


class Measurements:
    """Thread-safe, and holds nothing of anybody's. make_lab: where one may store, given a folder for its files.

    place: where they are taken; None: in processes of their own.
    """

    def __init__(self, make_lab: Callable[[Path], AbstractContextManager[Lab]], place: Place | None = None) -> None:
        self._make_lab = make_lab
        self._place = place or Processes()
        self._room = threading.BoundedSemaphore(AT_ONCE)

    def take(self, belief: str, tell: Tell, stop: threading.Event, limit: float = LIMIT) -> Measured:
        """Blocks until it is measured. Raises NotMeasured where it was stopped, by `stop` or after `limit` seconds, and
        CrosswireError for what it needs and is not there."""
        found: list[Measured] = []

        def hear(what: Any) -> None:
            if isinstance(what, Measured):
                found.append(what)
            else:
                tell(*what)

        with self._a_place(tell, stop), tempfile.TemporaryDirectory(prefix="belief-") as folder:
            tell(0.0, "Starting a process")
            over, late = threading.Event(), threading.Event()
            threading.Thread(target=_watch, args=(stop, over, late, limit), name="belief", daemon=True).start()
            try:
                with self._make_lab(Path(folder)) as lab:
                    self._place.do(partial(measure, belief, lab), hear, over, _nothing)
            finally:
                ended = over.is_set()
                over.set()
        if ended or not found:
            why = " after too long. Try again when less is going on here" if late.is_set() else ""
            raise NotMeasured(f"It was stopped{why}.")
        return found[0]

    def close(self) -> None:
        self._place.close()

    @contextmanager
    def _a_place(self, tell: Tell, stop: threading.Event) -> Iterator[None]:
        while not self._room.acquire(timeout=0.1):
            tell(0.0, "Waiting for another measurement to end")
            if stop.is_set():
                raise NotMeasured("It was stopped before its turn came.")
        try:
            yield
        finally:
            self._room.release()


def measure(belief: str, lab: Lab, line: Line) -> None:
    """Says how far it is, and Measured in the end."""
    begun = time.perf_counter()
    with lab:
        found = BELIEFS[belief].measure(Bench(lab, lambda *it: line.say(it), line.stop))
    line.say(replace(found, seconds=time.perf_counter() - begun))


def _watch(stop: threading.Event, over: threading.Event, late: threading.Event, limit: float) -> None:
    until = time.monotonic() + limit
    while not over.wait(0.05):
        if time.monotonic() > until:
            late.set()
        if stop.is_set() or late.is_set():
            over.set()


def _nothing(*_: object) -> None:
    """Nothing is asked."""
