"""The inspector's door: drawn for whoever may not look (yet), and nothing else of the page with it."""

from __future__ import annotations

import streamlit as st

from rag.inspector.access import SHUT, Caller, Login, door
from rag.settings import Settings
from rag.ui import resources

_PASSED = "inspector_passed"
FORWARDED = ("X-Forwarded-For", "X-Real-Ip", "Forwarded", "X-Forwarded-Host", "Via", "Cf-Connecting-Ip")


def caller() -> Caller:
    """Who asks, as this connection says."""
    headers = st.context.headers
    return Caller(
        st.context.ip_address,
        headers.get("Host") or "",
        headers.get("Origin") or "",
        any(headers.get(name) for name in FORWARDED),
    )


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


def opened(settings: Settings) -> bool:
    """Whether this visitor may look. If not, the door is drawn."""
    who, known = caller(), login()
    passed = bool(st.session_state.get(_PASSED))
    state = door(settings, who, known, passed=passed, can_log_in=can_log_in())
    if state == "open":
        return True
    st.header("Inspector", anchor=False)
    if state == "shut":
        st.error(SHUT, icon=":material/lock:")
        return False
    st.info(
        "This page shows what other people said. It opens to those who look after this server.", icon=":material/lock:"
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
        _ask(settings, who.address)
    return False


def _ask(settings: Settings, address: str | None) -> None:
    with st.form("inspector_password_form", clear_on_submit=True, width=420):
        given = st.text_input("Password", type="password", max_chars=1000)
        if not st.form_submit_button("Open", type="primary"):
            return
    refused = resources.guard().enter(settings, address, given)
    if refused:
        st.error(refused, icon=":material/block:")
    else:
        st.session_state[_PASSED] = True
        st.rerun()
