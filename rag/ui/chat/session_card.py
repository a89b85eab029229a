"""The sidebar's card: who you are here, how long it lasts, and what you can do with it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from rag.chat.export import to_json, to_markdown
from rag.errors import CrosswireError
from rag.services import Services
from rag.sessions import StoredMessage
from rag.ui.avatar import badge
from rag.ui.escaping import duration
from rag.ui.feedback import download, errors_shown
from rag.ui.visitor import Visitor, forget_tab
from rag.web.sessions.switching import NEW_SESSION

REFRESH_SECONDS = 5

# A form, because only an HTTP answer can set an HttpOnly cookie. Constant text: nothing in it comes from anybody.
_NEW_SESSION_FORM = f"""
<form method="post" action="{NEW_SESSION}" target="_self" style="margin:0">
  <button type="submit" style="width:100%;min-height:2.5rem;padding:.25rem .75rem;border-radius:.5rem;font:inherit;
    cursor:pointer;color:inherit;background:transparent;border:1px solid rgba(128,128,160,.4)">New session</button>
</form>
"""


def draw(services: Services, visitor: Visitor, records: Sequence[StoredMessage]) -> None:
    with st.sidebar:
        picture, words = st.columns([1, 4], vertical_alignment="center")
        picture.image(badge(visitor.name, visitor.colour), width=44)
        words.markdown(f"**{visitor.name}**  \n:small[:gray[your session]]")
        _lifetime(services, visitor)
        if not visitor.lasting:
            st.warning(
                "Your browser blocks cookies for this site, so this conversation lives in this tab only: "
                "reloading starts a new one.",
                icon=":material/cookie_off:",
            )
        if visitor.lasting:
            st.html(_NEW_SESSION_FORM)
        elif st.button("New session", width="stretch"):
            forget_tab()
            st.rerun()
        if st.button("Clear history", icon=":material/delete:", width="stretch", disabled=not records):
            _confirm_clear(services, visitor)
        with st.popover("Download", icon=":material/download:", width="stretch", disabled=not records):
            file = visitor.name.lower().replace(" ", "-")
            markdown, as_json = partial(to_markdown, visitor.name, records), partial(to_json, visitor.name, records)
            download("As Markdown", markdown, f"{file}.md", "text/markdown", width="stretch")
            download("As JSON", as_json, f"{file}.json", "application/json", width="stretch")
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


@st.dialog("Clear this conversation?", icon=":material/delete:")
def _confirm_clear(services: Services, visitor: Visitor) -> None:
    st.write("This deletes all messages and documents of this session, in every tab. It cannot be undone.")
    with st.container(horizontal=True):
        if st.button("Delete", type="primary"):
            with errors_shown():
                services.store.clear(visitor.session_id)
                services.library.forget(visitor.session_id)
                st.session_state.pop("pending", None)
                st.rerun()
        if st.button("Cancel"):
            st.rerun()
