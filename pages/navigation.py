"""The script that the application runs for each visitor: it names the pages and draws the chosen one."""

from __future__ import annotations

import streamlit as st

page = st.navigation(
    [
        st.Page("chat.py", title="Chat", icon=":material/forum:", default=True),
        st.Page("knowledge.py", title="Knowledge", icon=":material/menu_book:"),
        st.Page("simulate.py", title="Simulate", icon=":material/groups:"),
        st.Page("race_lab.py", title="Race lab", icon=":material/alt_route:"),
        st.Page("inspector.py", title="Inspector", icon=":material/policy:"),
    ]
)
READ = {"Chat", "Knowledge"}  # text is easier to read in a narrow column
st.set_page_config(
    page_title=f"{page.title} · Crosswire", page_icon="🔀", layout="centered" if page.title in READ else "wide"
)
page.run()
