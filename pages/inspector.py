"""Every live session: how many, what is in them, how long they stay, and what is wrong with them."""

from __future__ import annotations

import streamlit as st

from rag.errors import CrosswireError
from rag.ui import resources, visitor
from rag.ui.inspector import (
    actions,
    audit_log,
    examples,
    forensics,
    live_tail,
    overview,
    recorded_view,
    session_table,
    session_view,
    sign_in,
    traced_view,
)
from rag.ui.inspector.context import open_context

services = resources.services()
if not sign_in.opened(services.settings):
    st.stop()

st.set_page_config(layout="wide")
st.header("Inspector", anchor=False)
st.caption("Every live session on this server. Texts are masked until they are revealed; looking changes nothing.")

try:
    context = open_context(services, visitor.visitor(services.settings))
    if context.recorded is not None:
        recorded_view.draw(context, context.recorded)
        st.stop()
    if context.traced:
        traced_view.draw(context)
        st.stop()
    overview.draw(context)
    names = (
        [session_table.TITLE, "Forensics", live_tail.TITLE, "Import", "Audit"]
        if context.ours
        else [session_table.TITLE, "Forensics"]
    )
    live_tail.opening()
    sessions, scan, *others = st.tabs(names, key="view", on_change="rerun")
    with sessions:
        if sessions.open:
            session_table.draw(context)
            if not session_table.chosen():
                examples.draw(context, "table")
            chosen = session_table.chosen()
            actions.draw(context, chosen)
            if chosen:
                session_view.draw(context, chosen)
    with scan:
        if scan.open:
            forensics.draw(context)
    for tab, draw in zip(others, (live_tail.draw, actions.bring_in, audit_log.draw), strict=False):
        with tab:
            if tab.open:
                draw(context)
    overview.charts(context)
except CrosswireError as exc:
    st.error(str(exc), icon=":material/error:")
