"""How this server runs: whether it can answer, what it counted, whether two sessions stay apart, and its settings."""

from __future__ import annotations

import streamlit as st

from rag.ui import resources
from rag.ui.inspector import sign_in
from rag.ui.system import overview

services = resources.services()
if not sign_in.opened(services.settings, "System"):
    st.stop()

st.header("System", anchor=False)
st.caption("This process, and what it shares with others through Redis. Prometheus reads the same from `/metrics`.")
overview.draw(services)
