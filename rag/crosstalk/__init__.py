"""The lab: many users at once against a memory, and a checker that says who saw whose data."""

from __future__ import annotations

from rag.crosstalk.checker.check import Report, check
from rag.crosstalk.explore.explorer import Certificate, replay
from rag.crosstalk.explore.explorer import explore_strategy as explore
from rag.crosstalk.run.results import Figures, RunResult
from rag.crosstalk.run.runner import simulate
from rag.crosstalk.run.watch import Progress
from rag.crosstalk.run.workload import BadWorkload, Workload
from rag.crosstalk.strategies import STRATEGIES, Lab

__all__ = [
    "STRATEGIES",
    "BadWorkload",
    "Certificate",
    "Figures",
    "Lab",
    "Progress",
    "Report",
    "RunResult",
    "Workload",
    "check",
    "explore",
    "replay",
    "simulate",
]
