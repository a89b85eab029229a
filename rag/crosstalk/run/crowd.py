"""Threads that play the users: each takes the tab whose next turn is due, so that few threads serve many users.

A tab's turns follow one another; those of different tabs overlap, up to `in_flight` at once. There are fewer threads
than tabs, as in a server's pool: what a memory leaves on a thread meets another user.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass

from rag.crosstalk.run.workload import Planned, Tab

SLICE = 0.2
GRACE = 0.6


class Flight:
    """How many turns are under way: now, at most, and on average over the time in which any was. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._area = self._busy = self._changed = 0.0
        self.now = self.peak = 0

    def enter(self) -> float:
        """Returns the moment, by the monotonic clock."""
        return self._change(1)

    def leave(self) -> float:
        return self._change(-1)

    @property
    def mean(self) -> float:
        with self._lock:
            return self._area / self._busy if self._busy else 0.0

    def _change(self, by: int) -> float:
        with self._lock:
            moment = time.monotonic()
            if self.now:
                self._area += self.now * (moment - self._changed)
                self._busy += moment - self._changed
            self.now += by
            self.peak = max(self.peak, self.now)
            self._changed = moment
            return moment


@dataclass
class Crowd:
    """Plays the turns number `first` to `last` of all tabs, each by calling `play` in one of the threads."""

    tabs: Sequence[Tab]
    first: int
    last: int
    _: KW_ONLY
    start: float
    think: float
    threads: int
    play: Callable[[Planned], None]
    stop: threading.Event

    def __post_init__(self) -> None:
        tabs, first = self.tabs, self.first
        self._change = threading.Condition()
        self._due = [(self.start + tab.at, n, first) for n, tab in enumerate(tabs) if first < self.last]
        heapq.heapify(self._due)
        self._left = len(self._due)
        self.broken: BaseException | None = None
        count = min(self.threads, len(tabs), max(2, 2 * len(tabs) // 3))
        self._swap = count == len(tabs) == 2
        """Two at once need two threads: they change places after each turn."""
        self._threads = [
            threading.Thread(target=self._work, args=(n,), name=f"user-{n}", daemon=True) for n in range(count)
        ]

    def run(self, watch: Callable[[], None], every: float) -> None:
        """Until all turns are played or the run is stopped. Calls `watch` meanwhile.

        When stopped, turns get GRACE seconds to end; those in a call that cannot be interrupted are left alone.
        """
        for thread in self._threads:
            thread.start()
        stopped = None
        for thread in self._threads:
            while thread.is_alive() and (stopped is None or time.monotonic() < stopped + GRACE):
                thread.join(every)
                watch()
                if stopped is None and self.stop.is_set():
                    stopped = time.monotonic()
        if self.broken is not None:
            raise self.broken

    def _work(self, number: int) -> None:
        while (item := self._take(number)) is not None:
            n, turn = item
            try:
                self.play(self.tabs[n].turns[turn])
            except BaseException as exc:  # ours, not the strategy's: the run is over
                self.broken = exc
                self.stop.set()
            with self._change:
                if turn + 1 < self.last:
                    heapq.heappush(self._due, (time.monotonic() + self.think, n, turn + 1))
                else:
                    self._left -= 1
                self._change.notify_all() if self._left == 0 or self._swap else self._change.notify()

    def _take(self, number: int) -> tuple[int, int] | None:
        with self._change:
            while not self.stop.is_set() and self._left:
                item = self._next(number)
                wait = item[0] - time.monotonic() if item else SLICE
                if item and wait <= 0:
                    if item == self._due[0]:
                        heapq.heappop(self._due)
                    else:
                        self._due.remove(item)  # one of two
                    return item[1:]
                self._change.wait(min(wait, SLICE))
            return None

    def _next(self, number: int) -> tuple[float, int, int] | None:
        """The turn that this thread plays next, due or not."""
        if self._swap:
            return min((one for one in self._due if (one[1] + one[2]) % 2 == number), default=None)
        return self._due[0] if self._due else None
