"""What a run gave: its report, and what was measured while it served."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rag.crosstalk.checker.check import Report
from rag.crosstalk.checker.observed import Step
from rag.crosstalk.run.ending import Lost
from rag.crosstalk.run.workload import Workload

MOST_STEPS = 10_000


@dataclass(frozen=True, slots=True)
class Figures:
    """Measured while serving. Times in seconds: of answered turns, `phases` on average. in flight: turns at once.

    round_trips: to Redis, a turn, others' included; None where the strategy uses none, or several processes do.
    """

    seconds: float
    turns: int
    answered: int
    failed: int
    given_up: int
    rate: float
    p50: float
    p95: float
    p99: float
    phases: dict[str, float]
    peak_in_flight: int
    mean_in_flight: float
    round_trips: float | None


@dataclass(frozen=True, slots=True)
class RunResult:
    """name: of the strategy or target. histories: how many sessions' final histories were read, None if none could be.

    problems: the first errors that turns ended with. log: where it is, None if it was not kept. lost: the memory was
    gone before the end. left: what the run could not delete, in one line; empty: nothing.
    """

    name: str
    run: str
    workload: Workload
    cancelled: float
    report: Report
    figures: Figures
    stopped: bool
    histories: int | None
    problems: tuple[str, ...]
    log: Path | None
    lost: Lost | None = None
    left: str = ""
    notes: tuple[str, ...] = ()
    """What a reader should know of how a target was asked, a line each."""
    steps: tuple[Step, ...] = ()
    """The answered turns in their order, at most MOST_STEPS of them. They are in the log, and not in `to_dict`."""

    def to_dict(self) -> dict[str, Any]:
        return {
            **self.report.to_dict(),
            "strategy": self.name,
            "run": self.run,
            "workload": {**self.workload.to_dict(), "cancelled": self.cancelled},
            "figures": asdict(self.figures),
            "stopped": self.stopped,
            "histories": self.histories,
            "problems": list(self.problems),
            "lost": asdict(self.lost) if self.lost else None,
            "left": self.left,
            "notes": list(self.notes),
        }
