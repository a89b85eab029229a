"""The front door: what this is, a recorded run that plays, and three ways in."""

from __future__ import annotations

import streamlit as st

from rag.ui.home import doors, field

# The first screen holds all of it, on a phone the sentence, the run and the first door.
CLOSER = """<style>
[data-testid="stMainBlockContainer"] {padding-top: 3.75rem}
@media (max-width: 640px) {.stHeading h2 {font-size: 1.6rem}}
</style>"""

st.html(CLOSER)
with st.container(horizontal_alignment="center"), st.container(width=1080):
    st.header("Does your chat show one user another user’s data?", anchor=False)
    field.draw()
    doors.draw()
