"""Whether a strategy's leaks take a race: a log of turns that overlapped cannot tell, and the explorer can."""

from __future__ import annotations

from dataclasses import replace

from rag.crosstalk.checker.findings import Report
from rag.crosstalk.checker.sentences import CAUSES, Cause
from rag.crosstalk.explore.explorer import certify, make_scene, scenes_of
from rag.crosstalk.explore.outcomes import GROUPS
from rag.crosstalk.strategies import Lab

_FOUND = " So explore finds it, with two users; this log alone cannot tell."


def explored(report: Report, strategy: str, lab: Lab) -> Report:
    """With the cause of its leaks, where it does not know it and two users show it."""
    if report.cause != "cannot tell":
        return report
    try:
        found = _cause(strategy, lab)
    except Exception:  # whatever a store raises that is gone by now: the report is worth more than this
        found = None
    return report if found is None else replace(report, cause=found, about_cause=CAUSES[found] + _FOUND)


def _cause(strategy: str, lab: Lab) -> Cause | None:
    scenes = scenes_of(strategy, make_scene(), given=False)
    bounds: tuple[tuple[int, Cause], ...] = ((0, "scope bug"), (1, "race"))
    for bound, cause in bounds:
        for scene in scenes:
            found = certify(strategy, scene, lab, bound=bound).explored
            if any(found.in_group(group)[0] for group in GROUPS if group.leak):
                return cause
    return None
