"""The lab's search for the shortest failure: it shows how far it is, can be stopped, and then keeps what it has."""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st

from rag.crosstalk.explore.explorer import FILE_LIMIT, REDIS_LIMIT, Certificate, certify, temporary_lab
from rag.crosstalk.explore.scenes import Scene
from rag.crosstalk.strategies import find
from rag.inspector import Progress
from rag.settings import Settings
from rag.ui.background_job import Job

SOON = 0.4
"""Seconds in which most searches are over; nothing is worth showing before."""


class Search:
    """Of one tab, for one memory and scene."""

    def __init__(self, strategy: str, scene: Scene, settings: Settings) -> None:
        self.about = strategy, scene
        self.schedules = 0
        self.begun = time.monotonic()
        self._settings = settings
        self.job: Job[Certificate] = Job(lambda pace, tell: self._look(pace.stop.is_set, tell))

    def _look(self, stop: Callable[[], bool], tell: Callable[[Progress], None]) -> Certificate:
        def found(schedules: int) -> None:
            self.schedules = max(self.schedules, schedules)
            tell(Progress(0, 0, schedules, 0, 0))

        strategy, scene = self.about
        with temporary_lab(self._settings) as lab:
            return certify(strategy, scene, lab, progress=found, stop=stop)


def draw(search: Search) -> bool:
    """Whether it is over: else it is shown until it is, and the page is drawn anew then."""
    search.job.wait(SOON if search.schedules == 0 else 0)
    if not search.job.running():
        return True
    _going(search)
    return False


@st.fragment(run_every=0.5)
def _going(search: Search) -> None:
    if not search.job.running():
        st.rerun()
    strategy, scene = search.about
    seconds = time.monotonic() - search.begun
    text = f"Exploring {strategy}, {scene.people}: {search.schedules:,} schedules, {seconds:.0f} s"
    with st.container(horizontal=True, vertical_alignment="center"):
        if most := _most(strategy):
            st.progress(min(1.0, search.schedules / most), text=text)
        else:
            st.markdown(f":material/hourglass_top: {text}", width="content")
        if st.button("Stop", icon=":material/stop:", help="Keeps what was found so far."):
            search.job.stop()


def _most(strategy: str) -> int:
    """Schedules that are played one by one, at most; 0 where states that are alike are played once."""
    kind = find(strategy)
    return 0 if kind.in_process else REDIS_LIMIT if kind.uses_redis else FILE_LIMIT
