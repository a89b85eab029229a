"""The same chat. What is cached belongs to nobody; whose history it is, is said in each call."""

from __future__ import annotations

import os
from uuid import uuid4

import streamlit as st
from langchain_core.messages import AIMessage, HumanMessage

from crosswire import SessionStore, connect


@st.cache_resource
def store() -> SessionStore:
    return SessionStore(connect(os.environ.get("REDIS_URL", "embedded")), ttl=3600)


# Of this tab. A signed cookie or a login would also find it again after a reload.
session_id = st.session_state.setdefault("session_id", uuid4().hex)
if text := st.chat_input("Say something"):
    with store().turn(session_id) as turn:
        turn.commit([HumanMessage(text), AIMessage(f"Noted: {text}")])
for message in store().messages(session_id):
    st.chat_message("user" if message.type == "human" else "assistant").text(message.text)
