"""Every live session: how many, what is in them, how long they stay, and what is wrong with them."""

from __future__ import annotations

import streamlit as st

from rag.errors import CrosswireError
from rag.ui import (
    inspector_acts,
    inspector_audit,
    inspector_door,
    inspector_overview,
    inspector_scan,
    inspector_session,
    inspector_table,
    resources,
    visitor,
)
from rag.ui.inspector_desk import desk

services = resources.services()
if not inspector_door.opened(services.settings):
    st.stop()

st.set_page_config(layout="wide")
st.header("Inspector", anchor=False)
st.caption("Every live session on this server. Texts are masked until they are revealed; looking changes nothing.")

try:
    at = desk(services, visitor.visitor(services.settings))
    inspector_overview.draw(at)
    names = [inspector_table.TITLE, "Forensics", "Import", "Audit"] if at.ours else [inspector_table.TITLE, "Forensics"]
    sessions, forensics, *others = st.tabs(names, key="view", on_change="rerun")
    with sessions:
        if sessions.open:
            inspector_table.draw(at)
            chosen = inspector_table.chosen()
            inspector_acts.draw(at, chosen)
            if chosen:
                inspector_session.draw(at, chosen)
    with forensics:
        if forensics.open:
            inspector_scan.draw(at)
    for tab, draw in zip(others, (inspector_acts.bring_in, inspector_audit.draw), strict=False):
        with tab:
            if tab.open:
                draw(at)
    inspector_overview.charts(at)
except CrosswireError as exc:
    st.error(str(exc), icon=":material/error:")
