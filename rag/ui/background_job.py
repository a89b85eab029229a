"""Work that takes longer than a script run: in a thread of its own, looked at by the one tab that started it.

It stops by itself when nobody has looked for a while, so that a closed tab leaves nothing running.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread
from typing import Any, Generic, TypeVar

import streamlit as st

from rag.crosstalk.background import jobs
from rag.errors import CrosswireError, public_line
from rag.inspector import Pace

S = TypeVar("S")
T = TypeVar("T")
UNWATCHED = 20.0
SOON = 0.4
"""Seconds."""


Told = Callable[[CrosswireError], str]


class Job(Generic[S, T]):
    """work: is given a pace, whose `stop` ends it, and what to tell its progress to. told: as in `errors_shown`.

    problem: why there is no result, unless it was stopped."""

    def __init__(
        self, work: Callable[[Pace, Callable[[S], None]], T], about: object = None, told: Told = public_line
    ) -> None:
        self.about = about
        self.pace = Pace()
        self.begun = time.monotonic()
        self.progress: S | None = None
        self.result: T | None = None
        self.problem = ""
        self._work = work
        self._told = told
        self._watched = self.begun
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
            self.problem = self._told(exc)
        except Exception as exc:  # else the page would say that it was stopped, or nothing
            self.problem = jobs.told(exc, "Work in the background has failed")

    def _step(self, progress: S) -> None:
        self.progress = progress
        if time.monotonic() - self._watched > UNWATCHED:
            self.stop()


def start(
    slot: str, work: Callable[[Pace, Callable[[S], None]], T], about: object = None, told: Told = public_line
) -> Job[S, T]:
    """Begin it in this tab, instead of what it was doing there. Most jobs are short: it is waited for a moment."""
    drop(slot)
    job = st.session_state[slot] = Job(work, about, told)
    job.wait(SOON)
    return job


def drop(slot: str) -> None:
    if job := st.session_state.pop(slot, None):
        job.stop()


@st.fragment(run_every=0.5)
def progress(job: Job[S, Any], told: Callable[[S], tuple[float | None, str]], key: str) -> None:
    """How far it is, and a button that stops it. The page is drawn anew when it is over.

    told: the share of it that is done, None where nobody knows, and words for it.
    """
    if not job.running():
        st.rerun(scope="app")
    share, text = (0.0, "Reading …") if job.progress is None else told(job.progress)
    with st.container(horizontal=True, vertical_alignment="center"):
        if share is None:
            st.markdown(f":material/hourglass_top: {text}", width="content")
        else:
            st.progress(share, text=text)
        keeps = "Keeps what was found so far."
        st.button("Stop", icon=":material/stop:", help=keeps, key=f"{key}_stop", on_click=job.stop)
