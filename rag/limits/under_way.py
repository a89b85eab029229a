"""How many turns this process works at, and for whom: a queue that is bounded, and nobody's share that is all of it.

A turn that waits for a thread is answered later, so a long queue makes everybody slow and answers nobody more. What
comes at once is let in, however much: a room in which everybody presses the button. But a queue that has not been short
for a while means that more is asked than can be answered, and then who comes next is told at once. (The idea of CoDel,
RFC 8289: a good queue is one that goes away.)

A model that does not answer keeps its turns' threads. So no session and no address may have more under way than its
share, however empty the rest is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from threading import Lock
from time import monotonic

from rag.errors import Overloaded, TooManyAtOnce
from rag.limits.networks import network_of
from rag.settings import Settings

THREADS = 64
"""Turns that wait for a model, or for another turn of their session, at once. Further ones wait for a thread."""
MOST = 1000
"""Under way in this process, whatever is set."""
PATIENCE = 1.0
"""Seconds for which the queue may be as long as it gets, since it was empty."""


class Place:
    """One turn's, from when it is let in until its thread is free again: whoever asked may have gone long before."""

    def __init__(self, count: Callable[[int, int], None]) -> None:
        self._count = count
        self._queued = False
        self._left = False

    def queue(self, waits: bool) -> None:
        """It waits for a thread from now on, or has one. Called by whoever has the turn, one after the other."""
        if waits != self._queued and not self._left:
            self._queued = waits
            self._count(0, 1 if waits else -1)

    def leave(self) -> None:
        """May be called again."""
        if not self._left:
            self.queue(False)
            self._left = True
            self._count(-1, 0)


class UnderWay:
    """Thread-safe. One instance counts all turns of a process, the API's and the pages'."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = monotonic) -> None:
        self._of_session, self._of_address = settings.limit_session_at_once, settings.limit_address_at_once
        self._queue = settings.limit_queue
        self._clock = clock
        self._lock = Lock()
        self._turns = self._queued = 0
        self._by: Counter[tuple[str, str]] = Counter()
        self._empty_at = clock()
        """When somebody who came found nobody waiting, for the last time."""

    def enter(self, session_id: str, address: str | None) -> Place:
        """Raises TooManyAtOnce for who has his share, Overloaded if it would wait too long."""
        network = network_of(address)
        who = [("session", session_id, self._of_session)]
        who += [("address", network, self._of_address)] if network is not None else []
        with self._lock:
            self._admit(who)
            self._count(who, 1, 0)
        return Place(partial(self._counted, who))

    def _counted(self, who: list[tuple[str, str, int]], turns: int, queued: int) -> None:
        with self._lock:
            self._count(who, turns, queued)

    @property
    def turns(self) -> int:
        return self._turns

    def _admit(self, who: list[tuple[str, str, int]]) -> None:
        for kind, name, most in who:
            if most and self._by[kind, name] >= most:
                raise TooManyAtOnce(f"{kind}_at_once")
        waiting = max(self._queued, self._turns - THREADS)
        now = self._clock()
        if not waiting:
            self._empty_at = now
        long = self._queue and waiting >= self._queue and now - self._empty_at > PATIENCE
        if long or self._turns >= MOST:
            raise Overloaded

    def _count(self, who: list[tuple[str, str, int]], turns: int, queued: int) -> None:
        self._turns += turns
        self._queued += queued
        for kind, name, _ in who:
            self._by[kind, name] += turns
            if not self._by[kind, name]:
                del self._by[kind, name]
