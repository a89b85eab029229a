"""What was found in a session's history and is not shown to anybody; removed one by one, when changes are allowed."""

from __future__ import annotations

import streamlit as st

from rag.inspector.actions.changes import Changes
from rag.inspector.timestamps import shown
from rag.inspector.views.session import View, pretty
from rag.sessions.protocol.replies import Quarantined
from rag.ui.feedback import errors_shown
from rag.ui.inspector.context import Context


@errors_shown("error", str)
def draw(context: Context, seen: View) -> None:
    found = context.inspector.store.quarantined(seen.id)
    if not found:
        st.caption("Nothing is quarantined.")
    for number, one in enumerate(found[-20:]):
        st.caption(f"**{one.reason}**, {shown(one.at)}, {len(one.raw):,} bytes")
        if context.reveal:
            st.code(pretty(one.raw), language="json", wrap_lines=True)
        if context.changes and st.button("Remove", icon=":material/delete:", key=f"inspector_remove_{number}"):
            _confirm(context, seen.id, one)


@st.dialog("Remove this element?", icon=":material/delete:")
def _confirm(context: Context, session_id: str, one: Quarantined) -> None:
    st.write("The element is deleted for good; the rest of the session stays. This cannot be undone.")
    if st.button("Remove", type="primary"):
        with errors_shown():
            Changes(context.inspector, context.who).remove_quarantined(session_id, one)
            st.rerun()
