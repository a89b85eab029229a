"""The chat: this browser's own conversation, answered from the library."""

from __future__ import annotations

import streamlit as st

from rag.errors import CrosswireError, public_line
from rag.ui import resources, visitor
from rag.ui.chat import pending_question, session_card, suggestions, transcript

services = resources.services()
me = visitor.visitor(services.settings)

st.header("Ask the help centre", anchor=False)
st.caption(
    "Answers quote the Larkspur help centre and what you said here. "
    "Nobody else sees this conversation, and it sees nobody else's."
)

try:
    records = services.store.records(me.session_id)
except CrosswireError as exc:
    records = []
    st.error(public_line(exc), icon=":material/cloud_off:")
    if st.button("Try again", icon=":material/refresh:", key="reload"):
        st.rerun()

session_card.draw(services, me, records)
if records and records[0].turn > 1:
    st.caption(f"Earlier turns are gone: a session keeps its newest {services.settings.max_stored_turns:,}.")
transcript.draw(records, me, services.library)

typed = st.chat_input("Ask about orders, delivery, returns …", key=pending_question.DRAFT, max_chars=4000)
chosen = suggestions.draw() if not records and pending_question.pending() is None else None
if question := typed or chosen:
    pending_question.ask(question)
    if chosen:
        st.rerun()
pending_question.run(services.chat, me)
