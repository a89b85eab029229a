"""How the store is doing: numbers that matter, when sessions end, and when they were last active."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st

from rag.inspector.views.overview import SLICE, Overview
from rag.ui.feedback import errors_shown
from rag.ui.inspector.context import Context
from rag.ui.palette import OWNERS

_KEPT = "inspector_overview"
"""What the numbers found last, for the charts."""
QUARANTINED = "Elements found so far that did not belong in a history. Nobody is shown them."


def draw(context: Context) -> None:
    if not context.ours:
        st.info(
            f"{context.inspector.layout.title}: read-only. Others keep no index, so there is no overview, and "
            "sessions are listed in the server's order.",
            icon=":material/visibility:",
        )
        return
    st.fragment(_numbers, run_every=context.every)(context)


def charts(context: Context) -> None:
    """Last on the page, because a browser takes longest to draw them."""
    if context.ours:
        with st.sidebar:
            st.fragment(_charts, run_every=context.every)()


@errors_shown("cloud_off", str)
def _numbers(context: Context) -> None:
    st.session_state.pop(_KEPT, None)
    seen = st.session_state[_KEPT] = context.inspector.overview()
    evicts = context.inspector.store.eviction()
    about, how = "", "Exact: every session is counted."
    if not seen.messages.exact:
        about = "≈"
        how = f"Estimated from 200 sessions (95% confidence): {seen.messages} messages, {seen.bytes} bytes."
    with st.container(horizontal=True, gap="small"):
        for label, value, explained in (
            ("Live sessions", short(seen.sessions), None),
            ("Messages", about + short(seen.messages.value), how),
            ("Bytes", about + short(seen.bytes.value), how),
            ("Expire in 5 min", short(seen.ending), None),
            ("No expiry", short(seen.endless), "Neither pinned nor expiring: they stay until someone deletes them."),
            ("Quarantined", short(seen.quarantined), QUARANTINED),
            ("Cross-talk", short(seen.crosstalk), "Quarantined messages that belong to another session."),
        ):
            st.metric(label, value, help=explained, width=100)
    if evicts is not None and evicts.warning:
        st.warning(evicts.warning, icon=":material/memory_alt:")
    if seen.endless:
        expire = "session never expires and is" if seen.endless == 1 else "sessions never expire and are"
        st.warning(
            f"{seen.endless:,} {expire} not pinned. Filter by “no expiry”.", icon=":material/hourglass_disabled:"
        )
    if seen.crosstalk:
        was = "message was" if seen.crosstalk == 1 else "messages were"
        st.error(f"{seen.crosstalk:,} {was} in somebody else's history. Filter by “suspicious”, or run a scan.",
                 icon=":material/warning:")  # fmt: skip


def _charts() -> None:
    seen: Overview | None = st.session_state.get(_KEPT)
    if seen is not None and seen.sessions:
        _bars(seen.ends, "Time left", -60)
        minutes = [(str(number * SLICE // 60), sessions) for number, sessions in enumerate(seen.activity)]
        _bars(minutes[::-1], "Minutes since the last turn", 0)


def _bars(bars: Sequence[tuple[str, int]], title: str, angle: int) -> None:
    """angle: of the labels below the bars."""
    st.caption(title)
    axis = alt.Axis(labelAngle=angle, labelOverlap=True)
    chart = (
        alt.Chart(pd.DataFrame(bars, columns=["when", "sessions"]))
        .mark_bar(cornerRadiusTopLeft=2, cornerRadiusTopRight=2, color=OWNERS["A"])
        .encode(
            x=alt.X("when:N", sort=None, title=None, axis=axis),
            y=alt.Y("sessions:Q", title=None, axis=alt.Axis(tickMinStep=1, tickCount=3, format="d")),
            tooltip=["when:N", "sessions:Q"],
        )
        .properties(height=120)
    )
    st.altair_chart(chart, width="stretch")


def short(number: float) -> str:
    """`950`, `1.4k`, `23k`, `1.2M`."""
    for unit in ("", "k", "M", "G"):
        if number < 999.5:
            return f"{number:.1f}{unit}" if unit and number < 9.95 else f"{number:.0f}{unit}"
        number /= 1000
    return f"{number:.0f}T"
