"""The lab's search for the shortest failure: it shows how far it is, can be stopped, and then keeps what it has."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from rag.crosstalk.explore.explorer import FILE_LIMIT, REDIS_LIMIT, Certificate, certify, temporary_lab
from rag.crosstalk.explore.scenes import Scene
from rag.crosstalk.strategies import find
from rag.inspector import Pace
from rag.settings import Settings
from rag.ui.background_job import Job, progress

SOON = 0.4
"""Seconds in which most searches are over; nothing is worth showing before."""


class Search(NamedTuple):
    """Of one tab, for one memory and scene; its progress is in schedules."""

    strategy: str
    scene: Scene
    job: Job[int, Certificate]


def start(strategy: str, scene: Scene, settings: Settings) -> Search:
    def look(pace: Pace, tell: Callable[[int], None]) -> Certificate:
        most = 0

        def found(schedules: int) -> None:
            nonlocal most
            tell(most := max(most, schedules))

        found(0)
        with temporary_lab(settings) as lab:
            return certify(strategy, scene, lab, progress=found, stop=pace.stop.is_set)

    search = Search(strategy, scene, Job(look))
    search.job.wait(SOON)
    return search


def draw(search: Search) -> bool:
    """Whether it is over: else it is shown until it is, and the page is drawn anew then."""
    if search.job.running():
        progress(search.job, partial(_told, search), "race_search")
        return False
    return True


def _told(search: Search, schedules: int) -> tuple[float | None, str]:
    seconds = time.monotonic() - search.job.begun
    text = f"Exploring {search.strategy}, {search.scene.people}: {schedules:,} schedules, {seconds:.0f} s"
    kind = find(search.strategy)
    if kind.in_process:  # states that are alike are played once: nobody knows how many there are
        return None, text
    return min(1.0, schedules / (REDIS_LIMIT if kind.uses_redis else FILE_LIMIT)), text
