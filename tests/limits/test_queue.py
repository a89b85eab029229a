"""What is let in when more is asked than can be answered, in a server that is simulated: its threads, its clock."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count, takewhile

import pytest

from rag.errors import Overloaded
from rag.limits import THREADS, UnderWay
from rag.limits.under_way import PATIENCE, Place
from rag.settings import Settings

QUICK, SLOW = 0.005, 3.0
"""Seconds of an answer: of the offline model, and of one over the wire."""


@dataclass
class Served:
    """Who came when, and how long he waited for a thread; and when somebody was refused."""

    waited: list[tuple[float, float]] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def p99(self, since: float) -> float:
        waits = sorted(wait for came, wait in self.waited if came > since)
        return waits[int(len(waits) * 0.99)]

    def rate(self, since: float, until: float) -> float:
        """Of those that got a thread."""
        return sum(since < came + wait <= until for came, wait in self.waited) / (until - since)


class Simulated:
    """So many threads, first come, first served; an answer takes `takes`, and no first one has been given.

    Who asks a slow model has the slot at once, and then stands in another line.
    """

    def __init__(self, threads: int, takes: float, settings: Settings) -> None:
        self.threads, self.takes = threads, takes
        self.now = 0.0
        self.under_way = UnderWay(settings, clock=lambda: self.now)
        self.served = Served()
        self._names = count()
        self._line: deque[tuple[float, Place]] = deque()
        self._busy: list[tuple[float, int, Place]] = []

    def serve(self, arrivals: Iterable[float]) -> Served:
        for at in arrivals:
            self._go_on(at)
            self.now = at
            try:
                place = self.under_way.enter(f"user-{next(self._names)}", None)
            except Overloaded:
                self.served.refused.append(at)
                continue
            place.queue(True)
            if self.takes >= SLOW:
                place.queue(False)
                place.queue(True)
            self._line.append((at, place))
            self._start()
        self._go_on(float("inf"))
        return self.served

    def _go_on(self, until: float) -> None:
        while self._busy and self._busy[0][0] <= until:
            self.now, _, place = heappop(self._busy)
            place.leave()
            self._start()

    def _start(self) -> None:
        while self._line and len(self._busy) < self.threads:
            came, place = self._line.popleft()
            place.queue(False)
            self.served.waited.append((came, self.now - came))
            heappush(self._busy, (self.now + self.takes, next(self._names), place))


def poisson(rate: float, seconds: float) -> Iterator[float]:
    """Times at which somebody asks, whatever becomes of the others."""
    rng, at = random.Random(5), 0.0

    def times() -> Iterator[float]:
        nonlocal at
        while True:
            at += rng.expovariate(rate)
            yield at

    return takewhile(lambda at: at < seconds, times())


@pytest.mark.parametrize("load", [1.5, 2, 5])
def test_however_much_is_asked_who_is_answered_waits_as_if_it_were_what_can_be(load: float) -> None:
    """As it is by default. As many are answered, too."""
    full, over = (Simulated(1, QUICK, Settings()).serve(poisson(share / QUICK, 20)) for share in (1, load))
    assert over.p99(3) <= 1.2 * full.p99(3)
    assert over.rate(3, 20) >= 0.99 / QUICK
    assert len(full.refused) < 0.05 * len(full.waited)
    share = len([at for at in over.refused if at > 3]) / (17 * load / QUICK)
    assert share == pytest.approx(1 - 1 / load, abs=0.03)


def test_half_of_it_is_never_refused() -> None:
    served = Simulated(1, QUICK, Settings()).serve(poisson(0.5 / QUICK, 60))
    assert served.refused == []


@pytest.mark.parametrize("within", [0.05, 1, 2, 4])
@pytest.mark.parametrize("people", [100, 150])
def test_people_who_ask_a_slow_model_together_are_all_answered(people: int, within: float) -> None:
    """More than it has threads for. Nothing has been asked before, so nobody knows how long it takes."""
    rng = random.Random(7)
    arrivals = sorted(rng.uniform(0, within) for _ in range(people))
    served = Simulated(THREADS, SLOW, Settings()).serve(arrivals)
    assert served.refused == []
    assert max(wait for _, wait in served.waited) < people // THREADS * SLOW + 0.1


@pytest.mark.parametrize("load", [2, 5])
def test_a_slow_model_has_people_wait_about_as_long_as_an_answer_takes(load: float) -> None:
    """When the first crowd, which is let in, is answered."""
    capacity = THREADS / SLOW
    served = Simulated(THREADS, SLOW, Settings()).serve(poisson(load * capacity, 90))
    assert served.p99(20) < 1.5 * SLOW
    assert served.rate(20, 80) >= 0.98 * capacity


def test_a_model_that_does_not_answer_has_people_wait_no_longer_than_patience_allows() -> None:
    served = Simulated(THREADS, 60.0, Settings()).serve(poisson(30, 50))
    assert max(came for came, _ in served.waited) < THREADS / 30 + PATIENCE + 1
    assert len(served.waited) < THREADS + 30 * (PATIENCE + 1)
    assert min(served.refused) > PATIENCE
