"""First questions for somebody who looks at an empty conversation."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

FIRST_QUESTIONS = (
    "How long do I have to return something?",
    "What does express delivery cost?",
    "My order is ORD-48213 and it goes to 12 Elm Street. Can I still cancel it?",
    "How are my messages kept apart from other people's?",
)


def draw(ask: Callable[[str], None]) -> None:
    """ask: called before the page is drawn again, with the question that was clicked."""
    st.markdown("##### Start with one of these")
    for number, question in enumerate(FIRST_QUESTIONS):
        st.button(
            question,
            key=f"first-{number}",
            icon=":material/chat_bubble:",
            width="stretch",
            on_click=ask,
            args=(question,),
        )
