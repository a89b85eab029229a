"""The script that the application runs for each visitor: it names the pages and draws the chosen one."""

from __future__ import annotations

import streamlit as st

# Emoji, because of a Material icon the browser asks Google's server for a picture to put on the tab.
page = st.navigation(
    [
        st.Page("chat.py", title="Chat", icon="💬", default=True),
        st.Page("knowledge.py", title="Knowledge", icon="📚"),
        st.Page("simulate.py", title="Simulate", icon="👥"),
        st.Page("race_lab.py", title="Race lab", icon="🏁"),
        st.Page("inspector.py", title="Inspector", icon="🔍"),
    ]
)
READ = {"Chat", "Knowledge"}  # text is easier to read in a narrow column
st.set_page_config(
    page_title=f"{page.title} · Crosswire", page_icon="🔀", layout="centered" if page.title in READ else "wide"
)
page.run()
