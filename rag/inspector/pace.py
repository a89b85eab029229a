"""How hard a walk over all sessions leans on the server: small steps, and rests between them.

No single command asks for more than `step` elements, and our commands take at most `share` of the time, so that the
server's other users wait for one small step at most.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import ParamSpec, TypeVar

from rag.errors import CrosswireError

P = ParamSpec("P")
T = TypeVar("T")
STEP = 500
SHARE = 0.5


class Stopped(Exception):
    """Somebody asked the walk to end. What was found until then is kept."""


@dataclass(frozen=True, slots=True)
class Progress:
    """sessions, messages: read so far; keys: looked at, of about `total`; found: what the walk looks for."""

    sessions: int
    messages: int
    keys: int
    total: int
    found: int

    @property
    def done(self) -> float:
        """From 0 to 1; a guess, since keys come and go meanwhile."""
        return min(1.0, self.keys / self.total) if self.total else 1.0


class Pace:
    """Of one walk, in one thread; only `stop` may be set from elsewhere."""

    def __init__(self, *, step: int = STEP, share: float = SHARE, stop: Event | None = None) -> None:
        if not 10 <= step <= 10_000:
            raise CrosswireError(f"A step of {step} elements: expected 10 to 10000.")
        if not 0.01 <= share <= 1:
            raise CrosswireError(f"A share of {share:g} of the server's time: expected 0.01 to 1.")
        self.step = step
        self.share = share
        self.stop = stop or Event()
        self.trips = 0
        self.busy = 0.0
        self._began = time.perf_counter()
        self._until = self._began

    def __call__(self, ask: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask the server, after the rest that the step before earned it. Raises Stopped."""
        if self.stop.wait(max(0.0, self._until - time.perf_counter())):
            raise Stopped
        began = time.perf_counter()
        reply = ask(*args, **kwargs)
        ended = time.perf_counter()
        self.trips += 1
        self.busy += ended - began
        self._until = ended + (ended - began) * (1 / self.share - 1)
        return reply

    def check(self) -> None:
        """Raises Stopped."""
        if self.stop.is_set():
            raise Stopped

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._began

    def __str__(self) -> str:
        # The rest that the last step earned belongs to it.
        used = self.busy / max(self.seconds, self._until - self._began, 1e-9)
        return (
            f"at most {self.step} elements per command, {used:.0%} of the server's time (limit {self.share:.0%}), "
            f"{self.trips} round trips"
        )
