"""A Streamlit application with nothing but our cookie: what test_streamlit.py serves."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Route

from rag.web.identity import NEW_SESSION, SessionCookie, new_session

app = st.App(
    Path(__file__).with_name("page.py"),
    middleware=[Middleware(SessionCookie, secret=os.environ["SESSION_SECRET"])],
    routes=[Route(NEW_SESSION, new_session, methods=["POST"])],
)
