"""Whether the memory behind a run still answers: it is asked only while turns fail, or while none ends.

Turns may fail for many reasons, and a server that restarts is back in a moment. Lost is a memory that cannot be read
for LOST seconds, in which no turn was answered either; without that, a run would go on failing to its last turn.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from redis.exceptions import RedisError

from rag.errors import CrosswireError
from rag.sessions.connection.errors import reason

LOST = 2.0
QUIET = 10.0
"""Seconds without an answered turn, after which it is asked although none has failed: a model may be that slow."""
SILENT = 20.0
"""Seconds that one read of it may take."""


class Attempt(threading.Thread):
    """A call in a thread of its own, which can be left alone when it does not come back."""

    def __init__(self, call: Callable[[], object], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._call = call
        self.begun = time.monotonic()
        self.problem = ""
        """One line, if it was refused."""
        self.start()

    def run(self) -> None:
        try:
            self._call()
        except Exception as exc:  # whatever a strategy's library raises: it is said in the report
            self.problem = said(exc)


def patiently(call: Callable[[], object], seconds: float, moved: Callable[[], int] = int) -> str:
    """Do it, or leave it alone where `moved` has stood still for so long. Returns the problem in a line, or nothing."""
    attempt, before, since = Attempt(call, "patiently"), moved(), time.monotonic()
    while attempt.is_alive():
        attempt.join(0.05)
        if moved() != before:
            before, since = moved(), time.monotonic()
        elif time.monotonic() - since > seconds:
            return silent(seconds)
    return attempt.problem


class Liveness:
    """For the thread that waits for the turns. read: what is stored. ended: turns answered and turns failed so far."""

    def __init__(self, read: Callable[[], object], ended: Callable[[], tuple[int, int]]) -> None:
        self._read = read
        self._ended = ended
        self._answered, self._failed = ended()
        self._good = time.monotonic()
        self._bad: float | None = None
        self._attempt: Attempt | None = None
        self.problem = ""
        """Why it is lost, in one line. Empty: it is not."""

    def lost(self) -> bool:
        """Does not block."""
        now = time.monotonic()
        answered, failed = self._ended()
        attempt, self._attempt = self._attempt, None
        if answered != self._answered:
            self._answers(now, answered, failed)
        elif attempt is None:
            if failed > self._failed or now - self._good > QUIET:
                self._attempt = Attempt(self._read, "memory-read")
        elif attempt.is_alive():
            self._attempt = attempt
            self.problem = silent(SILENT) if now - attempt.begun > SILENT else ""
        elif not attempt.problem:
            self._answers(now, answered, failed)
        else:
            self._bad = self._bad or attempt.begun
            self.problem = attempt.problem if now - self._bad > LOST else ""
            self._attempt = None if self.problem else Attempt(self._read, "memory-read")
        return bool(self.problem)

    @property
    def doubtful(self) -> bool:
        """Whether all that was heard since the last answer are failures."""
        answered, failed = self._ended()
        return bool(self.problem) or (answered == self._answered and failed > self._failed)

    def _answers(self, now: float, answered: int, failed: int) -> None:
        self._answered, self._failed = answered, failed
        self._good, self._bad = now, None


def said(problem: BaseException) -> str:
    """What went wrong, in one line. Not where Redis is: its owner knows, and visitors of a page need not."""
    if isinstance(problem, CrosswireError):
        return str(problem)
    if isinstance(problem, RedisError):
        return f"{type(problem).__name__}: {reason(problem)}."
    return f"{type(problem).__name__}: {problem}".splitlines()[0]


def silent(seconds: float) -> str:
    return f"It has not answered for {seconds:.0f} s."
