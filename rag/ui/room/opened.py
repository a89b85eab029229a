"""A room that is open: its wall, and how phones find it."""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st

from rag.crosstalk.room.room import Room
from rag.crosstalk.room.rooms import Rooms
from rag.settings import origin_of
from rag.ui.feedback import errors_shown
from rag.ui.room.address import LONGEST, candidates, listens_to_others
from rag.ui.visitor import Visitor


def draw(rooms: Rooms, me: Visitor, room: Room) -> None:
    url = str(st.context.url or "")
    if not room.address:
        room.address = next(iter(candidates(url)), "")
    base = urlsplit(url).path.rpartition("/")[0]
    theme = st.context.theme.type or "light"
    st.iframe(f"{base}/r/{room.code}/wall?theme={theme}", height=640)
    with st.expander("Phones cannot open it?", icon=":material/wifi_find:"):
        _address(room)
    if st.button("End the room", icon=":material/stop_circle:"):
        with errors_shown():
            rooms.end(room.code, me.session_id)
            st.rerun()


def _address(room: Room) -> None:
    if not listens_to_others():
        st.warning(
            "This server listens to this machine alone. Start it with `--server.address 0.0.0.0` "
            "(`crosswire run --address 0.0.0.0`), or put a proxy in front of it.",
            icon=":material/lan:",
        )
    typed = st.text_input(
        "Address of this server", room.address, max_chars=LONGEST, help="As a phone reaches it: scheme, host and port."
    )
    found = origin_of(typed.strip().rstrip("/"))
    if found is None:
        st.error("Expected an address like http://192.168.1.20:8501.", icon=":material/error:")
    elif found != room.address:
        room.address = found
        room.version += 1
        st.rerun()
