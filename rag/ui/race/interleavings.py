"""Every way at once: all interleavings of a few memories as a strip of cells, and one of them as a progress graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from rag.crosstalk.explore.explorer import certify, temporary_lab
from rag.crosstalk.explore.scenes import Scene
from rag.crosstalk.explore.verdicts import verdict
from rag.settings import Settings
from rag.ui.palette import OUTCOMES, RIGHT
from rag.ui.race import board
from rag.ui.race.progress import done, reach
from rag.ui.race.scene import narration

ROWS = (
    ("lesson-shared", False),
    ("lesson-shared-late", False),
    ("lesson-deepcopy", False),
    ("lesson-list", True),
    ("lesson-list-pair", True),
    ("lesson-turn-lock", True),
)

Found = Mapping[str, tuple[str, list[dict[str, Any]]]]
"""By strategy: its verdict, and a row for each schedule."""
MEMORY = "race_every_memory"
"""What is looked at."""


@st.cache_data(show_spinner="Playing every interleaving …")
def _explored(strategy: str, tabs: bool) -> tuple[str, list[dict[str, Any]]]:
    """Verdict, and a row for each schedule. The same for everybody: nothing in it is anybody's."""
    with temporary_lab() as lab:
        found = certify(strategy, Scene(tabs=tabs), lab).explored
    rows = [
        {
            "memory": strategy.removeprefix("lesson-"),
            "strategy": strategy,
            "schedule": one.schedule,
            "preemptions": one.preemptions,
            "outcome": RIGHT if one.outcome.group is None else one.outcome.group.name,
            "told": narration.told(one.outcome),
        }
        for one in found.cells
    ]
    rows.sort(key=itemgetter("preemptions", "outcome", "schedule"))
    wide = 1 / len(rows)
    return verdict(found), [{"from": at * wide, "to": (at + 1) * wide, **row} for at, row in enumerate(rows)]


def draw(settings: Settings, onward: tuple[str, Callable[[], None]] | None = None) -> None:
    """onward: where it goes on, as words and what is done."""
    found = {strategy: _explored(strategy, tabs) for strategy, tabs in ROWS}
    st.markdown(
        f"**{_sentence(found)}**  \nA cell is one way that two turns can interleave, those with the fewest preemptions "
        "first. Click one to play it.",
        help="A preemption: a turn is interrupted, and another one goes on. A stress test finds such a way by luck; "
        "here every way was played.",
    )
    chosen = _memory(found)
    schedule = board.opened("every")
    cell = _clicked(_strip(found, chosen, schedule), "Every interleaving of six memories", "cell")
    if cell and (cell["strategy"], cell["schedule"]) != (chosen, schedule):
        _load(cell["strategy"], cell["schedule"], settings)
    rows = found[chosen][1]
    _by_hand(rows, settings, onward)
    board.draw("every", chosen, Scene(tabs=dict(ROWS)[chosen]), settings)
    more = "More: the progress graph, a stress test's chances, each verdict"
    with st.expander(more, icon=":material/query_stats:", key="race_every_more", on_change="rerun") as it:
        if it.open:
            _more(found, rows, schedule, settings)


def _more(found: Found, rows: list[dict[str, Any]], schedule: str, settings: Settings) -> None:
    beside = not board.large()
    graph, odds = st.columns([1.2, 1], gap="large") if beside else (st.container(), st.container())
    with graph:
        _graph(rows, schedule, settings)
        st.caption("Click a square to load the path through it with the fewest preemptions.")
    with odds:
        _odds(rows)
    for strategy, _ in ROWS:
        st.caption(f"**{strategy.removeprefix('lesson-')}**: {found[strategy][0]}")


def _sentence(found: Found) -> str:
    """What the chart says, in one sentence."""
    never = [name for name, (_, rows) in found.items() if all(row["outcome"] == RIGHT for row in rows)]
    always = [name for name, (_, rows) in found.items() if not any(row["outcome"] == RIGHT for row in rows)]
    held = " and ".join(name.removeprefix("lesson-") for name in never)
    return (
        f"Of {len(found)} memories, {len(always)} go wrong whichever way the turns interleave, "
        f"{len(found) - len(always) - len(never)} in some ways, and only {held} in none."
    )


