"""Every way at once: all interleavings of a few memories as a strip of cells, and one of them as a progress graph."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from rag.crosstalk.exploring import certify, temporary_lab
from rag.crosstalk.scenes import Scene
from rag.crosstalk.schedules import Explored
from rag.crosstalk.verdicts import verdict
from rag.settings import Settings
from rag.ui import race_board
from rag.ui.race_chapters import reach

ROWS = (
    ("lesson-shared", False),
    ("lesson-shared-late", False),
    ("lesson-deepcopy", False),
    ("lesson-list", True),
    ("lesson-list-pair", True),
    ("lesson-turn-lock", True),
)
RIGHT = "right"
COLOURS = {
    "right": "#2f9e63",
    "leak": "#d6336c",
    "lost": "#e8590c",
    "torn": "#f2a33c",
    "stale": "#7c6ee6",
    "forgotten": "#4dabc4",
    "misplaced": "#a61e4d",
    "stuck": "#495057",
    "odd": "#868e96",
}


@st.cache_data(show_spinner="Playing every interleaving …")
def _explored(strategy: str, tabs: bool) -> tuple[str, list[dict[str, Any]]]:
    """Verdict, and a row for each schedule. The same for everybody: nothing in it is anybody's."""
    with temporary_lab() as lab:
        found = certify(strategy, Scene(tabs=tabs), lab).explored
    return verdict(found), _rows(strategy, found)


def _rows(strategy: str, found: Explored) -> list[dict[str, Any]]:
    played = sorted(found.cells, key=lambda one: (one.preemptions, _outcome(one.outcome.group), one.schedule))
    return [
        {
            "memory": strategy.removeprefix("lesson-"),
            "strategy": strategy,
            "place": place,
            "schedule": one.schedule,
            "preemptions": one.preemptions,
            "outcome": _outcome(one.outcome.group),
            "told": one.outcome.told,
        }
        for place, one in enumerate(played)
    ]


def draw(settings: Settings) -> None:
    st.markdown(
        "Stress tests meet a race by luck. Here is **every** way that two people's turns can go: a cell is a schedule, "
        "sorted by how often somebody is interrupted. Click one: it loads below."
    )
    found = {strategy: _explored(strategy, tabs) for strategy, tabs in ROWS}
    cells = pd.DataFrame([row for _, rows in found.values() for row in rows])
    names = list(dict.fromkeys(cells["memory"]))
    scale = alt.Scale(domain=list(COLOURS), range=list(COLOURS.values()))
    picked = alt.selection_point(name="cell", fields=["strategy", "schedule"], on="click")
    strip = (
        alt.Chart(cells)
        .mark_rect(stroke="#8883", strokeWidth=0.5)
        .encode(
            x=alt.X("place:O", axis=None),
            y=alt.Y("memory:N", sort=names, title=None, axis=alt.Axis(labelOverlap=False)),
            color=alt.Color("outcome:N", scale=scale, title=None, legend=alt.Legend(orient="bottom")),
            opacity=alt.condition(picked, alt.value(1.0), alt.value(0.65)),
            tooltip=["memory:N", "schedule:N", "preemptions:Q", "outcome:N", "told:N"],
        )
        .add_params(picked)
        .properties(height=alt.Step(30))
    )
    state: Any = st.altair_chart(strip, on_select="rerun", key="race_strip", alt="Every interleaving of six memories")
    cell = state["selection"].get("cell") or []
    for strategy, _ in ROWS:
        st.caption(f"**{strategy.removeprefix('lesson-')}**: {found[strategy][0]}")
    chosen = cell[0]["strategy"] if cell else "lesson-shared-late"
    schedule = cell[0]["schedule"] if cell else ""
    if cell:
        reach("every")
    rows = found[chosen][1]
    graph, odds = st.columns([1.2, 1], gap="large")
    with graph:
        _graph(rows, schedule)
    with odds:
        _odds(rows)
    if schedule and st.session_state.get("race_every_shown") != (chosen, schedule):
        st.session_state["race_every_shown"] = (chosen, schedule)
        st.session_state["race_every"] = schedule
    if schedule:
        race_board.draw("every", chosen, Scene(tabs=dict(ROWS)[chosen]), settings)


def _graph(rows: list[dict[str, Any]], schedule: str) -> None:
    """Ada's steps across, Ben's up: a schedule is a staircase. Where only wrong ones pass is the region to avoid."""
    points: list[dict[str, Any]] = []
    passes: dict[tuple[int, int], tuple[int, int]] = {}
    for row in rows:
        across = up = 0
        trail = [(0, 0)]
        for letter in row["schedule"]:
            across, up = (across + 1, up) if letter == "A" else (across, up + 1)
            trail.append((across, up))
        for order, spot in enumerate(trail):
            shown = row["schedule"] == schedule
            points.append({"x": spot[0], "y": spot[1], "order": order, "schedule": row["schedule"], "shown": shown})
            right, total = passes.get(spot, (0, 0))
            passes[spot] = right + (row["outcome"] == RIGHT), total + 1
    spots = [{"x": spot[0], "y": spot[1], "right": right / total} for spot, (right, total) in passes.items()]
    st.caption(f"Progress graph of **{rows[0]['memory']}**: A goes right, B goes up. Red: no way through it ends well.")
    x = alt.X("x:Q", title="A's steps", axis=alt.Axis(tickMinStep=1, format="d"))
    y = alt.Y("y:Q", title="B's steps", axis=alt.Axis(tickMinStep=1, format="d"))
    shade = (
        alt.Chart(pd.DataFrame(spots))
        .mark_square(size=1400, opacity=0.35)
        .encode(
            x=x, y=y, color=alt.Color("right:Q", scale=alt.Scale(scheme="redyellowgreen", domain=[0, 1]), title=None)
        )
    )
    lines = (
        alt.Chart(pd.DataFrame(points))
        .mark_line()
        .encode(
            x=x,
            y=y,
            order="order:Q",
            detail="schedule:N",
            size=alt.condition("datum.shown", alt.value(4), alt.value(0.6)),
            opacity=alt.condition("datum.shown", alt.value(1.0), alt.value(0.3)),
        )
    )
    st.altair_chart((shade + lines).properties(height=300), alt="Progress graph")


def _odds(rows: list[dict[str, Any]]) -> None:
    """How likely luck is to meet it, against what is certain here."""
    wrong = sum(row["outcome"] != RIGHT for row in rows)
    share = wrong / len(rows)
    runs = st.slider("Runs of a stress test", 1, 200, 20, key="race_runs")
    st.metric("Goes wrong, of all ways", f"{wrong} of {len(rows)}")
    if not wrong:
        st.success("No stress test proves that. Looking everywhere does.", icon=":material/check_circle:")
        return
    serial = any(row["outcome"] != RIGHT for row in rows if row["preemptions"] == 0)
    if serial:
        st.metric(f"Seen in {runs} runs without any overlap", "yes", help="It goes wrong even one after the other.")
    else:
        st.metric(f"Seen in {runs} runs without any overlap", "never", help="Each failure needs an interruption.")
    st.metric(
        f"Seen in {runs} runs, if every way is as likely",
        f"{1 - (1 - share) ** runs:.1%}",
        help="1 − (1 − share)^runs. Real servers seldom interrupt, so real luck is worse.",
    )
    st.caption("A stress test meets it with luck. Here it is certain.")


def _outcome(group: Any) -> str:
    return RIGHT if group is None else str(group.name)
