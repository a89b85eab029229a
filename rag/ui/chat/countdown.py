"""When a question that was refused may be asked again, second by second."""

from __future__ import annotations

from time import monotonic

import streamlit as st

from rag.errors import OverLimit

ICON = ":material/hourglass_top:"


def draw(refused: OverLimit, at: float) -> bool:
    """Say it, and draw the page anew when it is over. at: in `time.monotonic` seconds. True: it is over."""
    if at <= monotonic():
        st.info("You can ask again now.", icon=":material/check_circle:")
        return True
    st.fragment(_tick, run_every=1)(refused, at)
    return False


def _tick(refused: OverLimit, at: float) -> None:
    left = at - monotonic()
    if left <= 0:
        st.rerun()
    st.warning(str(OverLimit(refused.reason, left)), icon=ICON)
