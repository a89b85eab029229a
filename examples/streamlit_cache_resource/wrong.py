"""A chat whose history is a cached resource. There is one of it, for all browsers."""

from __future__ import annotations

import streamlit as st


@st.cache_resource
def history() -> list[tuple[str, str]]:
    return []  # the bug: made once, for everybody


said = history()
if text := st.chat_input("Say something"):
    said += [("user", text), ("assistant", f"Noted: {text}")]
for role, words in said:
    st.chat_message(role).text(words)
