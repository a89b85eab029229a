"""Reading a turn in a page so that a stop is felt at once, also while the model is silent.

Streamlit ends a run only when the script draws something. So a thread of its own reads the turn, and the script looks
up every moment and draws. Thread and queue belong to this one run of one tab.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from time import monotonic

from rag.chat import Event, EventStream, Waiting

MOMENT = 0.15
PATIENCE = 3.0
WAITING = "Another tab of this session is waiting for its answer. Waiting up to {:.0f} s …"


def interruptible(events: EventStream, say: Callable[[str], object], ended: Callable[[], None]) -> Iterator[Event]:
    """The events as they come. Closing this closes the turn; its errors are raised here.

    `say` is called every moment while there is nothing new: it must draw something. `ended`: when nothing of the turn
    runs any more, which may be long after it was closed.
    """
    arrived: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(events, arrived, ended), name="turn-reader", daemon=True).start()
    begun, last = monotonic(), "Searching …"
    try:
        while True:
            try:
                item = arrived.get(timeout=MOMENT)
            except queue.Empty:
                waited = monotonic() - begun
                say(last if waited < PATIENCE else f"{last} {waited:.0f} s")
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            last = WAITING.format(item.at_most) if isinstance(item, Waiting) else "Writing …"
            yield item
    finally:
        events.close()


def _read(
    events: EventStream, arrived: queue.SimpleQueue[Event | BaseException | None], ended: Callable[[], None]
) -> None:
    try:
        for event in events:
            arrived.put(event)
        arrived.put(None)
    except BaseException as exc:  # all of them belong to the page that asked
        arrived.put(exc)
    finally:
        ended()
