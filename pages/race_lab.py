"""The race lab: a lesson that one plays, chapter by chapter, and a free lab."""

from __future__ import annotations

import streamlit as st

from rag.ui import resources
from rag.ui.race import course

settings = resources.services().settings
# The phones, with what is wrong on them, are to be seen without scrolling.
st.html("<style>.stMainBlockContainer {padding: 3.75rem clamp(1rem, 2.5vw, 3rem) 3rem}</style>")
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
    st.header("Race lab", anchor=False, width="content")
    if st.toggle("Large type", key="race_presenter", help="For presenting"):
        st.html("<style>html {font-size: 22px}</style>")
course.draw(settings)
