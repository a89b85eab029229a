"""How long after its last turn a run has its verdict, and after that its whole report, with everything counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from rag.crosstalk.run.runner import simulate
from rag.crosstalk.run.watch import Progress
from rag.crosstalk.run.workload import Workload
from rag.crosstalk.strategies import Lab


@dataclass(frozen=True, slots=True)
class Row:
    """Seconds since the last turn, medians. found: anomalies in the report. shown: of users, how many were shown
    somebody else's data."""

    strategy: str
    verdict: float
    report: float
    slowest: float
    """Of all rounds, to the verdict."""
    found: int
    shown: int


def run(
    names: Sequence[str], workload: Workload, lab: Lab, rounds: int, progress: Callable[[str], None]
) -> Iterator[Row]:
    for name in names:
        verdicts, reports, last = [], [], None
        for number in range(rounds):
            progress(f"{name}: {number + 1} of {rounds}")
            at: dict[str, float] = {}

            def look(moment: Progress, at: dict[str, float] = at) -> None:
                at.setdefault(moment.phase, time.perf_counter())

            def stands(_: object, at: dict[str, float] = at) -> None:
                at["verdict"] = time.perf_counter()

            last = simulate(name, workload, lab=lab, progress=look, verdict=stands).report
            ended = at["reading"]
            verdicts.append(at["verdict"] - ended)
            reports.append(time.perf_counter() - ended)
        if last is not None:
            found = sum(last.counts.values())
            yield Row(name, median(verdicts), median(reports), max(verdicts), found, last.shown)
