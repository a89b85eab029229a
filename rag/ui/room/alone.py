"""For who is alone: two phones on a wrong memory, and two on the right one beside them."""

from __future__ import annotations

import streamlit as st

from rag.crosstalk.room import views
from rag.crosstalk.room.room import Room
from rag.crosstalk.room.rooms import Rooms
from rag.ui.escaping import escaped
from rag.ui.room.address import base_path
from rag.ui.visitor import Visitor

PHONE_HEIGHT = 470


def draw(rooms: Rooms, me: Visitor, one: Room, other: Room) -> None:
    """one: on the wrong memory."""
    st.caption("Ask both phones on one side for their order number. Which is told the other's?")
    for side, room, title in zip(
        st.columns(2, gap="medium"), (one, other), ("Wrong memory", "Right memory"), strict=True
    ):
        with side:
            st.markdown(f"##### {title}: {room.act.kind.title}")
            _told(rooms, me, room.code)
            for place, number in zip(st.columns(2, gap="small"), (1, 2), strict=True):
                theme = st.context.theme.type or "light"
                address = f"{base_path()}/r/{room.code}?small&theme={theme}#{number}"
                place.iframe(address, height=PHONE_HEIGHT, alt=f"Phone {number}, {title}")


@st.fragment(run_every=1.0)
def _told(rooms: Rooms, me: Visitor, code: str) -> None:
    """What the checker says of it, in the same space whatever that is."""
    rooms.judge(code, me.session_id)
    with rooms.presented(code, me.session_id) as (room, now):
        wall = views.wall(room, now)
    with st.container(height=140, border=False):
        if wall["reached"]:
            st.error(f"**{wall['reached']} of 2 were shown the other one's secret.** {escaped(wall['sentence'])}")
        elif wall["turns"] > 2:
            st.success(f"Nobody was shown anybody else's secret, in {wall['turns']} turns.")
        else:
            st.info("Two people have said hello." if wall["turns"] == 2 else "Waiting for two phones …")
