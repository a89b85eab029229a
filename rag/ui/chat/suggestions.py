"""First questions for somebody who looks at an empty conversation."""

from __future__ import annotations

import streamlit as st

FIRST_QUESTIONS = (
    "How long do I have to return something?",
    "What does express delivery cost?",
    "My order is ORD-48213 and it goes to 12 Elm Street. Can I still cancel it?",
    "How are my messages kept apart from other people's?",
)


def draw() -> str | None:
    """The question that was clicked."""
    st.markdown("##### Start with one of these")
    for number, question in enumerate(FIRST_QUESTIONS):
        if st.button(question, key=f"first-{number}", icon=":material/chat_bubble:", width="stretch"):
            return question
    return None
