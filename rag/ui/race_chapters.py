"""The lesson's first four chapters: each a thing to do, and done when it was done."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import streamlit as st

from rag.crosstalk.scenes import Scene
from rag.settings import Settings
from rag.ui import race_board
from rag.ui.race_play import Look, look
from rag.ui.race_progress import done, reach

LEAK = frozenset({"foreign-read", "foreign-write"})
LOST = frozenset({"lost-update", "lost-append"})
TORN = frozenset({"torn-turn", "interleaved-turns", "mid-turn-read", "stale-prompt"})
INCIDENT = "AAAABBBB"


@dataclass(frozen=True, slots=True)
class Goal:
    """done: whether a finished run reaches it. hint: for somebody who is stuck."""

    name: str
    text: str
    done: Callable[[Collection[str]], bool]
    hint: str


def incident(settings: Settings) -> None:
    st.markdown("It is 2 AM. Two people use your chat. Nothing was hacked. Press play.")
    scene, slot = Scene(), "race_incident"
    linked = race_board.linked("incident")
    st.session_state.setdefault(slot, linked if INCIDENT.startswith(linked) else "")
    seen = look("lesson-shared", scene, st.session_state[slot], settings)
    race_board.link("incident", seen.schedule)
    race_board.phones(seen)
    with st.container(horizontal=True):
        label = "Play" if not seen.schedule else "Next"
        if st.button(label, type="primary", icon=":material/play_arrow:", disabled=seen.over, shortcut="Enter"):
            # A turn at a time: Ada's whole one, then Ben's.
            st.session_state[slot] = INCIDENT[: len(seen.schedule) + 4]
            st.rerun()
        if st.button("Again", icon=":material/replay:", disabled=not seen.schedule):
            st.session_state[slot] = ""
            st.rerun()
    if seen.over:
        reach(settings, "incident")
        st.error(
            "Ben's answer shows Ada's address. Ben did nothing wrong, and neither did Ada.", icon=":material/report:"
        )
        st.markdown(
            "What happened? The chat's memory is **one object**, made when the app started. Ada's words are in Ben's "
            "prompt, and the model answers from its prompt. It took no race: they came one after the other."
        )
        race_board.store(seen, 560)


def scheduler(settings: Settings) -> None:
    st.markdown("Now *you* decide who goes on. Both share one list; it is written after the model has answered.")
    _goals(
        "scheduler",
        "lesson-shared-late",
        Scene(),
        settings,
        (
            Goal(
                "leak",
                "make Ben see Ada's address.",
                lambda kinds: "foreign-read" in kinds,
                "Let Ada finish her turn before Ben loads.",
            ),
            Goal(
                "no-leak",
                "make it *not* happen, with the same code.",
                lambda kinds: "foreign-read" not in kinds,
                "Let both load before anybody saves. Now the prompts are clean, and the list is still everybody's.",
            ),
        ),
        "Luck decided. 60 of the 70 ways look fine, so a test would often have passed.",
    )


def deepcopy(settings: Settings) -> None:
    st.markdown("Somebody fixes it: each turn works on a **copy** of the memory, and writes the copy back.")
    _goals(
        "deepcopy",
        "lesson-deepcopy",
        Scene(),
        settings,
        (
            Goal(
                "lost",
                "lose a message that was acknowledged.",
                lambda kinds: bool(LOST & set(kinds)),
                "Let both load their copy first. Whoever saves last overwrites the other.",
            ),
        ),
        "Of 20 ways, 18 lose a message and 2 leak. None is right: the clever fix is worse.",
    )


def tabs(settings: Settings) -> None:
    st.markdown("A key for each session ends the leak. Now **one** person has two tabs open.")
    _goals(
        "tabs",
        "lesson-list",
        Scene(tabs=True),
        settings,
        (
            Goal(
                "torn",
                "tear a turn: let the tabs get between question and answer.",
                lambda kinds: bool(TORN & set(kinds)),
                "Let both tabs load before either saves.",
            ),
        ),
        "68 of 70 ways go wrong for two tabs, though nobody else ever sees a word.",
    )
    if done("tabs-torn"):
        st.divider()
        st.markdown(
            "And now with a **turn lock**: a turn holds its session from the read to the write. Try to break it."
        )
        seen = race_board.draw("lock", "lesson-turn-lock", Scene(tabs=True), settings)
        if seen is not None and seen.over:
            reach(settings, "lock")
            st.markdown("A tab that has to wait is not offered. There is no schedule left that goes wrong.")


def _goals(
    key: str, strategy: str, scene: Scene, settings: Settings, goals: tuple[Goal, ...], after: str
) -> Look | None:
    todo = [goal for goal in goals if not done(f"{key}-{goal.name}")]
    with st.container(horizontal=True, vertical_alignment="center"):
        icons = (":material/flag:" if goal in todo else ":material/check_circle:" for goal in goals)
        st.markdown("  \n".join(f"{icon} **Goal:** {goal.text}" for icon, goal in zip(icons, goals, strict=True)))
        if todo:
            with st.popover("A hint", icon=":material/lightbulb:"):
                st.write(todo[0].hint)
    seen = race_board.draw(key, strategy, scene, settings)
    if seen is not None and seen.outcome is not None:
        for goal in todo[:1]:
            if goal.done(seen.outcome.kinds):
                reach(settings, f"{key}-{goal.name}")
    if not todo:
        reach(settings, key)
        st.success(after, icon=":material/school:")
    return seen
