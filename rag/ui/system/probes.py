"""The canary probe's results as a strip: a bar for each minute of the last hour, and a gap where there was none."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from itertools import pairwise

import altair as alt
import pandas as pd
import streamlit as st

from rag.probe import PERIOD, Probe
from rag.safe_text import visible
from rag.services import Services
from rag.ui.escaping import count, duration, escaped
from rag.ui.palette import OUTCOMES

MOST = 60
"""Minutes, and probes."""
LATE = 5 * PERIOD
"""Seconds after which a probe is missed."""
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
    now = time.time()
    _verdict(probes, late=services.settings.canary_probe and now - probes[0].at > LATE, now=now)
    st.altair_chart(_strip(probes, now), width="stretch")
    st.caption(_covered(services, probes[0]))


def _verdict(probes: list[Probe], *, late: bool, now: float) -> None:
    newest, found = probes[0], sum(probe.verdict == "anomalies" for probe in probes)
    if found:
        last = next(probe for probe in probes if probe.verdict == "anomalies")
        told = f"Cross-talk in {found} of {count(len(probes), 'probe')}, last at {_clock(last.at)} UTC"
        st.error(f"{told}: {escaped(last.why)}", icon=":material/warning:")
    if late:
        told = f"The newest probe is {duration(now - newest.at)} old, and one is due each minute. The log says why."
        st.warning(told, icon=":material/timer_off:")
    elif newest.verdict == "unknown":
        st.warning(f"The newest probe can't tell: {escaped(newest.why)}", icon=":material/help:")
    elif not found:
        apart = sum(probe.verdict == "isolated" for probe in probes)
        told = f"The two stayed apart in {apart} of {count(len(probes), 'probe')}"
        missed = _missed(probes)
        st.success(
            f"{told}; {count(missed, 'minute')} had none." if missed else f"{told}.", icon=":material/check_circle:"
        )


def away() -> None:
    """Where Redis does not answer."""
    st.subheader("Canary probe", anchor=False, help=HELP)
    told = "No probe is made while Redis is away. What was found before is shown again when it is back."
    st.caption(f":material/cloud_off: {told}")


def _missed(probes: list[Probe]) -> int:
    """Minutes without a probe between these. Two that follow each other may be two minutes apart by their seconds."""
    apart = [newer.at - older.at for newer, older in pairwise(probes)]
    return sum(round(seconds / PERIOD) - 1 for seconds in apart if seconds > 2 * PERIOD)


def _covered(services: Services, newest: Probe) -> str:
    if newest.model:
        return f"Covers store, memory, library, turns, and the client of the model {escaped(newest.model)}."
    told = "Covers store, memory, library and turns."
    if services.settings.offline:
        return told
    return f"{told} Not the model’s client: `CANARY_PROBE_MODEL=true` has the probe ask the model, too."


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"


def _strip(probes: list[Probe], now: float) -> alt.Chart:
    begun, ended = (1000 * 60 * (now // 60 + minutes) for minutes in (1 - MOST, 1))
    rows = [
        {
            "begins": 1000 * 60 * (probe.at // 60),
            "ends": 1000 * (60 * (probe.at // 60) + 45),
            "at": _clock(probe.at),
            "result": WORDS[probe.verdict],
            "height": HEIGHTS[probe.verdict],
            "ms": round(1000 * probe.seconds, 1),
            "why": visible(probe.why),
        }
        for probe in reversed(probes)
        if 1000 * probe.at >= begun
    ]
    scale = alt.Scale(domain=list(WORDS.values()), range=list(COLOURS.values()))
    columns = ["begins", "ends", "at", "result", "height", "ms", "why"]
    axis = alt.Axis(format="%H:%M", grid=False, labelOverlap="greedy", tickCount=6, title="UTC")
    chart: alt.Chart = (
        alt.Chart(pd.DataFrame(rows, columns=columns))
        .mark_rect()
        .encode(
            x=alt.X("begins:T", scale=alt.Scale(type="utc", domain=[begun, ended]), axis=axis),
            x2="ends:T",
            y=alt.Y("height:Q", axis=None, scale=alt.Scale(domain=[0, 1])),
            y2=alt.datum(0),
            color=alt.Color("result:N", scale=scale, legend=alt.Legend(title=None, orient="bottom")),
            tooltip=[alt.Tooltip("at:N", title="at (UTC)"), "result:N", alt.Tooltip("ms:Q", title="ms"), "why:N"],
        )
        .properties(height=190)
    )
    return chart
