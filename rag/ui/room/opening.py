"""Before there is a room: what it is, and the button that opens one."""

from __future__ import annotations

import streamlit as st

from rag.crosstalk.room.act import MEMORIES
from rag.crosstalk.room.room import MOST_PEOPLE, RIGHT, WRONG
from rag.crosstalk.room.rooms import Rooms
from rag.crosstalk.strategies import STRATEGIES
from rag.ui import presenter
from rag.ui.feedback import errors_shown
from rag.ui.visitor import Visitor

WRONG_ONES = [name for name in MEMORIES if STRATEGIES[name].expects]
RIGHT_ONES = [name for name in MEMORIES if not STRATEGIES[name].expects]


def draw(rooms: Rooms, me: Visitor) -> None:
    st.caption(
        "People scan a code with their phones. Each gets a name, a colour and a made-up secret, and asks one chat. "
        "You switch its memory from right to wrong and back, and the wall shows who was shown whose secret."
    )
    another(rooms, me, "Open a room")
    st.caption(
        f"Up to {MOST_PEOPLE} phones. Nothing touches real sessions or Redis, and all of it is gone with the room."
    )
    presenter.link()


def another(rooms: Rooms, me: Visitor, label: str = "Open another room") -> None:
    if not me.lasting:
        st.warning(
            "This browser blocks cookies, so the room could not tell that you are its presenter.",
            icon=":material/cookie_off:",
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        told = "The Simulate page explains each of them."
        wrong = st.selectbox("Wrong memory", WRONG_ONES, WRONG_ONES.index(WRONG), _title, help=told, width=260)
        right = st.selectbox("Right memory", RIGHT_ONES, RIGHT_ONES.index(RIGHT), _title, width=260)
        opens = st.button(label, type="primary", icon=":material/meeting_room:")
        told = "Two phones on the wrong memory and two on the right one, here, for you to play."
        alone = st.button("Alone? Two phones here", icon=":material/splitscreen_left:", help=told)
    if opens or alone:
        with errors_shown():
            (rooms.open_beside if alone else rooms.open)(me.session_id, right, wrong)
            st.rerun()


def _title(name: str) -> str:
    return STRATEGIES[name].title
