"""“Which memory should I use?”, measured: every strategy through the same four scenes, and what each one showed.

A yes is what these runs showed on this machine, not a proof; a no comes with its evidence.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from rag.crosstalk.checker.anomalies import breaking
from rag.crosstalk.checker.findings import Report, few_of_each
from rag.crosstalk.run.results import RunResult
from rag.crosstalk.run.runner import simulate
from rag.crosstalk.run.watch import Progress
from rag.crosstalk.run.workload import Workload
from rag.crosstalk.strategies import STRATEGIES, Lab, find

SCENES: dict[str, dict[str, Any]] = {
    "users": {},
    "tabs": {"tabs": 2},
    "processes": {"processes": 2},
    "restart": {"restart": True},
}
"""What each scene changes in the workload."""
EVIDENCE = 5
"""Anomalies of a kind and scene that a row keeps."""

_LOST = breaking("memory")
CRITERIA: dict[str, tuple[frozenset[str], tuple[str, ...]]] = {
    "isolated": (breaking("isolation"), tuple(SCENES)),
    "whole turns": (breaking("whole turns"), ("users", "tabs")),
    "nothing lost": (_LOST, ("users", "tabs")),
    "survives a restart": (_LOST, ("restart",)),
    "spans processes": (_LOST, ("processes",)),
}
"""Each question: the anomaly kinds that answer it with no, and the scenes that they are looked for in."""


def asked(name: str, criterion: str) -> bool:
    """Whether it is a question for this strategy: one that keeps nothing, by design, is not asked what it has kept."""
    return find(name).keeps or CRITERIA[criterion][0] != _LOST


@dataclass(frozen=True, slots=True)
class Weighed:
    """A row of the table. answers: to each of CRITERIA, None where a run could not tell or it is not `asked`.
    results: by scene."""

    name: str
    answers: Mapping[str, bool | None]
    results: Mapping[str, RunResult]

    @property
    def measured(self) -> RunResult:
        """The run that speed is read from: separate users, one process."""
        return self.results["users"]

    def against(self, criterion: str) -> list[tuple[str, str, int]]:
        """What speaks against it: scene, anomaly kind, how often."""
        kinds, scenes = CRITERIA[criterion]
        found = [(scene, self.results[scene].report.counts) for scene in scenes if scene in self.results]
        return [(scene, kind, count) for scene, counts in found for kind, count in counts.items() if kind in kinds]


@dataclass(frozen=True, slots=True)
class Row:
    """One memory. at: epoch seconds when it was measured; here: whether on this machine. answers: to each question,
    None where nothing can be said. rate: turns a second; p95: seconds.

    reports: by scene. round_trips: to Redis, a turn; None where there are none.
    """

    name: str
    answers: Mapping[str, bool | None]
    rate: float
    p95: float
    round_trips: float | None
    reports: Mapping[str, Report]
    at: float = 0.0
    here: bool = False

    def against(self, criterion: str) -> list[tuple[str, Report]]:
        """The scenes that speak against it, or that cannot tell, with what they showed."""
        kinds, scenes = CRITERIA[criterion]
        shown = [(scene, self.reports[scene]) for scene in scenes]
        return [(scene, one) for scene, one in shown if kinds & one.counts.keys() or one.verdict == "unknown"]


def brief(weighed: Weighed) -> Row:
    figures = weighed.measured.figures
    reports = {
        scene: replace(result.report, anomalies=tuple(few_of_each(result.report.anomalies, EVIDENCE)), seen=())
        for scene, result in weighed.results.items()
    }
    measured = figures.rate, figures.p95, figures.round_trips
    return Row(weighed.name, dict(weighed.answers), *measured, reports, time.time(), here=True)


def weigh(
    workload: Workload,
    lab: Lab,
    names: Iterable[str] = tuple(STRATEGIES),
    *,
    progress: Callable[[str, str, Progress], None] | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Weighed]:
    """Row by row, as they are measured. progress: is told strategy, scene and moment. Stopped: ends before the row."""
    stop = stop or threading.Event()
    for name in names:
        results = {}
        for scene, changes in SCENES.items():
            told = progress and partial(progress, name, scene)
            results[scene] = simulate(name, replace(workload, **changes), lab=lab, progress=told, stop=stop)
            if stop.is_set():
                return
        answers = {one: _answer(results, *of) if asked(name, one) else None for one, of in CRITERIA.items()}
        yield Weighed(name, answers, results)


def _answer(results: Mapping[str, RunResult], kinds: frozenset[str], scenes: Iterable[str]) -> bool | None:
    reports = [results[scene].report for scene in scenes]
    if any(count for report in reports for kind, count in report.counts.items() if kind in kinds):
        return False
    return None if any(report.verdict == "unknown" for report in reports) else True
