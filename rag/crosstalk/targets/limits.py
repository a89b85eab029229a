"""A target that limits its rate is asked more slowly, by all users together, as it says or else ever more slowly."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST = 60.0
"""Seconds that one pause takes at most."""
FIRST = 0.5
LEAST = 0.05


class Limits:
    """Thread-safe. met: how many answers were refusals for the rate; waited: seconds, of all users together."""

    def __init__(self) -> None:
        self.met = 0
        self.waited = 0.0
        self._from = 0.0
        self._closed = threading.Event()
        self._lock = threading.Lock()

    def wait(self, until: float) -> bool:
        """Until it may be asked again. False where that is later than `until`, or the run is over."""
        pause = self._from - time.monotonic()
        if pause <= 0:
            return not self._closed.is_set()
        if time.monotonic() + pause > until:
            return False
        with self._lock:
            self.waited += pause
        return not self._closed.wait(pause)

    def slow_down(self, attempt: int, headers: Mapping[str, str]) -> None:
        """After a refusal. attempt: how many this turn has met, from 1."""
        asked = retry_after(headers)
        pause = min(LONGEST, FIRST * 2 ** min(attempt - 1, 10)) if asked is None else max(LEAST, asked)
        pause += random.uniform(0, pause / 4)  # noqa: S311 - so that they do not all come back at once
        with self._lock:
            self.met += 1
            self._from = max(self._from, time.monotonic() + pause)

    def close(self) -> None:
        self._closed.set()


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from a number or a date; None if it does not say."""
    said = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(said))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
