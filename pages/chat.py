"""The chat: this browser's own conversation, answered from the library."""

from __future__ import annotations

import streamlit as st

from rag.errors import CrosswireError, public_line
from rag.ui import resources, uploads, visitor
from rag.ui.chat import one_off, pending_question, session_card, suggestions, transcript

services = resources.services()
me = visitor.visitor(services.settings)

st.header("Ask the help centre", anchor=False)
if one_off.wanted():
    session_card.without_session(services)
    one_off.draw(services, me)
    st.stop()

st.caption(
    "Answers come from the Larkspur help centre and from what you say here. Nobody else can see this conversation."
)
pending_question.settle()
try:
    records = services.store.records(me.session_id)
except CrosswireError as exc:
    records = []
    st.error(public_line(exc), icon=":material/cloud_off:")
    if st.button("Try again", icon=":material/refresh:", key="reload"):
        st.rerun()

session_card.draw(services, me, records)
# A place of their own: what is drawn where they were would leave the last of them standing until the answer is there.
starters = st.empty()
if records and records[0].turn > 1:
    st.caption(f"Older turns were dropped: a session keeps its newest {services.settings.max_stored_turns:,}.")
transcript.draw(records, me, services)

typed = st.chat_input(
    "Ask about orders, delivery, returns …",
    key=pending_question.DRAFT,
    max_chars=4000,
    accept_file="multiple",
    file_type=uploads.FILE_TYPES,
    max_upload_size=uploads.MOST_MEGABYTES,
)
if typed:
    pending_question.take(typed.text, typed.files, services, me)
if not records and pending_question.pending() is None:
    with starters.container():
        suggestions.draw(pending_question.ask)
pending_question.run(services, me)
