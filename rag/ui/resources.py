"""The only `st.cache_resource` of the product. Every browser shares what it holds, so nothing in it is anybody's.

Sessions are never looked up here: a page gets its session id from `rag.ui.visitor` and passes it on.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from rag.audit.run.background import Audits
from rag.crosstalk import Lab
from rag.crosstalk.background.comparisons import Weighing
from rag.crosstalk.background.runs import Runs
from rag.crosstalk.beliefs import Measurements
from rag.crosstalk.room.rooms import Rooms
from rag.inspector.access import Guard
from rag.services import Services, build
from rag.settings import Settings, load


@st.cache_resource(show_spinner=False)
def services() -> Services:
    """The parts of this process. The first caller builds them; raises CrosswireError if it cannot."""
    return build(load())


@st.cache_resource(show_spinner=False)
def guard() -> Guard:
    """Counts wrong passwords for the inspector, of everybody together."""
    return Guard()


@st.cache_resource(show_spinner=False)
def runs() -> Runs:
    """The simulations of this process. Each call of it names the session that they belong to."""
    built = services()
    return Runs(built.settings.state_dir / "runs", partial(_lab, built.settings), built.library.search)


@st.cache_resource(show_spinner=False)
def weighing() -> Weighing:
    """The tables that compare memories; each call of it names the session that they belong to."""
    settings = services().settings
    return Weighing(settings.state_dir / "runs", partial(_lab, settings))


@st.cache_resource(show_spinner=False)
def measurements() -> Measurements:
    """What measures beliefs; it keeps nothing of who asked."""
    return Measurements(partial(_lab, services().settings))


@st.cache_resource(show_spinner=False)
def audits() -> Audits:
    """The audits of this process; each call of it names the session that they belong to."""
    return Audits()


@st.cache_resource(show_spinner=False)
def rooms() -> Rooms:
    """The rooms of this process, by their codes; each call names the phone or the presenter that it is for."""
    return Rooms()


def _lab(settings: Settings, folder: Path) -> Lab:
    """Simulated sessions are stored where the app's are, so that the inspector shows them."""
    return Lab(
        folder,
        "sim:",
        redis_url=settings.redis_url,
        state_dir=settings.state_dir,
        history_prefix=settings.history_prefix,
    )


def close() -> None:
    """Close what was built; the next call of `services` builds anew."""
    for resource in (rooms, runs, weighing, measurements, audits, services):
        resource().close()
        resource.clear()
