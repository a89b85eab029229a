"""The sidebar's card: who you are here, how long it lasts, and what you can do with it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from rag.chat.export import to_json, to_markdown
from rag.erasure import LATER, clear
from rag.errors import CrosswireError, SessionStoreUnavailable
from rag.services import Services
from rag.sessions import StoredMessage
from rag.ui.avatar import badge
from rag.ui.chat import earlier_sessions, one_off, pending_question
from rag.ui.escaping import count, duration
from rag.ui.feedback import download, errors_shown
from rag.ui.visitor import Visitor, forget_tab
from rag.web.sessions.switching import NEW_SESSION

REFRESH_SECONDS = 5
DOCUMENTS_LATER = "documents_later"


def draw(services: Services, visitor: Visitor, records: Sequence[StoredMessage]) -> None:
    if st.session_state.pop(DOCUMENTS_LATER, False):
        st.toast(f"Messages are deleted. {LATER}", icon=":material/schedule:", duration="long")
    with st.sidebar:
        picture, words = st.columns([1, 4], vertical_alignment="center")
        picture.image(badge(visitor.name, visitor.colour), width=44, alt="")
        words.markdown(f"**{visitor.name}**  \n:small[:gray[your session]]")
        _lifetime(services, visitor)
        _documents(services, visitor)
        if not visitor.lasting:
            st.warning(
                "Your browser blocks cookies for this site, so this conversation lives in this tab only: "
                "reloading starts a new one.",
                icon=":material/cookie_off:",
            )
        if visitor.lasting:
            earlier_sessions.form(
                NEW_SESSION, "New session", "Starts an empty session. This one stays in the list below."
            )
        elif st.button("New session", width="stretch", help="Starts an empty session and discards this one."):
            with errors_shown():
                pending_question.end()
                _erase(services, visitor)
                pending_question.forget()
                forget_tab()
                st.rerun()
        clear = "Deletes this session’s messages and documents. The session itself stays."
        if st.button("Clear history", icon=":material/delete:", width="stretch", disabled=not records, help=clear):
            _confirm_clear(services, visitor)
        with st.popover("Download", icon=":material/download:", width="stretch", disabled=not records):
            file = visitor.name.lower().replace(" ", "-")
            markdown, as_json = partial(to_markdown, visitor.name, records), partial(to_json, visitor.name, records)
            download("As Markdown", markdown, f"{file}.md", "text/markdown", width="stretch")
            download("As JSON", as_json, f"{file}.json", "application/json", width="stretch")
        earlier_sessions.draw(services.store, visitor)
        _end(services)


def without_session(services: Services) -> None:
    """The card of one-off questions."""
    with st.sidebar:
        _end(services)


def _end(services: Services) -> None:
    one_off.switch()
    st.caption(f"Model: {services.chat.model_name}")


@st.fragment(run_every=REFRESH_SECONDS)
def _lifetime(services: Services, visitor: Visitor) -> None:
    try:
        left = services.store.ttl(visitor.session_id)
    except CrosswireError:
        st.caption(":material/cloud_off: The session store cannot be reached.")
        return
    if left is None:
        st.caption("Nothing stored yet.")
    else:
        share = left / services.settings.session_ttl_seconds
        st.progress(min(1.0, max(0.0, share)), text=f"Expires in {duration(left)} if idle")


@errors_shown()
def _documents(services: Services, visitor: Visitor) -> None:
    try:
        collection = services.store.collection(visitor.session_id)
    except SessionStoreUnavailable:
        return  # as the line above says
    own = sum(info.private for info in services.library.documents(visitor.session_id, collection))
    if own:
        st.page_link("knowledge.py", label=f"{count(own, 'document')} of your own", icon=":material/attach_file:")


@st.dialog("Clear this conversation?", icon=":material/delete:")
def _confirm_clear(services: Services, visitor: Visitor) -> None:
    st.write("This deletes all messages and documents of this session, in every tab. It cannot be undone.")
    with st.container(horizontal=True):
        if st.button("Delete", type="primary"):
            with errors_shown():
                pending_question.end()
                _erase(services, visitor)
                pending_question.forget()
                st.rerun()
        if st.button("Cancel"):
            st.rerun()


def _erase(services: Services, visitor: Visitor) -> None:
    if not clear(services, visitor.session_id).documents:
        st.session_state[DOCUMENTS_LATER] = True
