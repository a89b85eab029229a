"""The chapters of the race lab, one of which is open, and the way from each to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import streamlit as st

from rag.settings import Settings
from rag.ui.race import board, chapters, free_lab, interleavings, progress
from rag.ui.race.levels import REPORTS

SLOT = "race_chapter"
REPORT = "race_report"


@dataclass(frozen=True, slots=True)
class Chapter:
    """name: in the address. done: the goal that ends it. keeps: what it has in the address, besides its name."""

    name: str
    title: str
    done: str
    keeps: tuple[str, ...]
    draw: Callable[[Settings, str], None]


def _level(settings: Settings, name: str) -> None:
    chapters.play(name, settings, onward=_onward(name))


def _tabs(settings: Settings, name: str) -> None:
    """Two levels: what goes wrong, and what holds."""
    at = st.session_state.get("race_tabs_level", "lock" if st.query_params.get("lock") else "tabs")
    if at == "tabs" or not progress.done("tabs"):
        board.addressed(lock="")
        chapters.play("tabs", settings, onward=("Now with a lock", partial(_turn_to, "lock")))
    else:
        board.addressed(tabs="")
        chapters.play("lock", settings, onward=_onward(name))
        st.button("Back to the list without a lock", on_click=_turn_to, args=("tabs",))


def _reports(settings: Settings, name: str) -> None:
    """A level at a time; the one that is open stands in the address."""
    keys = list(REPORTS)
    asked = st.query_params.get("report", "")
    begun = next((key for key in keys if key in st.query_params), keys[0])
    at = st.session_state.setdefault(REPORT, asked if asked in REPORTS else begun)
    with st.container(horizontal=True, gap="small"):
        for key in keys:
            st.button(
                REPORTS[key].title,
                key=f"race_report_{key}",
                type="secondary" if key == at else "tertiary",
                icon=":material/check_circle:" if progress.done(key) else None,
                on_click=_open_report,
                args=(key,),
            )
    board.addressed(report=at, **dict.fromkeys((key for key in keys if key != at), ""))
    place = keys.index(at) + 1
    following = REPORTS[keys[place]].title if place < len(keys) else ""
    onward = (f"Next: {following}", partial(_open_report, keys[place])) if following else _onward(name)
    chapters.play(at, settings, onward=onward)
    if all(progress.done(key) for key in keys):
        progress.reach(settings, name)


def _open_report(key: str) -> None:
    st.session_state[REPORT] = key


def _turn_to(level: str) -> None:
    st.session_state["race_tabs_level"] = level


def _every(settings: Settings, name: str) -> None:
    interleavings.draw(settings, _onward(name))


def _lab(settings: Settings, _: str) -> None:
    free_lab.draw(settings)


OF_A_SCENE = ("strategy", "users", "tabs", "turns", "cancels", "schedule")
CHAPTERS = (
    Chapter("incident", "2 AM", "incident", ("incident",), _level),
    Chapter("scheduler", "You are the scheduler", "scheduler", ("scheduler",), _level),
    Chapter("deepcopy", "The clever fix", "deepcopy", ("deepcopy",), _level),
    Chapter("tabs", "Two tabs", "lock", ("tabs", "lock"), _tabs),
    Chapter("every", "Every interleaving", "every", ("every", "memory"), _every),
    Chapter("reports", "Real reports", "reports", ("report", *REPORTS), _reports),
    Chapter("lab", "Lab", "", OF_A_SCENE, _lab),
)
NUMBERED = ("incident", "scheduler", "deepcopy", "tabs", "every", "lab")
"""What the numbers stood for that links had before they had names."""


def draw(settings: Settings) -> None:
    progress.recall(settings)
    st.session_state.setdefault(SLOT, _asked())
    number = next(place for place, one in enumerate(CHAPTERS) if one.name == st.session_state[SLOT])
    # Buttons, not a segmented control: what that sends is its label, and these change when a chapter is done.
    with st.container(horizontal=True, gap="small"):
        for place, one in enumerate(CHAPTERS):
            st.button(
                f"{place + 1}. {one.title}",
                key=f"race_chapter_{one.name}",
                type="primary" if place == number else "secondary",
                icon=":material/check_circle:" if progress.done(one.done) else None,
                on_click=go,
                args=(one.name,),
            )
    chapter = CHAPTERS[number]
    for name in set(st.query_params) - {"chapter", *chapter.keeps}:
        st.query_params.pop(name, None)
    board.addressed(chapter=chapter.name)
    chapter.draw(settings, chapter.name)


def go(name: str) -> None:
    st.session_state[SLOT] = name


def _asked() -> str:
    """By the address: a chapter's name, its number in older links, or what only the lab has."""
    asked = st.query_params.get("chapter", "lab" if "strategy" in st.query_params else "")
    if asked.isdecimal() and len(asked) == 1 and 0 < int(asked) <= len(NUMBERED):
        return NUMBERED[int(asked) - 1]
    return asked if any(asked == one.name for one in CHAPTERS) else CHAPTERS[0].name


def _onward(name: str) -> tuple[str, Callable[[], None]] | None:
    place = next(place for place, one in enumerate(CHAPTERS, 1) if one.name == name)
    if place == len(CHAPTERS):
        return None
    following = CHAPTERS[place]
    return f"Next: {following.title}", partial(go, following.name)
