"""The only `st.cache_resource` of the product. Every browser shares what it holds, so nothing in it is anybody's.

Sessions are never looked up here: a page gets its session id from `rag.ui.visitor` and passes it on.
"""

from __future__ import annotations

import streamlit as st

from rag.inspector.access import Guard
from rag.services import Services, build
from rag.settings import load


@st.cache_resource(show_spinner=False)
def services() -> Services:
    """The parts of this process. The first caller builds them; raises CrosswireError if it cannot."""
    return build(load())


@st.cache_resource(show_spinner=False)
def guard() -> Guard:
    """Counts wrong passwords for the inspector, of everybody together."""
    return Guard()


def close() -> None:
    """Close what was built; the next call of `services` builds anew."""
    services().close()
    services.clear()
