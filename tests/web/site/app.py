"""A Streamlit application with our cookie and our API on a scripted chat: what test_streamlit.py serves."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from rag.chat import Event, Token
from rag.web.api import ApiFirst
from rag.web.identity import SessionCookie
from tests.web.scripted import ScriptedServices

GATE = Path(os.environ["GATE"])

services = ScriptedServices()


@retry(retry=retry_if_result(lambda there: not there), stop=stop_after_delay(30), wait=wait_fixed(0.02))
def gate_is_open() -> bool:
    return GATE.exists()


def script() -> Generator[Event]:
    yield Token("Before the gate, ")
    gate_is_open()
    yield Token("after the gate.")


services.chat.script = script

app = st.App(
    Path(__file__).with_name("page.py"),
    middleware=[
        Middleware(SessionCookie, secret=os.environ["SESSION_SECRET"]),
        Middleware(ApiFirst, services=lambda: services.typed),
    ],
)
