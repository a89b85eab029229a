"""The canary probe's newest results as a strip: one bar each, oldest first."""

from __future__ import annotations

from datetime import UTC, datetime

import altair as alt
import pandas as pd
import streamlit as st

from rag.probe import Probe
from rag.safe_text import visible
from rag.services import Services
from rag.ui.palette import OUTCOMES

MOST = 60
WORDS = {"isolated": "stayed apart", "anomalies": "cross-talk", "unknown": "can't tell"}
COLOURS = {"isolated": OUTCOMES["right"], "anomalies": OUTCOMES["leak"], "unknown": OUTCOMES["odd"]}
HEIGHTS = {"isolated": 0.6, "anomalies": 1.0, "unknown": 0.3}
"""The bars differ in more than their colour."""
HELP = (
    "Each minute two internal sessions state facts of their own and ask for them, at the same time, over the store, "
    "memory and library that everybody uses. The checker says whether they stayed apart. Nothing of them is kept."
)


def draw(services: Services, probes: list[Probe]) -> None:
    st.subheader("Canary probe", anchor=False, help=HELP)
    if not services.settings.canary_probe:
        st.caption("Switched off by CANARY_PROBE.")
    if not probes:
        if services.settings.canary_probe:
            told = "No probe has been made yet: the first one comes a minute after the start."
            st.info(told, icon=":material/timer:")
        return
    newest, found = probes[0], sum(probe.verdict == "anomalies" for probe in probes)
    if found:
        st.error(f"Cross-talk in {found} of the newest {len(probes)} probes.", icon=":material/warning:")
    elif newest.verdict == "unknown":
        st.warning(f"The newest probe can't tell: {visible(newest.why)}", icon=":material/help:")
    else:
        apart = sum(probe.verdict == "isolated" for probe in probes)
        told = f"The two stayed apart in {apart} of the newest {len(probes)} probes."
        st.success(told, icon=":material/check_circle:")
    st.altair_chart(_strip(probes), width="stretch")


def _strip(probes: list[Probe]) -> alt.Chart:
    rows = [
        {
            "minute": f"{datetime.fromtimestamp(probe.at, UTC):%H:%M:%S}",
            "result": WORDS[probe.verdict],
            "height": HEIGHTS[probe.verdict],
            "ms": round(1000 * probe.seconds, 1),
        }
        for probe in reversed(probes)
    ]
    scale = alt.Scale(domain=list(WORDS.values()), range=list(COLOURS.values()))
    bars = alt.Chart(pd.DataFrame(rows)).mark_bar(orient="vertical", width={"band": 0.6})
    chart: alt.Chart = bars.encode(
        x=alt.X("minute:O", title=None, sort=None, axis=alt.Axis(labelOverlap="greedy", labelAngle=0)),
        y=alt.Y("height:Q", axis=None, scale=alt.Scale(domain=[0, 1])),
        color=alt.Color("result:N", scale=scale, legend=alt.Legend(title=None, orient="bottom")),
        tooltip=[alt.Tooltip("minute:O", title="at (UTC)"), "result:N", alt.Tooltip("ms:Q", title="ms")],
    ).properties(height=170)
    return chart
