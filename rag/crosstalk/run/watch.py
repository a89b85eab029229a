"""What can be said while a run is under way: counts, times, whose data each user has been shown so far, and what a
prompt lacked although it had been acknowledged.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from rag.crosstalk.checker.findings import Reach
from rag.crosstalk.log.events import Prompt
from rag.crosstalk.run.hosts import Served
from rag.crosstalk.run.people import CODE
from rag.crosstalk.run.workload import Plan, Planned

NOBODY = -1


@dataclass(frozen=True, slots=True)
class Progress:
    """A moment of a run. phase: "serving", "reading" what is stored, "checking" the log. times in seconds.

    done, leaked, told: of each user, by number: turns answered, and the number of the user whose data came to this one
    at all, and in an answer (-1: none).
    leaks: turns in whose answer or prompt somebody else's data was. lost: acknowledged turns that a later prompt of
    their session lacked; None where no prompt has been seen. What is stored in the end says more.
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
    def people(self) -> int:
        """Users who got somebody else's data so far."""
        return sum(owner != NOBODY for owner in self.leaked)

    @property
    def met(self) -> str:
        """As a report says it: `3 of 20 users, in 7 of 60 turns`."""
        return Reach(self.people, self.leaks).of(len(self.leaked), self.turns)


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
    _owners: dict[str, int] = field(init=False)
    _numbers: dict[str, int] = field(init=False)
    _asked: dict[str, int] = field(init=False)
    """Who sends a text that nobody else sends."""
    _done: array[int] = field(init=False)
    _leaked: array[int] = field(init=False)
    _told: array[int] = field(init=False)
    _lost: set[str] = field(default_factory=set)
    _prompted: bool = False
    _known: dict[str, list[str]] = field(default_factory=dict)
    """The texts of each session's acknowledged turns."""
    _sent: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    """Of a turn under way: its session, how many of that were acknowledged before, and its user's number."""
    _leaking: set[int] = field(default_factory=set)
    """Turns that held somebody else's data."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._owners = {token: user for text, user in self.plan.owners.items() for token in CODE.findall(text)}
        self._numbers = {user: n for n, user in enumerate(self.plan.users)}
        self._asked = {
            turn.text: self._numbers[turn.user] for tab in self.plan.tabs for turn in tab.turns if turn.shape is None
        }
        self.turns = self.plan.turns
        self._done = array("i", [0]) * len(self.plan.users)
        self._leaked = array("i", [NOBODY]) * len(self.plan.users)
        self._told = self._leaked[:]

    def begun(self, turn: Planned) -> None:
        with self._lock:
            known = self._known.setdefault(turn.session, [])
            self._sent[turn.op] = turn.session, len(known), self._numbers[turn.user]

    def prompt(self, event: Prompt) -> None:
        """One that is as long as prompts get may lack what is older."""
        with self._lock:
            self._prompted = True
            session, known, user = self._sent.get(event.op, ("", 0, NOBODY))
            if known and (self.window is None or len(event.messages) < 2 * self.window):
                there = {message.text for message in event.messages}
                self._lost.update(text for text in self._known[session][:known] if text not in there)
        if user == NOBODY:
            return
        owners = (self._asked.get(message.text, self.foreign(user, message.text)) for message in event.messages)
        owner = next((one for one in owners if one not in (NOBODY, user)), NOBODY)
        if owner != NOBODY:
            with self._lock:
                self._leaking.add(event.op)
                if self._leaked[user] == NOBODY:
                    self._leaked[user] = owner

    def ended(self, turn: Planned, served: Served, seconds: float) -> None:
        user = self._numbers[turn.user]
        foreign = self.foreign(user, served.text) if served.end == "ok" else NOBODY
        with self._lock:
            self._sent.pop(turn.op, None)
            if served.end == "ok":
                self._known.setdefault(turn.session, []).append(turn.text)
                self.answered += 1
                self._done[user] += 1
                self.times.append(seconds)
                for phase, took in served.phases.items():
                    total = self.phases.setdefault(phase, [0.0, 0])
                    total[0] += took
                    total[1] += 1
            elif served.end == "fail" or not served.text.startswith(("cancelled", "stopped")):
                self.failed += 1
            else:
                self.given_up += 1
            if foreign != NOBODY:
                self._leaking.add(turn.op)
                self._leaked[user] = self._told[user] = foreign

    def foreign(self, user: int, text: str) -> int:
        """The number of somebody else whose data is in the text, else NOBODY."""
        found = (self._owners.get(token, user) for token in CODE.findall(text))
        return next((owner for owner in found if owner != user), NOBODY)

    def moment(self, phase: str, seconds: float, in_flight: int) -> Progress:
        with self._lock:
            times, answered = sorted(self.times[-2000:]), self.answered
            done, leaked, told = self._done[:], self._leaked[:], self._told[:]
            lost, leaks = len(self._lost) if self._prompted else None, len(self._leaking)
        p50, p95, p99 = (percentile(times, share) for share in (0.5, 0.95, 0.99))
        return Progress(
            phase,
            self.turns,
            answered,
            self.failed,
            self.given_up,
            leaks,
            in_flight,
            seconds,
            answered / seconds if seconds else 0.0,
            p50,
            p95,
            p99,
            done,
            leaked,
            lost,
            told,
        )


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that this share of the ordered ones does not exceed; 0 if there are none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
