"""Whether a strategy's leaks take a race: a log of turns that overlapped cannot tell, and the explorer can."""

from __future__ import annotations

from dataclasses import replace

from rag.crosstalk.checker.anomalies import in_group
from rag.crosstalk.checker.findings import Report
from rag.crosstalk.checker.sentences import Cause
from rag.crosstalk.explore.explorer import make_scene, make_stage, scenes_of
from rag.crosstalk.explore.lab_address import lab_address
from rag.crosstalk.explore.schedules import Played, ordered
from rag.crosstalk.explore.stepping import Stage
from rag.crosstalk.strategies import Lab

FOUND: dict[Cause, str] = {
    "scope bug": "A scope bug, as explore finds it with two users: it leaks with one strictly after the other, so "
    "something is shared that must not be.",
    "race": "A race, as explore finds it with two users: it leaks only when one turn interrupts another.",
}
"""In place of what the log says, which cannot tell: one cause, from whoever is surer."""
_LEAKS = in_group("leak", "misplaced")


def explored(report: Report, strategy: str, lab: Lab) -> Report:
    """With the cause of its leaks, where it does not know it and two users show it."""
    if report.cause != "cannot tell":
        return report
    try:
        found = _cause(strategy, lab)
    except Exception:  # whatever a store raises that is gone by now: the report is worth more than this
        found = None
    if found is None:
        return report
    cause, address = found
    played = f" Step through it: /{address}" if cause == "race" else ""
    return replace(report, cause=cause, about_cause=f"{FOUND[cause]}{played}")


def _cause(strategy: str, lab: Lab) -> tuple[Cause, str] | None:
    """And the schedule that shows it, as an address in the race lab."""
    scenes = scenes_of(strategy, make_scene(), given=False)
    bounds: tuple[tuple[int, Cause], ...] = ((0, "scope bug"), (1, "race"))
    for bound, cause in bounds:
        for scene in scenes:
            if (schedule := _leaking(make_stage(strategy, scene, lab), bound)) is not None:
                return cause, lab_address(strategy, scene, schedule)
    return None


def _leaking(stage: Stage, bound: int) -> str | None:
    """A schedule with so many preemptions that leaks; the first one is enough."""
    schedules = (one for one in ordered(stage, bound) if isinstance(one, Played))
    return next((one.schedule for one in schedules if not _LEAKS.isdisjoint(one.outcome.kinds)), None)
