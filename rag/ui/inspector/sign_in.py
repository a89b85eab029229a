"""The inspector's door: drawn for whoever may not look (yet), and nothing else of the page with it."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from rag.errors import NewerCookie
from rag.inspector.access import NO_LOGIN, SHUT, Door, Login, door, opens_by_link
from rag.settings import Settings
from rag.ui import resources
from rag.web.cookie import INSPECTOR, CookieJar
from rag.web.identity import session_secret

_PASSED = "inspector_passed"


def linked(settings: Settings) -> bool:
    """Whether this browser came by a one-time link."""
    jar = CookieJar(session_secret(settings), INSPECTOR)
    with suppress(NewerCookie):
        return jar.read(st.context.cookies.to_dict().items(), https=False) is not None
    return False


def login() -> Login | None:
    """Whom Streamlit's own login named."""
    if not can_log_in() or not st.user.is_logged_in:
        return None
    return Login(str(st.user.get("email") or ""), st.user.get("email_verified") in (True, "true"))


def can_log_in() -> bool:
    try:
        return "auth" in st.secrets
    except FileNotFoundError:
        return False


def unlocked(settings: Settings) -> bool:
    """Whether this visitor may look. Draws nothing."""
    return _door(settings) == "open"


def opened(settings: Settings, page: str = "Inspector") -> bool:
    """The same. If not, the door is drawn, under the page's name."""
    state = _door(settings)
    if state == "open":
        return True
    st.header(page, anchor=False)
    if state == "shut" and opens_by_link(settings):
        st.info(SHUT, icon=":material/lock:")
        st.code("python -m rag inspect-link", language="bash")
        return False
    if state == "shut":
        st.error(NO_LOGIN, icon=":material/lock:")
        return False
    st.info(
        "This page shows what other people said, so it opens only for this server’s operators.", icon=":material/lock:"
    )
    if state in ("login", "either"):
        st.button("Log in", icon=":material/login:", type="primary", on_click=st.login)
    if state == "not listed":
        st.error(
            "You are logged in, but your e-mail address is not in INSPECTOR_EMAILS, or the login does not say that it "
            "was verified (email_verified).",
            icon=":material/block:",
        )
        st.button("Log out", on_click=st.logout)
    if state in ("password", "either"):
        _ask(settings, st.context.ip_address)
    return False


def _door(settings: Settings) -> Door:
    passed = bool(st.session_state.get(_PASSED))
    return door(settings, login(), linked=linked(settings), passed=passed, can_log_in=can_log_in())


def _ask(settings: Settings, address: str | None) -> None:
    with st.form("inspector_password_form", clear_on_submit=True, width=420):
        given = st.text_input("Password", type="password", max_chars=1000)
        if not st.form_submit_button("Open", type="primary"):
            return
    if refused := resources.guard().enter(settings, address, given):
        st.error(refused, icon=":material/block:")
    else:
        st.session_state[_PASSED] = True
        st.rerun()
