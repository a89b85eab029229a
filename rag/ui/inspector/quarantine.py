"""What was found in a session's history and is not shown to anybody; removed one by one, when changes are allowed."""

from __future__ import annotations

import streamlit as st

from rag.errors import CrosswireError
from rag.inspector.actions.changes import Acts
from rag.inspector.timestamps import shown
from rag.inspector.views.session import pretty
from rag.sessions.protocol.replies import Quarantined
from rag.ui.inspector.context import Desk


def draw(desk: Desk, session_id: str) -> None:
    try:
        found = desk.inspector.store.quarantined(session_id)
    except CrosswireError as exc:
        st.error(str(exc), icon=":material/error:")
        return
    if not found:
        st.caption("Nothing was put aside.")
    for number, one in enumerate(found[-20:]):
        st.caption(f"**{one.reason}**, {shown(one.at)}, {len(one.raw):,} bytes")
        if desk.reveal:
            st.code(pretty(one.raw), language="json", wrap_lines=True)
        if desk.changes and st.button("Remove", icon=":material/delete:", key=f"inspector_remove_{number}"):
            _confirm(desk, session_id, one)


@st.dialog("Remove this element?", icon=":material/delete:")
def _confirm(desk: Desk, session_id: str, one: Quarantined) -> None:
    st.write("It is deleted for good; its session is not changed otherwise. This cannot be undone.")
    if st.button("Remove it", type="primary"):
        try:
            Acts(desk.inspector, desk.who).remove_quarantined(session_id, one)
        except CrosswireError as exc:
            st.error(str(exc), icon=":material/error:")
            return
        st.rerun()
