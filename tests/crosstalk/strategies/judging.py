"""Whether a run showed what its strategy is listed with: those kinds, and no others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rag.crosstalk import Lab, Progress, Workload, simulate
from rag.crosstalk.strategies import find


def judge(
    name: str,
    lab: Lab,
    seed: int,
    users: int = 100,
    progress: Callable[[Progress], None] | None = None,
    **changes: Any,
) -> dict[str, int]:
    """Run it, and fail where it found too little or too much. Returns what it found."""
    workload = Workload(users=users, turns=3, latency="0.003~0.5", seed=seed, **changes)
    result = simulate(name, workload, lab=lab, progress=progress)
    kind = find(name)
    expected = kind.expected(
        tabs=workload.tabs,
        processes=workload.processes,
        cancelled=result.cancelled,
        restart=workload.restart,
    )
    found = {kind: count for kind, count in result.report.counts.items() if count}
    where = f"{name}, seed {seed}, {changes}"
    assert found.keys() >= expected, f"{where}: missing {expected - found.keys()}, found {found}"
    allowed = expected | kind.possible(lab, tabs=workload.tabs, processes=workload.processes, restart=workload.restart)
    assert found.keys() <= allowed, f"{where}: also {found.keys() - allowed} of {found}"
    assert result.problems == (), f"{where}: {result.problems}"
    assert result.report.verdict == ("anomalies" if found else "isolated"), f"{where}: {result.report.why}"
    return found
