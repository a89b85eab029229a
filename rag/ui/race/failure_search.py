"""The lab's search for the shortest failure: it shows how far it is, can be stopped, and then keeps what it has."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import streamlit as st

from rag.crosstalk.explore.explorer import FILE_LIMIT, REDIS_LIMIT, Certificate, certify, temporary_lab
from rag.crosstalk.explore.scenes import Scene
from rag.crosstalk.strategies import find
from rag.inspector import Pace
from rag.settings import Settings
from rag.ui.background_job import Job, drop, progress, start

SLOT = "race_lab_search"


def begin(strategy: str, scene: Scene, settings: Settings) -> None:
    def look(pace: Pace, tell: Callable[[int], None]) -> Certificate:
        most = 0

        def found(schedules: int) -> None:
            nonlocal most
            tell(most := max(most, schedules))

        found(0)
        with temporary_lab(settings) as lab:
            return certify(strategy, scene, lab, progress=found, stop=pace.stop.is_set)

    start(SLOT, look, (strategy, scene))


def draw(strategy: str, scene: Scene) -> Job[int, Certificate] | None:
    """The search for this, once it is over; until then it is shown. A search for anything else ends."""
    job: Job[int, Certificate] | None = st.session_state.get(SLOT)
    if job is not None and job.about == (strategy, scene):
        if not job.running():
            return job
        progress(job, partial(_told, strategy, scene, job.begun), "race_search")
    else:
        drop(SLOT)
    return None


def _told(strategy: str, scene: Scene, begun: float, schedules: int) -> tuple[float | None, str]:
    seconds = time.monotonic() - begun
    text = f"Exploring {strategy}, {scene.people}: {schedules:,} schedules, {seconds:.0f} s"
    kind = find(strategy)
    if kind.in_process:  # states that are alike are played once: nobody knows how many there are
        return None, text
    return min(1.0, schedules / (REDIS_LIMIT if kind.uses_redis else FILE_LIMIT)), text
