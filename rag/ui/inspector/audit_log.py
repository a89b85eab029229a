"""The record of what was done to which session, newest first. It never holds what was said."""

from __future__ import annotations

import streamlit as st

from rag.inspector.timestamps import moment
from rag.safe_text import line
from rag.sessions.names import friendly_name
from rag.ui.inspector.context import Context


def draw(context: Context) -> None:
    entries = context.inspector.store.audit.read(200)
    if not entries:
        st.caption("Nothing logged yet.")
        return
    rows = [
        {
            "When": moment(entry.at),
            "Action": line(entry.what),
            "Session": friendly_name(entry.session),
            "Id": line(entry.session, 16),
            "Who": line(entry.who, 60),
            "Details": line(", ".join(f"{name} {text}" for name, text in entry.more.items()), 80),
        }
        for entry in entries
    ]
    st.dataframe(rows, hide_index=True, column_config={"When": st.column_config.DatetimeColumn(format="distance")})
    st.caption("The newest 200 entries. The log keeps about 10,000.")
