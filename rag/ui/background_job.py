"""Work that takes longer than a script run: in a thread of its own, looked at by the one tab that started it.

It stops by itself when nobody has looked for a while, so that a closed tab leaves nothing running.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread
from typing import Any, Generic, TypeVar

import streamlit as st

from rag.errors import CrosswireError
from rag.inspector import Pace, Progress

T = TypeVar("T")
UNWATCHED = 20.0


class Job(Generic[T]):
    """work: is given a pace, whose `stop` ends it, and what to tell its progress to."""

    def __init__(self, work: Callable[[Pace, Callable[[Progress], None]], T]) -> None:
        self.pace = Pace()
        self.progress: Progress | None = None
        self.result: T | None = None
        self.problem = ""
        self._work = work
        self._watched = time.monotonic()
        self._thread = Thread(target=self._run, name="inspector", daemon=True)
        self._thread.start()

    def running(self) -> bool:
        """Also says that somebody still looks."""
        self._watched = time.monotonic()
        return self._thread.is_alive()

    def stop(self) -> None:
        self.pace.stop.set()

    def wait(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            self.result = self._work(self.pace, self._step)
        except CrosswireError as exc:
            self.problem = str(exc)

    def _step(self, progress: Progress) -> None:
        self.progress = progress
        if time.monotonic() - self._watched > UNWATCHED:
            self.stop()


@st.fragment(run_every=0.5)
def progress(job: Job[Any], told: Callable[[Progress], str], key: str) -> None:
    """How far it is, and a button that stops it. The page is drawn anew when it is over."""
    if not job.running():
        st.rerun(scope="app")
    step = job.progress
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(step.done if step else 0.0, text=told(step) if step else "Reading …")
        st.button("Stop", icon=":material/stop:", key=f"{key}_stop", on_click=job.stop)
