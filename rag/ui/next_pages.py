"""Where to go from a page: each is linked to its neighbours, the way that a finding is followed."""

from __future__ import annotations

import streamlit as st

NEXT = {
    "knowledge": (("chat", "Ask a question"),),
    "simulate": (("race_lab", "Step through the race"), ("inspector", "Look at the stored sessions")),
    "room": (("simulate", "Do it with 100 simulated users"), ("race_lab", "Step through the race")),
    "race_lab": (("simulate", "See it happen to 100 people"), ("inspector", "Look at real sessions")),
    "beliefs": (("race_lab", "Step through the race"), ("audit", "Audit a store")),
    "inspector": (("audit", "Audit a store"), ("race_lab", "Learn how sessions mix")),
    "system": (("inspector", "Look at the live sessions"), ("audit", "Audit a store")),
    "audit": (("simulate", "Run 100 people against a memory"), ("race_lab", "Step through a race")),
}
"""By page: its neighbours, and what one does there. The home page has its doors, and the chat's end is its input."""


def draw(page: str) -> None:
    """The links at the end of a page."""
    if page in NEXT:
        with st.container(horizontal=True, key="next-pages"):
            for other, label in NEXT[page]:
                link(other, label)


def link(page: str, label: str, **query: str) -> None:
    """A link to a page of this application, with its query: a schedule, a run."""
    st.page_link(f"{page}.py", label=label, icon=":material/arrow_forward:", icon_position="right", query_params=query)
