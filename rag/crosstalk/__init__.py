"""The lab: many users at once against a memory, and a checker that says who saw whose data."""

from __future__ import annotations

from rag.crosstalk.checker import Report, check
from rag.crosstalk.exploring import Certificate, replay
from rag.crosstalk.exploring import explore_strategy as explore
from rag.crosstalk.runner import Figures, RunResult, simulate
from rag.crosstalk.strategies import STRATEGIES, Lab
from rag.crosstalk.watch import Progress
from rag.crosstalk.workload import BadWorkload, Workload

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
