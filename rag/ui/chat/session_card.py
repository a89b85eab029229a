"""The sidebar's card: who you are here, how long it lasts, and what you can do with it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from rag.chat.export import Stored, to_json, to_markdown
from rag.errors import CrosswireError
from rag.services import Services
from rag.ui.avatar import badge
from rag.ui.visitor import Visitor, forget_tab
from rag.web.identity import NEW_SESSION

REFRESH_SECONDS = 5

# A form, because only an HTTP answer can set an HttpOnly cookie. Constant text: nothing in it comes from anybody.
_NEW_SESSION_FORM = f"""
<form method="post" action="{NEW_SESSION}" target="_self" style="margin:0">
  <button type="submit" style="width:100%;min-height:2.5rem;padding:.25rem .75rem;border-radius:.5rem;font:inherit;
    cursor:pointer;color:inherit;background:transparent;border:1px solid rgba(128,128,160,.4)">New session</button>
</form>
"""


def draw(services: Services, visitor: Visitor, records: Sequence[Stored]) -> None:
    with st.sidebar:
        picture, words = st.columns([1, 4], vertical_alignment="center")
        picture.image(badge(visitor.name, visitor.colour), width=44)
        words.markdown(f"**{visitor.name}**  \n:small[:gray[your session]]")
        _lifetime(services, visitor)
        if not visitor.lasting:
            st.warning(
                "Your browser keeps no cookies for this site, so this conversation lives in this tab only: "
                "a reload starts a new one.",
                icon=":material/cookie_off:",
            )
        _new_session(visitor)
        _clear(services, visitor, bool(records))
        _download(visitor, records)
        st.caption(f"Model: {services.chat.model_name}")


@st.fragment(run_every=REFRESH_SECONDS)
def _lifetime(services: Services, visitor: Visitor) -> None:
    total = services.settings.session_ttl_seconds
    try:
        left = services.store.ttl(visitor.session_id)
    except CrosswireError:
        st.caption(":material/cloud_off: The session store cannot be reached.")
        return
    if left is None:
        st.caption("Nothing is stored yet. The first answer starts the clock.")
        return
    st.progress(min(1.0, max(0.0, left / total)), text=f"Forgotten in {duration(left)} unless you go on")


def duration(seconds: float) -> str:
    """`2 h 5 min`, `60 min`, `40 s`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 2 * 3600:
        return f"{whole // 60} min"
    return f"{whole // 3600} h {whole // 60 % 60} min"


def _new_session(visitor: Visitor) -> None:
    if visitor.lasting:
        st.html(_NEW_SESSION_FORM)
    elif st.button("New session", width="stretch"):
        forget_tab()
        st.rerun()


def _clear(services: Services, visitor: Visitor, any_messages: bool) -> None:
    if st.button("Clear history", icon=":material/delete:", width="stretch", disabled=not any_messages):
        _confirm_clear(services, visitor)


@st.dialog("Clear this conversation?", icon=":material/delete:")
def _confirm_clear(services: Services, visitor: Visitor) -> None:
    st.write("All messages and documents of this session are deleted, in every tab. This cannot be undone.")
    with st.container(horizontal=True):
        if st.button("Delete them", type="primary"):
            try:
                services.store.clear(visitor.session_id)
                services.library.forget(visitor.session_id)
            except CrosswireError as exc:
                st.error(str(exc), icon=":material/error:")
                return
            st.session_state.pop("pending", None)
            st.rerun()
        if st.button("Keep them"):
            st.rerun()


def _download(visitor: Visitor, records: Sequence[Stored]) -> None:
    stem = visitor.name.lower().replace(" ", "-")
    with st.popover("Download", icon=":material/download:", width="stretch", disabled=not records):
        st.download_button(
            "As Markdown",
            lambda: to_markdown(visitor.name, records),
            f"{stem}.md",
            "text/markdown",
            width="stretch",
            on_click="ignore",
        )
        st.download_button(
            "As JSON",
            lambda: to_json(visitor.name, records),
            f"{stem}.json",
            "application/json",
            width="stretch",
            on_click="ignore",
        )
