"""One thread works at a time, and another one is let in when it does not get on.

Two threads that compute take the interpreter's lock from each other, and what one core has in its caches the other one
has not: a turn then takes a third longer. But a thread that waits, for Redis or for a model, must not hold up others.
So whoever holds the slot works off the queue, first come, first served. Where somebody waits and nothing has ended for
longer than the patience, a further thread gets the slot, and the slow one ends beside it what it has begun. (Go's
`sysmon` takes a processor in this way from a goroutine that is in a system call.) What ends anywhere counts: on a busy
machine, where all of it is slow, more threads would only make it slower.

The event loop is a thread that computes, too. Where much waits, what has ended is told to it together: it then sends
those answers and reads what comes next in one go, and takes the interpreter's lock from the slot a third as often.
(Network cards hold back their interrupts for the same reason.)
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from math import inf
from queue import Empty, SimpleQueue
from threading import Lock, Thread, current_thread
from time import monotonic

PATIENCE, CLOCK_TICK = 0.016, 0.001
"""Seconds."""

LINGER = 0.1
"""Seconds for which an idle thread waits for more."""

MUCH, TOGETHER = 4, 0.008
"""Where so much waits, what ends within these seconds is told together: a fraction of what each of them has waited."""

Work = Callable[[], None]


class Slot:
    """Used from one event loop."""

    def __init__(self, threads: int, name: str) -> None:
        """`threads`: how many there are at the most, with those that lost the slot."""
        self.robbed_at = -inf
        """When somebody lost the slot for the last time, in `time.monotonic` seconds."""
        self.running = 0
        """Threads that work, or wait for work."""
        self._most = threads
        self._name = name
        self._queue: SimpleQueue[Work] = SimpleQueue()
        self._lock = Lock()
        self._holder: Thread | None = None
        self._due = inf
        """When the patience with the holder ends; never, while it is idle."""
        self._watched = False
        self._told: deque[Callable[[], None]] = deque()
        self._told_since = 0.0

    def submit(self, work: Work) -> None:
        """Called on the event loop, which it does not hold up. What `work` raises is logged."""
        self._queue.put(work)
        self._admit()

    def tell(self, loop: asyncio.AbstractEventLoop, told: Callable[[], None]) -> None:
        """Have the event loop call this, soon. Called in any thread."""
        if not self._told:
            self._told_since = monotonic()
        self._told.append(told)
        # While it is watched, the loop looks here by itself, whatever becomes of the work that is under way.
        much = self._watched and self._queue.qsize() >= MUCH
        if not much or monotonic() - self._told_since >= TOGETHER:
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        while self._told:
            self._told.popleft()()

    def _admit(self) -> None:
        """Start a thread if there is none that gets on; look again as long as somebody waits."""
        with self._lock:
            late = monotonic() >= self._due
            if (late or self._holder is None) and self.running < self._most and not self._queue.empty():
                if late:
                    self.robbed_at = monotonic()
                thread = Thread(target=self._work_off, name=self._name)
                thread.start()
                self._due, self._holder = inf, thread
                self.running += 1
        if not (self._watched or self._queue.empty()):
            self._watched = True
            left = min(self._due - monotonic(), PATIENCE)
            asyncio.get_running_loop().call_later(max(left, CLOCK_TICK), self._look)

    def _look(self) -> None:
        self._watched = False
        self._tell()
        self._admit()

    def _work_off(self) -> None:
        while True:
            try:
                work = self._queue.get(timeout=LINGER)
            except Empty:
                with self._lock:
                    if not self._queue.empty():
                        continue
                    self._holder = None
                    self.running -= 1
                    return
            with self._lock:
                self._due = monotonic() + PATIENCE
            try:
                work()
            except Exception:
                logging.getLogger(__name__).exception("A piece of work broke")
            with self._lock:
                if self._holder is not current_thread():
                    self._due = max(self._due, monotonic() + PATIENCE)
                    self.running -= 1
                    return
                self._due = inf
