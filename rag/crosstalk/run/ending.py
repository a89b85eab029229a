"""The end of a run: what is stored is read, then deleted. Where the memory is gone neither can be, and both is said.

What could not be looked at is never called isolated; what was seen before stands.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rag.crosstalk.checker.findings import Report
from rag.crosstalk.log.events import Message
from rag.crosstalk.run.hosts import Host
from rag.crosstalk.run.liveness import SILENT, patiently, said
from rag.crosstalk.run.processes import ProcessGone

MOST_HISTORY = 1_000_000
"""Messages of final histories in a log. Where all users share one, each of them is as long as all turns."""
STOPPED_SECONDS = 0.7
"""For reading what is stored when a run was stopped."""
REFUSED = 3
"""Sessions one after the other that cannot be read, after which no other one is tried."""
CLEAN_SECONDS = 60.0
SHORT = 5.0
"""Seconds for a read, and for deleting, where there is little hope or little time."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A memory that was gone before the end of the run. reason: one line.

    serving: turns were still to come, or failed. answered: turns, of `turns`. read: sessions whose final state is
    known, of `sessions`.
    """

    serving: bool
    answered: int
    turns: int
    read: int
    sessions: int
    reason: str

    def __str__(self) -> str:
        """Half a sentence, without the reason."""
        after = f"after {self.answered:,} of {self.turns:,} turns"
        only = f"only {self.read:,} of {self.sessions:,} sessions could be read at the end"
        if self.read >= self.sessions:
            return f"the memory was lost {after}, and was back at the end"
        if self.serving:
            return f"the memory was lost {after}{f', and {only}' if self.read else ' and could not be read at the end'}"
        return f"{only if self.read else 'the memory could not be read at the end'}, {after}"

    def judged(self, report: Report) -> Report:
        """The report with what is not known in it. It may have been isolated only if every final state was read."""
        told, reason = str(self), f"{self.reason.rstrip('.')}."
        if report.verdict == "isolated" and self.read < self.sessions:
            return report.unsure(f"Nothing can be said: {told}; nothing wrong was seen before. {reason}")
        return replace(report, why=f"{report.why} {told[0].upper()}{told[1:]}. {reason}")


@dataclass(slots=True)
class Read:
    """count: sessions whose final state was read. problem: why others could not be, in one line."""

    count: int = 0
    problem: str = ""
    over: bool = False


def read_all(
    host: Host,
    sessions: Sequence[str],
    write: Callable[[str, Sequence[Message]], None],
    stop: threading.Event,
    *,
    doubtful: bool = False,
) -> Read:
    """The final state of each session, as far as there is room for it in a log and, when stopped, time.

    write: is given each session with its messages. doubtful: the last turns failed, so that little is tried.
    """
    read = Read()

    def go() -> None:
        left, until, refused = MOST_HISTORY, time.monotonic() + STOPPED_SECONDS, REFUSED - 1 if doubtful else 0
        for session in sessions:
            if read.over or left <= 0 or refused == REFUSED or (stop.is_set() and time.monotonic() > until):
                break
            try:
                messages = host.history(session)
            except Exception as exc:  # whatever a strategy's library raises
                read.problem = read.problem or said(exc)
                refused += not isinstance(exc, ProcessGone)  # what others remember can be read all the same
                continue
            refused = 0
            if messages is not None:
                write(session, messages)
                left -= len(messages)
                read.count += 1

    problem = patiently(go, SHORT if doubtful or stop.is_set() else SILENT, lambda: read.count)
    read.problem, read.over = problem or read.problem, True
    return read


def clean_up(host: Host, sessions: Sequence[str], left: str, *, lost: bool = False) -> str:
    """Delete what the run stored. Returns what is left behind, in one line: nothing, unless that fails.

    left: what that is, as `Strategy.left` says it.
    """
    problem = patiently(lambda: host.forget(sessions), SHORT if lost else CLEAN_SECONDS)
    why = "" if lost else f" ({problem.rstrip('.')})"
    return f"What the run stored could not be deleted{why}. {left}".rstrip() if problem else ""
