"""Three ways in: see it, debug it, learn it."""

from __future__ import annotations

import streamlit as st

from rag.ui import next_pages, presenter

DOORS = {
    "See it": (
        "Send 100 users at once through a memory or your own chat, and get a verdict: who saw whose data.",
        (("simulate", "Run a simulation"), ("room", "Try it with a room full of phones"), ("chat", "Try the chat")),
    ),
    "Debug it": (
        "Open live sessions, search them for other users’ data, and audit the store that keeps them.",
        (("inspector", "Open the inspector"), ("audit", "Audit a store")),
    ),
    "Learn it": (
        "Step two requests through the code until one user’s message lands in the other’s chat.",
        (("race_lab", "Enter the race lab"), ("beliefs", "Test what you believe")),
    ),
}


def draw() -> None:
    for column, (title, (words, links)) in zip(st.columns(len(DOORS)), DOORS.items(), strict=True):
        with column.container(border=True, height="stretch"):
            st.markdown(f"### {title}")
            st.write(words)
            for page, label in links:
                next_pages.link(page, label)
            if title == "Learn it":
                presenter.link()
