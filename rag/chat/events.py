"""What a turn tells its reader, in order: Waiting (only if another turn of the session runs), Found, Token …, Finished.

All of them are values: a reader may keep them, and none of them refers back to the store or the model.
A turn is read in one thread and may be stopped from another: it is freed exactly once, whoever stops it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from threading import Event as Flag
from threading import Lock
from typing import Protocol

from rag.chat.prompt import Source
from rag.errors import TurnUnconfirmed


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds spent in each phase of a turn. `ask` includes the time that the reader of the tokens took."""

    wait: float = 0.0
    """for another turn of the same session"""
    load: float = 0.0
    """to take the turn and read the history"""
    rewrite: float = 0.0
    """to make the question self-contained, and to summarise older turns where the memory policy does"""
    retrieve: float = 0.0
    first_token: float = 0.0
    """from asking the model to its first token; part of `ask`"""
    ask: float = 0.0
    save: float = 0.0

    @property
    def total(self) -> float:
        return self.wait + self.load + self.rewrite + self.retrieve + self.ask + self.save


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `question` is the self-contained one that was searched for; `turn` counts from 1, None: nothing was
    stored."""

    text: str
    sources: tuple[Source, ...]
    question: str
    model: str
    turn: int | None
    timings: Timings


@dataclass(frozen=True, slots=True)
class Waiting:
    """Another turn of this session is running; this one starts after it, or fails after `at_most` seconds."""

    at_most: float


@dataclass(frozen=True, slots=True)
class Found:
    """The sources that the model is shown. Those that the answer does not cite are not stored with it."""

    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Token:
    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The turn is over, and stored where it belongs to a session."""

    reply: Reply


Event = Waiting | Found | Token | Finished


class TurnObserver(Protocol):
    """Is told of every turn that ends in a session, in the turn's thread. Called for each: it should be quick."""

    def answered(self, session_id: str, turn: int, timings: Timings, /) -> None: ...

    def failed(self, session_id: str, turn: int | None, error: Exception, /) -> None:
        """turn: what its number would have been; None: the session was not its own yet."""

    def stopped(self, session_id: str, turn: int | None, /) -> None:
        """By whoever read it: nothing was stored."""


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
        self._stored = False

    def __iter__(self) -> EventStream:
        return self

    def __next__(self) -> Event:
        with self._running:
            try:
                event = next(self._events)
            except TurnUnconfirmed:
                self._stored = True
                raise
            self._stored = isinstance(event, Finished)
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

    def stored(self, timeout: float) -> bool:
        """Whether the turn is stored. Of a stream that was closed, that may have come too late.

        While a thread waits for the next event it is not decided, and that is waited for, for at most `timeout`
        seconds. A closed turn whose model takes longer will store nothing.
        """
        if self._running.acquire(timeout=timeout):
            self._running.release()
        return self._stored

    def __enter__(self) -> EventStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
