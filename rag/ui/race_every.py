"""Every way at once: all interleavings of a few memories as a strip of cells, and one of them as a progress graph."""

from __future__ import annotations

from collections.abc import Mapping
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
from rag.ui.palette import OUTCOMES, RIGHT
from rag.ui.race_progress import reach

ROWS = (
    ("lesson-shared", False),
    ("lesson-shared-late", False),
    ("lesson-deepcopy", False),
    ("lesson-list", True),
    ("lesson-list-pair", True),
    ("lesson-turn-lock", True),
)


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
    there = [name for name in OUTCOMES if name in set(cells["outcome"])]
    scale = alt.Scale(domain=there, range=[OUTCOMES[name] for name in there])
    type_size = 20 if race_board.large() else 14
    picked = alt.selection_point(name="cell", fields=["strategy", "schedule"], on="click")
    strip = (
        alt.Chart(cells)
        .mark_rect(stroke="#8883", strokeWidth=0.5)
        .encode(
            x=alt.X("place:O", axis=None),
            y=alt.Y("memory:N", sort=names, title=None, axis=alt.Axis(labelOverlap=False, labelFontSize=type_size)),
            color=alt.Color(
                "outcome:N",
                scale=scale,
                title=None,
                # In one line it would be cut off on a phone.
                legend=alt.Legend(orient="bottom", labelFontSize=type_size, columns=3, offset=0),
            ),
            opacity=alt.condition(picked, alt.value(1.0), alt.value(0.65)),
            tooltip=["memory:N", "schedule:N", "preemptions:Q", "outcome:N", "told:N"],
        )
        .add_params(picked)
        .properties(height=alt.Step(30))
    )
    state: Any = st.altair_chart(strip, on_select="rerun", key="race_strip", alt="Every interleaving of six memories")
    cell = state["selection"].get("cell") or []
    if cell and st.session_state.get("race_cell") != cell[0]:
        st.session_state["race_cell"] = cell[0]
        _load(cell[0])
        reach(settings, "every")
    asked = st.query_params.get("memory", "")
    chosen = asked if asked in found else "lesson-shared-late"
    schedule = st.session_state.get("race_every", st.query_params.get("every", ""))
    rows = found[chosen][1]
    beside = not race_board.large()
    graph, odds = st.columns([1.2, 1], gap="large") if beside else (st.container(), st.container())
    with graph:
        _graph(rows, schedule)
        st.caption("Click a square: the way through it that needs the fewest interruptions loads below.")
    with odds:
        _odds(rows)
    race_board.draw("every", chosen, Scene(tabs=dict(ROWS)[chosen]), settings)
    st.divider()
    for strategy, _ in ROWS:
        st.caption(f"**{strategy.removeprefix('lesson-')}**: {found[strategy][0]}")


def _graph(rows: list[dict[str, Any]], schedule: str) -> None:
    """Ada's steps across, Ben's up: a schedule is a staircase. Where only wrong ones pass is the region to avoid."""
    there = {row["outcome"] for row in rows}
    # Where every way goes wrong somehow, the gravest of it tells them apart.
    told_apart = RIGHT in there or len(there) == 1
    worst = next(name for name in OUTCOMES if name in there and name != RIGHT) if there != {RIGHT} else ""
    passes: dict[tuple[int, int], tuple[int, int]] = {}
    for row in rows:
        for spot in _trail(row["schedule"]):
            right, total = passes.get(spot, (0, 0))
            passes[spot] = right + (row["outcome"] == RIGHT if told_apart else row["outcome"] != worst), total + 1
    spots = [{"x": x, "y": y, "right": right / total, "ways": total} for (x, y), (right, total) in passes.items()]
    way = [{"x": x, "y": y, "order": order} for order, (x, y) in enumerate(_trail(schedule))]
    red, ends = ("no way through it ends well", "ends well")
    if not told_apart:
        red, ends = f"every way through it ends in “{worst}”", f"no “{worst}”"
    st.caption(f"Progress graph of **{rows[0]['memory']}**: A goes right, B goes up. Red, with a cross: {red}.")
    size = 20 if race_board.large() else 13
    x = alt.X("x:O", title="A's steps", axis=alt.Axis(labelAngle=0, labelFontSize=size, titleFontSize=size))
    y = alt.Y("y:O", title="B's steps", sort="descending", axis=alt.Axis(labelFontSize=size, titleFontSize=size))
    legend = alt.Legend(title=ends, format=".0%", labelFontSize=size, titleFontSize=size, tickCount=3)
    scale = alt.Scale(domain=[0, 1], range=[OUTCOMES["leak"], OUTCOMES[RIGHT]])
    colour = alt.Color("right:Q", scale=scale, legend=legend)
    told = [alt.Tooltip("right:Q", format=".0%", title=ends), alt.Tooltip("ways:Q", title="ways through it")]
    shade = (
        alt.Chart(pd.DataFrame(spots))
        .mark_rect(opacity=0.6, stroke="#8886")
        .encode(x=x, y=y, color=colour, tooltip=told)
        .add_params(alt.selection_point(name="spot", fields=["x", "y"], on="click"))
    )
    none = alt.Chart(pd.DataFrame(spots)).mark_text(text="✕", fontSize=size + 5, fontWeight="bold", color="white")
    crosses = none.transform_filter("datum.right == 0").encode(x=x, y=y)
    lines = [
        alt.Chart(pd.DataFrame(way))
        .mark_line(point={"size": dot, "filled": True, "color": tint}, strokeWidth=wide, color=tint)
        .encode(x=x, y=y, order="order:Q")
        for tint, wide, dot in (("white", 8, 190), ("#5b4bdb", 4, 80))  # an edge, seen on every square and page
    ]
    key = f"race_graph_{rows[0]['memory']}"
    state: Any = st.altair_chart(
        alt.layer(shade, crosses, *lines).properties(height=300),
        on_select="rerun",
        key=key,
        alt=f"Progress graph, with the way {schedule or 'not begun'}",
    )
    clicked = state["selection"].get("spot") or []
    if clicked and st.session_state.get(f"{key}_spot") != clicked[0]:
        st.session_state[f"{key}_spot"] = clicked[0]
        _load(next(row for row in rows if (clicked[0]["x"], clicked[0]["y"]) in _trail(row["schedule"])))
        st.rerun()


def _load(row: Mapping[str, Any]) -> None:
    """Into the stepper, and into the address."""
    st.session_state["race_every"] = str(row["schedule"])
    st.query_params["memory"] = str(row["strategy"])
    race_board.link("every", st.session_state["race_every"])


def _trail(schedule: str) -> list[tuple[int, int]]:
    trail = [(0, 0)]
    for letter in schedule:
        across, up = trail[-1]
        trail.append((across + (letter == "A"), up + (letter == "B")))
    return trail


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
        st.metric("Seen, one after the other", "yes", help="It goes wrong without any overlap.")
    else:
        st.metric("Seen, one after the other", "never", help="Each failure needs an interruption.")
    st.metric(
        "Seen, all ways as likely",
        "over 99.9%" if (seen := 1 - (1 - share) ** runs) > 0.999 else f"{seen:.1%}",
        help="1 − (1 − share)^runs. Real servers seldom interrupt, so real luck is worse.",
    )
    st.caption("A stress test meets it with luck. Here it is certain.")


def _outcome(group: Any) -> str:
    return RIGHT if group is None else str(group.name)
