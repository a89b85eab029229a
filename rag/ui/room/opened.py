"""A room that is open: its wall, and how phones find it; when it has ended, its report."""

from __future__ import annotations

import streamlit as st

from rag.crosstalk.room.room import Room
from rag.crosstalk.room.rooms import Rooms
from rag.settings import origin_of
from rag.ui.escaping import duration
from rag.ui.feedback import errors_shown
from rag.ui.room import alone, report
from rag.ui.room.address import LONGEST, base_path, candidates, reachable
from rag.ui.visitor import Visitor

WALL_HEIGHT = 560
UNHEARD = (
    "Phones cannot reach this server: it only listens on this machine. Start it with "
    "`crosswire run --address 0.0.0.0` (or `--server.address 0.0.0.0`), or put a proxy in front of it."
)


def draw(rooms: Rooms, me: Visitor, room: Room) -> None:
    other = rooms.beside(room)
    if other is not None and other.ended is None:
        _end(rooms, me, room, other)
        alone.draw(rooms, me, other, room)
        return
    if not room.address:
        rooms.move(room.code, me.session_id, next(iter(candidates(str(st.context.url or ""))), ""))
    wall = f"{base_path()}/r/{room.code}/wall?theme={st.context.theme.type or 'light'}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.link_button("Wall in a window of its own", wall, icon=":material/open_in_new:")
        with st.popover("Phones cannot open it?", icon=":material/wifi_find:"):
            _address(rooms, me, room)
        _end(rooms, me, room)
    if not reachable(str(st.context.url or "")):
        st.warning(UNHEARD, icon=":material/lan:")
    with st.container(key="wall"):
        st.iframe(wall, height=WALL_HEIGHT, alt="The wall of the room")


def draw_ended(rooms: Rooms, me: Visitor, room: Room, left: float) -> None:
    """left: seconds for which it can still be had."""
    other = rooms.beside(room)
    st.caption(f"The room has ended. Its report is here for another {duration(left)}; save what you need.")
    with errors_shown():
        place = st.empty()

        def tell(done: int, of: int) -> None:
            place.progress(done / of, f"Checking memory {done + 1} of {of} …")

        codes = [one.code for one in (other, room) if one is not None]
        acts = [act for code in codes for act in rooms.acts(code, me.session_id, tell)]
        place.empty()
        report.draw(room.code, acts)


def _end(rooms: Rooms, me: Visitor, *ending: Room) -> None:
    if st.button("End the room", icon=":material/stop_circle:", help="Phones say goodbye; the report comes here."):
        with errors_shown():
            for room in ending:
                rooms.end(room.code, me.session_id)
            st.rerun()


def _address(rooms: Rooms, me: Visitor, room: Room) -> None:
    told = "As a phone reaches it: scheme, host and port. Phones have to be on the same network."
    typed = st.text_input("Address of this server", room.address, max_chars=LONGEST, help=told)
    found = origin_of(typed.strip().rstrip("/"))
    if found is None:
        st.error("Expected an address like http://192.168.1.20:8501.", icon=":material/error:")
    elif found != room.address:
        rooms.move(room.code, me.session_id, found)
        st.rerun()
