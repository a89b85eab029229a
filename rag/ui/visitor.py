"""Whose page this is: the one place where a page learns its session id, from this connection's cookie alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st

from rag.colours import colour
from rag.errors import CrosswireError, NewerCookie, public_line
from rag.sessions.names import friendly_name
from rag.settings import Settings
from rag.ui import resources
from rag.web.cookie import read_ticket
from rag.web.identity import session_secret
from rag.web.sessions.revocation import is_over
from rag.web.sessions.token import earlier, new_token, session_id_of

_TAB_TOKEN = "tab_token"  # noqa: S105 - the name of a slot


@dataclass(frozen=True, slots=True)
class Visitor:
    """One browser, or one tab where the browser keeps no cookies."""

    session_id: str
    lasting: bool
    """False when the session ends with this tab, because cookies are blocked."""
    earlier: Mapping[int, str] = field(default_factory=dict)
    """Ids of the sessions that this browser can go back to, by their numbers in its cookie, the newest first."""

    @property
    def address(self) -> str | None:
        """Of this script run's connection, as the server says it; None: this machine's."""
        return st.context.ip_address

    @property
    def name(self) -> str:
        return friendly_name(self.session_id)

    @property
    def colour(self) -> str:
        return colour(self.session_id)


def visitor(settings: Settings) -> Visitor:
    """The visitor that this script run draws for."""
    try:
        ticket = read_ticket(st.context.cookies.to_dict(), session_secret(settings))
        if ticket is not None:
            _leave_if_over(ticket.token)
    except NewerCookie as exc:
        st.info(public_line(exc), icon=":material/update:")
        st.stop()
    if ticket is not None:
        return Visitor(ticket.session_id, lasting=True, earlier=earlier(ticket.token))
    # Streamlit keeps session_state for each connection apart, so the token stays with this tab.
    token = st.session_state.setdefault(_TAB_TOKEN, new_token())
    return Visitor(session_id_of(token), lasting=False)


def _leave_if_over(token: str) -> None:
    """A tab stays connected with the cookie that it was opened with: that may have ended meanwhile."""
    try:
        ended = is_over(resources.services().store.revocations, token)
    except NewerCookie:
        raise
    except CrosswireError:  # without the store nothing of a session is shown
        return
    if ended:
        st.info("This browser has changed its session in another tab: reload this page.", icon=":material/sync:")
        st.stop()


def forget_tab() -> None:
    """Make the next run of a tab without cookies a new visitor."""
    st.session_state.pop(_TAB_TOKEN, None)
