"""Reading a turn in one thread and stopping it from another: a turn is freed exactly once, whoever stops it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from threading import Event as Flag
from threading import Lock

from rag.chat.events import Event, Finished


class EventStream(Iterator[Event]):
    """The events of one turn. Any thread may close it, also while another one waits for the next event.

    Closed while nobody waits, it frees the turn at once; else as soon as the waiting thread has its next event, which
    is then never handed out. Dropping the last reference closes it too.
    """

    def __init__(self, events: Generator[Event], stopped: Flag, *, remote: bool = False) -> None:
        """`remote`: whoever reads waits for a model over the wire."""
        self.remote = remote
        self._events = events
        self._stopped = stopped
        self._running = Lock()

    def __iter__(self) -> EventStream:
        return self

    def __next__(self) -> Event:
        with self._running:
            event = next(self._events)
        if self._stopped.is_set() and not isinstance(event, Finished):
            self.close()
            raise StopIteration
        return event

    def stop(self) -> None:
        """As `close`, but waits for nothing: whoever reads frees the turn, with the next event or by closing it."""
        self._stopped.set()

    def close(self) -> None:
        """Stop the turn. Nothing is stored, unless it is stored already."""
        self._stopped.set()
        if self._running.acquire(blocking=False):
            try:
                self._events.close()
            finally:
                self._running.release()

    def __enter__(self) -> EventStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