def _strip(found: Found, chosen: str, schedule: str) -> Any:
    """A row for each memory, all equally wide, with its cells in groups of one outcome."""
    cells = pd.DataFrame([{**row, "row": _row(rows)} for _, rows in found.values() for row in rows])
    names = list(dict.fromkeys(cells["row"]))
    there = [name for name in OUTCOMES if name in set(cells["outcome"])]
    scale = alt.Scale(domain=there, range=[OUTCOMES[name] for name in there])
    type_size = 20 if board.large() else 14
    picked = alt.selection_point(name="cell", fields=["strategy", "schedule"], on="click")
    across, to = alt.X("from:Q", axis=None, scale=alt.Scale(domain=[0, 1])), alt.X2("to:Q")
    axis = alt.Axis(labelOverlap=False, labelFontSize=type_size, labelLimit=320)
    down = alt.Y("row:N", sort=names, title=None, axis=axis)
    # In one line it would be cut off on a phone.
    legend = alt.Legend(orient="bottom", labelFontSize=type_size, columns=4, offset=0)
    strip = (
        alt.Chart(cells)
        .mark_rect(stroke="#8883", strokeWidth=0.5)
        .encode(
            x=across,
            x2=to,
            y=down,
            color=alt.Color("outcome:N", scale=scale, title=None, legend=legend),
            tooltip=["memory:N", "schedule:N", "preemptions:Q", "outcome:N", "told:N"],
        )
        .add_params(picked)
    )
    here = cells[(cells["strategy"] == chosen) & (cells["schedule"] == schedule)]
    mark = alt.Chart(here).mark_rect(filled=False, stroke="#1d1b2a", strokeWidth=3).encode(x=across, x2=to, y=down)
    return alt.layer(strip, mark).properties(height=alt.Step(26))


def _row(rows: list[dict[str, Any]]) -> str:
    """Its label: how many ways there are, and how many of them go wrong."""
    wrong = sum(row["outcome"] != RIGHT for row in rows)
    return f"{rows[0]['memory']}: {wrong} of {len(rows)} wrong"


def _memory(found: Mapping[str, Any]) -> str:
    """The memory that is looked at. It outlasts a visit to another chapter, where the address does not name it."""
    if MEMORY not in st.session_state:
        asked = st.query_params.get("memory", "")
        st.session_state[MEMORY] = asked if asked in found else "lesson-shared-late"
        if asked and asked not in found:
            board.refuse("every", "The link names a memory that is not shown here.", again=False)
    board.addressed(memory=st.session_state[MEMORY])
    return str(st.session_state[MEMORY])


def _by_hand(rows: list[dict[str, Any]], settings: Settings, onward: tuple[str, Callable[[], None]] | None) -> None:
    """The same by keyboard."""
    memory = st.session_state[MEMORY]
    st.session_state["race_every_by_hand"] = memory  # what was clicked in the strip is its value, too
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Memory",
            [strategy for strategy, _ in ROWS],
            key="race_every_by_hand",
            format_func=lambda name: name.removeprefix("lesson-"),
            on_change=_take_memory,
            width=200,
            label_visibility="collapsed",
        )
        for label, icon, key, right in (
            ("Next failure", "skip_next", "n", False),
            ("Next safe one", "check", "w", True),
        ):
            there = [row["schedule"] for row in rows if (row["outcome"] == RIGHT) == right]
            if st.button(label, icon=f":material/{icon}:", disabled=not there, shortcut=key):
                now = board.opened("every")
                place = there.index(now) + 1 if now in there else 0
                _load(memory, there[place % len(there)], settings)
        if onward and done("every"):
            st.button(onward[0], type="primary", icon=":material/arrow_forward:", on_click=onward[1])


def _take_memory() -> None:
    st.session_state[MEMORY] = st.session_state["race_every_by_hand"]
    board.put("every", "")


