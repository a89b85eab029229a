"""Reading a turn in a page so that a stop is felt at once, also while the model is silent.

Streamlit ends a run only when the script draws something. So a thread of its own reads the turn, and the script looks
up every moment and draws. A click elsewhere on the page ends the run, not the reading: the next run goes on with it,
and begins before the last one has noticed. Thread and log belong to this one answer of one tab.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from time import monotonic

from rag.chat import Event, EventStream, Token, Waiting

MOMENT = 0.15
PATIENCE = 3.0
WAITING = "Another question of this session is being answered. Waiting up to {:.0f} s …"


class Reading:
    """An answer on its way. Any thread may draw it, each from its beginning."""

    def __init__(self, events: EventStream, ended: Callable[[], None]) -> None:
        """`ended`: when nothing of the turn runs any more, which may be long after it was closed."""
        self._events = events
        self._ended = ended
        self._begun = monotonic()
        self._log: list[Event | BaseException | None] = []
        """An error or None is its end."""
        self._grown = threading.Condition()
        threading.Thread(target=self._read, name="turn-reader", daemon=True).start()

    def events(self, say: Callable[[str], object]) -> Iterator[Event]:
        """All so far and then each as it comes; of its words all that are there at once. Its errors are raised here.

        `say` is called every moment while there is nothing new: it must draw something.
        """
        last, read = "Searching …", 0
        while True:
            with self._grown:
                if len(self._log) == read:
                    self._grown.wait(MOMENT)
                new = self._log[read:]
            read += len(new)
            if not new:
                waited = monotonic() - self._begun
                say(last if waited < PATIENCE else f"{last} {waited:.0f} s")
            for event in _joined(new):
                if event is None:
                    return
                if isinstance(event, BaseException):
                    raise event
                last = WAITING.format(event.at_most) if isinstance(event, Waiting) else "Writing …"
                yield event

    def close(self) -> None:
        """Stop the turn: nothing is stored, unless it is stored already."""
        self._events.close()

    def stored(self, timeout: float = 0) -> bool:
        """See `EventStream.stored`."""
        return self._events.stored(timeout)

    def _read(self) -> None:
        try:
            for event in self._events:
                self._add(event)
            self._add(None)
        except BaseException as exc:  # all of them belong to the page that asked
            self._add(exc)
        finally:
            self._ended()

    def _add(self, event: Event | BaseException | None) -> None:
        with self._grown:
            self._log.append(event)
            self._grown.notify_all()


def _joined(
    events: Sequence[Event | BaseException | None],
) -> Iterator[Event | BaseException | None]:
    """Tokens that follow each other as one."""
    text = ""
    for event in events:
        if isinstance(event, Token):
            text += event.text
            continue
        if text:
            yield Token(text)
        text = ""
        yield event
    if text:
        yield Token(text)
