"""What is told of each turn: counted always, logged and traced where that is switched on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rag.chat import Timings
from rag.errors import TooMuch
from rag.observability.metrics import TurnMetrics, outcome_of
from rag.sessions.log_names import log_name

LOG = logging.getLogger("crosswire.turns")

Spans = Callable[[str, int, float, Timings], None]
"""Is given who (`log_name`), the turn's number, when it ended (epoch seconds), and its timings."""


class TurnWatch:
    """A `rag.chat.TurnObserver`; thread-safe. What it costs a turn, when neither is on, are some microseconds."""

    def __init__(self, metrics: TurnMetrics, spans: Spans | None = None) -> None:
        self.metrics = metrics
        self._spans = spans

    def answered(self, session_id: str, turn: int, timings: Timings) -> None:
        self.metrics.answered(timings)
        if LOG.isEnabledFor(logging.INFO):
            phases = {name: round(1000 * getattr(timings, name), 2) for name in Timings.__slots__}
            told = {
                "session": log_name(session_id),
                "turn": turn,
                "ms": round(1000 * timings.total, 2),
                "phases": phases,
            }
            LOG.info("Turn %s/%d answered in %.1f ms", told["session"], turn, told["ms"], extra={"fields": told})
        if self._spans is not None:
            self._spans(log_name(session_id), turn, time.time(), timings)

    @contextmanager
    def refusing(self, session_id: str) -> Iterator[None]:
        """What is refused in this block is counted."""
        try:
            yield
        except TooMuch as refused:
            self.failed(session_id, None, refused)
            raise

    def failed(self, session_id: str, turn: int | None, error: Exception) -> None:
        """Also of what was refused before it was a turn."""
        self.metrics.failed(error)
        self._ended(session_id, turn, outcome_of(error), type(error).__name__)

    def stopped(self, session_id: str, turn: int | None) -> None:
        self.metrics.stopped()
        self._ended(session_id, turn, "stopped")

    def _ended(self, session_id: str, turn: int | None, outcome: str, error: str = "") -> None:
        if LOG.isEnabledFor(logging.INFO):
            told = {"session": log_name(session_id), "outcome": outcome}
            numbered, why = {"turn": turn} if turn else {}, {"error": error} if error else {}
            which = f"Turn {told['session']}/{turn}" if turn else f"A turn of {told['session']}"
            LOG.info("%s ended: %s", which, error or outcome, extra={"fields": {**told, **numbered, **why}})
