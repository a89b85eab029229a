"""Markdown of our own articles and of answers, as a page may draw it."""

from __future__ import annotations

import re

import streamlit as st

_RELATIVE_LINK = re.compile(r"\[([^\[\]]+)\]\((?!https?:|mailto:)[^()]*\)")


def passage(text: str, *, private: bool) -> None:
    """Draw a text from the library: articles are Markdown of ours, private documents are shown as they are."""
    if private:
        st.text(text)
    else:
        st.markdown(drawn(text))


def drawn(markdown: str) -> str:
    """Money is not LaTeX, and a link to another article's file leads nowhere in a browser: its words stay.

    A picture stays text: its address, which a document may have talked a model into, would tell its host what was said.
    """
    return _RELATIVE_LINK.sub(r"\1", markdown).replace("$", "\\$").replace("![", "!\\[")
