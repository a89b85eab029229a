"""The race lab: a lesson that one plays, in five chapters, and a free lab."""

from __future__ import annotations

import streamlit as st

from rag.ui import resources
from rag.ui.race import chapters, free_lab, interleavings, progress

CHAPTERS = ("2 AM", "You are the scheduler", "The clever fix", "Two tabs", "Every interleaving", "Lab")
KEYS = ("incident", "scheduler", "deepcopy", "lock", "every", "")
SCHEDULES = (("incident",), ("scheduler",), ("deepcopy",), ("tabs", "lock"), ("every", "memory"), ())
# What each chapter keeps in the address. The lab keeps all of its setting there. (A text here would be drawn.)

settings = resources.services().settings
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
    st.header("Race lab", anchor=False, width="content")
    if st.toggle("Large type", key="race_presenter", help="For presenting"):
        st.html("<style>html {font-size: 22px}</style>")

progress.recall(settings)
asked = st.query_params.get("chapter", "1")
st.session_state.setdefault("race_chapter", int(asked) if asked in tuple("123456") else 1)


def _open(chapter: int) -> None:
    st.session_state["race_chapter"] = chapter


# Buttons, not a segmented control: what that sends is its label, and these change when a chapter is done.
number = st.session_state["race_chapter"]
with st.container(horizontal=True, gap="small"):
    for place, name in enumerate(CHAPTERS, 1):
        done = progress.done(KEYS[place - 1])
        st.button(
            name if done else f"{place}. {name}",  # the mark takes the number's place, so that the line does not break
            key=f"race_chapter_{place}",
            type="primary" if place == number else "secondary",
            icon=":material/check_circle:" if done else None,
            on_click=_open,
            args=(place,),
        )
st.query_params["chapter"] = str(number)
if number != len(CHAPTERS):
    for name in set(st.query_params) - {"chapter", *SCHEDULES[number - 1]}:
        st.query_params.pop(name, None)

match number:
    case 1:
        chapters.incident(settings)
    case 2 | 3:
        chapters.play(KEYS[number - 1], settings)
    case 4:
        chapters.tabs(settings)
    case 5:
        interleavings.draw(settings)
    case _:
        free_lab.draw(settings)
