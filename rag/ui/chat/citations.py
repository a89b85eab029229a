"""The sources of an answer, and an article opened at the passage that was quoted."""

from __future__ import annotations

import streamlit as st

from rag.chat import Source
from rag.errors import CrosswireError, public_line
from rag.knowledge import Library
from rag.ui.escaping import count, escaped
from rag.ui.markup import passage


def draw(sources: tuple[Source, ...], library: Library, session_id: str, key: str) -> None:
    """Draw expandable citations. `key` tells the answers of a page apart."""
    if not sources:
        return
    with st.expander(count(len(sources), "source"), icon=":material/menu_book:"):
        for source in sources:
            _one(source, library, session_id, f"{key}-{source.number}")


def _one(source: Source, library: Library, session_id: str, key: str) -> None:
    private = " :violet-badge[only in this session]" if source.private else ""
    st.markdown(f"**\\[{source.number}\\] {escaped(source.label)}**{private}")
    with st.container(border=True):
        passage(source.text, private=source.private)
    if st.button("Open article", key=f"open-{key}", icon=":material/open_in_full:", type="tertiary"):
        article(source, library, session_id)


@st.dialog("Source", width="large", icon=":material/menu_book:")
def article(source: Source, library: Library, session_id: str) -> None:
    """The passage first, marked, in its section; the whole document below it."""
    try:
        document = library.document(source.document_id, session_id=session_id)
    except CrosswireError as exc:
        st.error(public_line(exc), icon=":material/error:")
        return
    st.subheader(escaped(source.label), anchor=False)
    with st.container(border=True):
        st.badge("Quoted here", icon=":material/format_quote:", color="violet")
        passage(source.text, private=source.private)
    if document is None:
        st.info("This document is no longer in the library. The passage above was stored with the answer.")
        return
    st.caption(f"{escaped(document.info.title)} · {escaped(document.info.name)}")
    with st.container(height=420, border=False):
        passage(document.text, private=source.private)
