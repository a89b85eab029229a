"""The other sessions of this browser that are still stored, each a step away.

Forms, because only an HTTP answer can set an HttpOnly cookie. Their markup holds names of ours and numbers; a first
question, which somebody wrote, stands beside it as text.
"""

from __future__ import annotations

import streamlit as st

from rag.sessions import SessionStore
from rag.sessions.names import friendly_name
from rag.ui.escaping import count, duration, escaped
from rag.ui.feedback import errors_shown
from rag.ui.visitor import Visitor
from rag.web.sessions.switching import FORGET_SESSIONS, OPEN_SESSION

LONGEST = 60
"""Characters of a title."""
_STYLE = (
    "width:100%;min-height:2.5rem;padding:.25rem .75rem;border-radius:.5rem;font:inherit;font-size:.875rem;"
    "cursor:pointer;color:inherit;background:transparent;border:1px solid rgba(128,128,160,.4)"
)


def form(action: str, label: str, tip: str, number: int | None = None) -> None:
    """A button that asks the server, and comes back to this page. label, tip: constant texts or names of ours."""
    field = "" if number is None else f'<input type="hidden" name="number" value="{number}">'
    button = f'<button type="submit" title="{tip}" style="{_STYLE}">{label}</button>'
    st.html(f'<form method="post" action="{action}" target="_self" style="margin:0">{field}{button}</form>')


@errors_shown("cloud_off")
def draw(store: SessionStore, visitor: Visitor) -> None:
    live = store.live(visitor.earlier.values()) if visitor.earlier else set[str]()
    if not live:
        return
    st.divider()
    st.caption("Earlier sessions of this browser")
    for number, session_id in visitor.earlier.items():
        info = store.info(session_id) if session_id in live else None
        if info is None:
            continue
        form(OPEN_SESSION, friendly_name(session_id), "Go back to this session", number)
        title = f"{info.title[:LONGEST]} …" if len(info.title) > LONGEST else info.title
        left = f" · {duration(info.ttl)} left" if info.ttl is not None else ""
        st.caption(escaped(title or count(info.turns, "turn")) + left)
    if st.button("End all sessions", icon=":material/logout:", width="stretch", type="tertiary"):
        _confirm_end(len(live) + 1)


@st.dialog("End all sessions?", icon=":material/logout:")
def _confirm_end(sessions: int) -> None:
    st.write(f"This deletes {count(sessions, 'session')} of this browser and everything stored for them.")
    form(FORGET_SESSIONS, "End all sessions", "It cannot be undone")