def _graph(rows: list[dict[str, Any]], schedule: str, settings: Settings) -> None:
    """Ada's steps across, Ben's up: a schedule is a staircase. Where only wrong ones pass is the region to avoid."""
    there = {row["outcome"] for row in rows}
    # Where every way goes wrong somehow, the gravest of it tells them apart.
    told_apart = RIGHT in there or len(there) == 1
    worst = next(name for name in OUTCOMES if name in there and name != RIGHT) if there != {RIGHT} else ""
    good = {row["schedule"]: row["outcome"] == RIGHT if told_apart else row["outcome"] != worst for row in rows}
    passes = pd.DataFrame([(x, y, good[one]) for one in good for x, y in _trail(one)], columns=["x", "y", "good"])
    spots = passes.groupby(["x", "y"], as_index=False).agg(right=("good", "mean"), ways=("good", "size"))
    way = pd.DataFrame(_trail(schedule), columns=["x", "y"]).reset_index(names="order")
    red, ends = ("no path through it is safe", "safe paths")
    if not told_apart:
        red, ends = f"every path through it ends in “{worst}”", f"no “{worst}”"
    st.caption(f"Progress graph of **{rows[0]['memory']}**: A goes right, B goes up. A red square with a cross: {red}.")
    size = 20 if board.large() else 13
    x = alt.X("x:O", title="A's steps", axis=alt.Axis(labelAngle=0, labelFontSize=size, titleFontSize=size))
    y = alt.Y("y:O", title="B's steps", sort="descending", axis=alt.Axis(labelFontSize=size, titleFontSize=size))
    legend = alt.Legend(title=ends, format=".0%", labelFontSize=size, titleFontSize=size, tickCount=3)
    scale = alt.Scale(domain=[0, 1], range=[OUTCOMES["leak"], OUTCOMES[RIGHT]])
    colour = alt.Color("right:Q", scale=scale, legend=legend)
    told = [alt.Tooltip("right:Q", format=".0%", title=ends), alt.Tooltip("ways:Q", title="paths through it")]
    shade = (
        alt.Chart(spots)
        .mark_rect(opacity=0.6, stroke="#8886")
        .encode(x=x, y=y, color=colour, tooltip=told)
        .add_params(alt.selection_point(name="spot", fields=["x", "y"], on="click"))
    )
    none = alt.Chart(spots).mark_text(text="✕", fontSize=size + 5, fontWeight="bold", color="white")
    crosses = none.transform_filter("datum.right == 0").encode(x=x, y=y)
    lines = [
        alt.Chart(way)
        .mark_line(point={"size": dot, "filled": True, "color": tint}, strokeWidth=wide, color=tint)
        .encode(x=x, y=y, order="order:Q")
        for tint, wide, dot in (("white", 8, 190), ("#5b4bdb", 4, 80))  # an edge, seen on every square and page
    ]
    described = f"Progress graph, with the path {schedule or 'not begun'}"
    if square := _clicked(alt.layer(shade, crosses, *lines).properties(height=300), described, "spot"):
        through = next(row for row in rows if (square["x"], square["y"]) in _trail(row["schedule"]))
        if through["schedule"] != schedule:
            _load(through["strategy"], through["schedule"], settings)


def _clicked(chart: Any, described: str, name: str) -> dict[str, Any] | None:
    """A chart keeps what was clicked, and is silent when it is clicked again: for another schedule it begins anew."""
    key = f"race_{name}_{st.session_state[MEMORY]}_{board.opened('every')}"
    state: Any = st.altair_chart(chart, on_select="rerun", key=key, alt=described)
    return next(iter(state["selection"].get(name) or ()), None)


def _load(memory: str, schedule: str, settings: Settings) -> None:
    """Into the stepper."""
    st.session_state[MEMORY] = memory
    board.put("every", schedule)
    reach(settings, "every")
    st.rerun()


def _trail(schedule: str) -> list[tuple[int, int]]:
    made = [schedule[:steps] for steps in range(len(schedule) + 1)]
    return [(so_far.count("A"), so_far.count("B")) for so_far in made]


def _odds(rows: list[dict[str, Any]]) -> None:
    """How likely luck is to meet it, against what is certain here."""
    wrong = sum(row["outcome"] != RIGHT for row in rows)
    share = wrong / len(rows)
    runs = st.slider("Runs of a stress test", 1, 200, 20, key="race_runs")
    st.metric("Interleavings that fail", f"{wrong} of {len(rows)}")
    if not wrong:
        st.success("No stress test can prove that; trying every interleaving does.", icon=":material/check_circle:")
        return
    serial = any(row["outcome"] != RIGHT for row in rows if row["preemptions"] == 0)
    st.metric(
        "Chance that sequential runs catch it",
        "100%" if serial else "0%",
        help="It fails without any overlap." if serial else "Every failure needs a preemption.",
    )
    st.metric(
        "Chance that random scheduling catches it",
        "over 99.9%" if (seen := 1 - (1 - share) ** runs) > 0.999 else f"{seen:.1%}",
        help="1 − (1 − failing share)^runs, with every interleaving equally likely. Real servers preempt a turn much "
        "less often, so the real chance is lower.",
    )
    st.caption("A stress test finds it by luck. Here it is certain.")
