"""A conversation as chat messages, in the session's colour, and the sources of an answer, opened at what was quoted."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from langchain_core.messages import HumanMessage

from rag.chat import Source, sources_of
from rag.services import Services
from rag.sessions import StoredMessage
from rag.ui.avatar import badge
from rag.ui.chat.citations import linked
from rag.ui.escaping import count, escaped
from rag.ui.feedback import errors_shown
from rag.ui.markup import passage
from rag.ui.visitor import Visitor

ASSISTANT = ":material/support_agent:"


def draw(records: Sequence[StoredMessage], visitor: Visitor, services: Services) -> None:
    for number, record in enumerate(records):
        if isinstance(record.message, HumanMessage):
            asked(record.message.text, visitor)
        else:
            with st.chat_message("assistant", avatar=ASSISTANT):
                key = f"{record.turn}-{number}"
                answered(record.message.text, sources_of(record.message), services, visitor.session_id, key)


def asked(text: str, visitor: Visitor) -> None:
    with st.chat_message("user", avatar=badge(visitor.name, visitor.colour)):
        st.text(text)


def answered(text: str, sources: Sequence[Source], services: Services, session_id: str, key: str | None = None) -> None:
    """The answer, and below it what it quotes. key: tells the answers of a page apart; None: a click, which draws the
    page anew, would lose this one, so there is nothing to click."""
    markdown, cited = linked(text, sources)
    st.markdown(markdown)
    if not cited:
        return
    with st.expander(count(len(cited), "source"), icon=":material/menu_book:"):
        for source in cited:
            private = " :violet-badge[only in this session]" if source.private else ""
            st.markdown(f"**\\[{source.number}\\] {escaped(source.label)}**{private}")
            with st.container(border=True):
                passage(source.text, private=source.private)
            if key is None:
                continue
            if st.button(
                "Open article", key=f"open-{key}-{source.number}", icon=":material/open_in_full:", type="tertiary"
            ):
                article(source, services, session_id)


@st.dialog("Source", width="large", icon=":material/menu_book:")
@errors_shown()
def article(source: Source, services: Services, session_id: str) -> None:
    """The passage first, marked, in its section; the whole document below it."""
    collection = services.store.collection(session_id) if source.private else ""
    document = services.library.document(source.document_id, session_id, collection)
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
