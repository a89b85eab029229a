"""Buckets that were found empty, until they are not: whoever goes on asking meanwhile costs Redis nothing.

Nobody is refused too long: an empty bucket fills by time alone, and other processes can only take out of it. Names are
hashes; they are forgotten as the buckets fill.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from time import monotonic

MOST = 10_000
"""Names that are kept; of more, those that are longest here are asked of Redis again."""


class Empty:
    """Thread-safe."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._until: dict[str, float] = {}
        self._clock = clock
        self._lock = Lock()

    @property
    def anything(self) -> bool:
        return bool(self._until)

    def found(self, name: str, seconds: float) -> None:
        with self._lock:
            self._until.pop(name, None)
            self._until[name] = self._clock() + seconds
            while len(self._until) > MOST:
                self._until.pop(next(iter(self._until)))

    def left(self, name: str) -> float:
        """Seconds until the bucket has a token; 0: ask."""
        until = self._until.get(name)
        if until is None:
            return 0.0
        if (left := until - self._clock()) > 0:
            return left
        with self._lock:
            if self._until.get(name) == until:
                del self._until[name]
        return 0.0
