"""A conversation as chat messages. The person's colour is the session's colour."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from langchain_core.messages import HumanMessage

from rag.chat import sources_of
from rag.chat.export import Stored
from rag.knowledge import Library
from rag.ui.avatar import badge
from rag.ui.chat import citations
from rag.ui.markup import drawn
from rag.ui.visitor import Visitor

ASSISTANT = ":material/support_agent:"


def draw(records: Sequence[Stored], visitor: Visitor, library: Library) -> None:
    for number, record in enumerate(records):
        if isinstance(record.message, HumanMessage):
            asked(record.message.text, visitor)
        else:
            with st.chat_message("assistant", avatar=ASSISTANT):
                st.markdown(drawn(record.message.text))
                citations.draw(sources_of(record.message), library, visitor.session_id, f"{record.turn}-{number}")


def asked(text: str, visitor: Visitor) -> None:
    with st.chat_message("user", avatar=badge(visitor.name, visitor.colour)):
        st.text(text)
