"""What can be said while a run is under way: counts, times, and what a prompt lacked although it had been acknowledged;
whose data each user has been shown so far is the checker's to say.
"""

from __future__ import annotations

import queue
import threading
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rag.crosstalk.checker.check import Checker
from rag.crosstalk.checker.findings import Findings
from rag.crosstalk.checker.sentences import shown_to
from rag.crosstalk.log.events import BadLog, Event, Prompt
from rag.crosstalk.run.hosts import Served
from rag.crosstalk.run.workload import Plan, Planned

NOBODY = -1


@dataclass(frozen=True, slots=True)
class Progress:
    """A moment of a run. phase: "serving", "reading" what is stored, "checking" the log. times in seconds.

    done, leaked, told: of each user, by number: turns answered, and the number of the user whose data came to this one
    at all, and in an answer (-1: none).
    leaks: turns in whose answer or prompt a canary of somebody else was. lost: acknowledged turns that a later prompt
    of their session lacked; None where no prompt has been seen. What is stored in the end says more.
    """

    phase: str
    turns: int
    answered: int
    failed: int
    given_up: int
    leaks: int
    in_flight: int
    seconds: float
    rate: float
    p50: float
    p95: float
    p99: float
    done: Sequence[int]
    leaked: Sequence[int]
    lost: int | None = None
    told: Sequence[int] = ()

    @property
    def shown(self) -> int:
        """Users who were shown somebody else's data so far."""
        return sum(owner != NOBODY for owner in self.told)

    @property
    def met(self) -> str:
        """As a report says it: `3 of 20 users were shown somebody else's data; it reached 4 of 20 users`."""
        return shown_to(self.shown, sum(owner != NOBODY for owner in self.leaked), len(self.leaked))


class LiveCheck:
    """The checker, in a thread of its own: it takes each event as it is logged, so that little is left to be done when
    the last turn has ended. Thread-safe; who calls `take` keeps the order of the log."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._problem: BadLog | None = None
        self._thread = threading.Thread(target=self._go, name="checker", daemon=True)
        self._thread.start()

    def take(self, event: Event) -> None:
        self._events.put(event)

    @property
    def found(self) -> Findings:
        """So far; to be copied, not changed."""
        return self._checker.found

    def close(self) -> Checker:
        """The checker, when it has taken all that came. Raises BadLog for an event that contradicts an earlier one."""
        self._events.put(None)
        self._thread.join()
        if self._problem is not None:
            raise self._problem
        return self._checker

    def _go(self) -> None:
        number = 0
        while (event := self._events.get()) is not None:
            number += 1
            try:
                self._checker.take(event)
            except ValueError as exc:
                self._problem = self._problem or BadLog(number, str(exc))


@dataclass(slots=True)
class Watch:
    """Thread-safe."""

    plan: Plan
    window: int | None = None
    turns: int = 0
    answered: int = 0
    failed: int = 0
    given_up: int = 0
    times: array[float] = field(default_factory=lambda: array("d"))
    phases: dict[str, list[float]] = field(default_factory=dict)
    _numbers: dict[str, int] = field(init=False)
    _done: array[int] = field(init=False)
    _lost: set[str] = field(default_factory=set)
    _prompted: bool = False
    _known: dict[str, list[str]] = field(default_factory=dict)
    """The texts of each session's acknowledged turns."""
    _sent: dict[int, tuple[str, int]] = field(default_factory=dict)
    """Of a turn under way: its session, and how many of that were acknowledged before."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._numbers = {user: n for n, user in enumerate(self.plan.users)}
        self.turns = self.plan.turns
        self._done = array("i", [0]) * len(self.plan.users)

    def begun(self, turn: Planned) -> None:
        with self._lock:
            self._sent[turn.op] = turn.session, len(self._known.setdefault(turn.session, []))

    def prompt(self, event: Prompt) -> None:
        """One that is as long as prompts get may lack what is older."""
        with self._lock:
            self._prompted = True
            session, known = self._sent.get(event.op, ("", 0))
            if known and (self.window is None or len(event.messages) < 2 * self.window):
                there = {message.text for message in event.messages}
                self._lost.update(text for text in self._known[session][:known] if text not in there)

    def ended(self, turn: Planned, served: Served, seconds: float) -> None:
        with self._lock:
            self._sent.pop(turn.op, None)
            if served.end == "ok":
                self._known.setdefault(turn.session, []).append(turn.text)
                self.answered += 1
                self._done[self._numbers[turn.user]] += 1
                self.times.append(seconds)
                for phase, took in served.phases.items():
                    total = self.phases.setdefault(phase, [0.0, 0])
                    total[0] += took
                    total[1] += 1
            elif served.end == "fail" or not served.text.startswith(("cancelled", "stopped")):
                self.failed += 1
            else:
                self.given_up += 1

    def moment(self, phase: str, seconds: float, in_flight: int, found: Findings) -> Progress:
        """found: what the checker has found by now."""
        with self._lock:
            times, answered, done = sorted(self.times[-2000:]), self.answered, self._done[:]
            lost = len(self._lost) if self._prompted else None
        told = dict(found.shown)
        p50, p95, p99 = (percentile(times, share) for share in (0.5, 0.95, 0.99))
        return Progress(
            phase,
            self.turns,
            answered,
            self.failed,
            self.given_up,
            len(found.leaking),
            in_flight,
            seconds,
            answered / seconds if seconds else 0.0,
            p50,
            p95,
            p99,
            done,
            self._by_number({**found.held, **told}),
            lost,
            self._by_number(told),
        )

    def _by_number(self, owners: Mapping[str, str | None]) -> array[int]:
        """Of each user, by number: whose data it was."""
        field = array("i", [NOBODY]) * len(self.plan.users)
        for user, owner in owners.items():
            if user in self._numbers:
                field[self._numbers[user]] = self._numbers.get(owner or "", NOBODY)
        return field


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that this share of the ordered ones does not exceed; 0 if there are none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
