"""What to simulate: a preset or one's own choice, checked where it is typed."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any, Literal

import streamlit as st

from rag.crosstalk import STRATEGIES, Workload
from rag.crosstalk.background.runs import Run
from rag.crosstalk.report.headline import TERMS
from rag.crosstalk.strategies import find
from rag.crosstalk.strategies.base import Grade
from rag.ui.escaping import code, count, escaped
from rag.ui.feedback import errors_shown

Setup = tuple[tuple[str, ...], Workload]
"""Strategies, and what they are to serve."""
DEFAULTS: dict[str, Any] = {
    "first": "shared-buffer",
    "second": None,
    **asdict(Workload(arrival="ramp:1.5", latency="0.05~0.5", seed=7)),
}
PRESETS: dict[str, tuple[str, dict[str, Any]]] = {
    "The 2 AM incident": ("One memory object shared by everybody.", {}),
    "Bug vs fix": ("The incident and the fix, with the same users.", {"second": "redis-turn"}),
    "Two tabs": (
        "Everybody uses two tabs of one session.",
        {"first": "redis-list", "second": "redis-turn", "tabs": 2},
    ),
    "Restart": (
        "The service restarts halfway.",
        {"first": "dict-per-session", "second": "redis-turn", "restart": True},
    ),
    "Two processes": (
        "A load balancer and two workers.",
        {"first": "dict-with-lock", "second": "redis-turn", "processes": 2},
    ),
}
"""What each of them is, and what is other than by default."""
ALONE = "nothing"
GRADES: dict[Grade, str] = {"wrong": "✗", "subtle": "!", "right": "✓"}
GRADED = "✗ mixes users; ! right until tabs, processes or a restart come in; ✓ right."
KEPT: Literal["session"] = "session"
"""As long as the browser's session, and sent to the browser until that has it: a run of the page that is interrupted
before its controls arrive, as by a quick click, would otherwise leave them empty there, and the next one believe it."""


def presets() -> None:
    for key, value in DEFAULTS.items():
        st.session_state.setdefault(f"sim_{key}", value)
    st.pills(
        "Start from",
        list(PRESETS),
        key="sim_preset",
        persist_state=KEPT,
        on_change=_take_preset,
        help="\n".join(f"- **{name}**: {what}" for name, (what, _) in PRESETS.items()),
        default="The 2 AM incident",
    )


def bar(run: Run, again: str) -> Setup | None:
    """The controls in a line, over a run. again: on the button that starts the same once more."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(told(run), width="content")
        if run.busy:
            return None
        if not run.target and st.button(again, icon=":material/replay:"):
            return run.strategies, run.workload
        with st.popover("New run", icon=":material/tune:"):
            presets()
            return draw()


def told(run: Run) -> str:
    """What is run, in a line."""
    what = code(run.target) if run.target else " against ".join(find(name).title for name in run.strategies)
    work = run.workload
    tabs = f", {work.tabs} tabs each" if work.tabs > 1 else ""
    processes = f", {work.processes} processes" if work.processes > 1 else ""
    restart = ", a restart halfway" if work.restart else ""
    return f"**{what}** · {work.users:,} users × {count(work.turns, 'turn')}{tabs}{processes}{restart}"


def _choice(name: str | None) -> str:
    if name is None:
        return ALONE
    kind = find(name)
    return f"{GRADES[kind.grade()]} {kind.title}"


def _about(name: str) -> str:
    kind = find(name)
    seen = f"\n\nSeen in the wild: {escaped(kind.seen[0])}" if kind.seen else ""
    return f"`{name}`: {escaped(kind.lesson)}{seen}"


def draw() -> Setup | None:
    """The controls. What was set up when the button was pressed; None otherwise."""
    names = sorted(STRATEGIES, key=lambda name: list(GRADES).index(STRATEGIES[name].grade()))
    st.selectbox(
        "Memory", names, key="sim_first", persist_state=KEPT, format_func=_choice, help=f"{GRADED} {TERMS['memory']}"
    )
    st.caption(_about(st.session_state["sim_first"]))
    st.selectbox(
        "Compare with",
        [None, *names],
        key="sim_second",
        persist_state=KEPT,
        format_func=_choice,
        placeholder=ALONE.capitalize(),
        help="The same users send the same messages to both.",
    )
    users, turns = st.columns(2)
    _number(users, "Users", "users", 1, 10_000, step=50)
    _number(turns, "Turns each", "turns", 2, 1000)
    problem = st.container()
    pressed = st.button("Simulate", type="primary", icon=":material/play_arrow:", width="stretch")
    with st.expander("More", icon=":material/tune:"):
        _more()
    state = {key: st.session_state[f"sim_{key}"] for key in DEFAULTS}
    first, second = state.pop("first"), state.pop("second")
    with problem, errors_shown():
        workload = Workload(**state)
        if pressed:
            return (first,) if second in (None, first) else (first, second), workload
    return None


def _number(place: Any, label: str, name: str, least: float | None, most: float | None, **options: Any) -> None:
    place.number_input(label, least, most, key=f"sim_{name}", persist_state=KEPT, **options)


def _more() -> None:
    """One under the other: beside each other their labels would break on most screens."""
    number = partial(_number, st)
    number("Tabs per user", "tabs", 1, 20, help="Concurrent tabs that share one session.")
    number("Processes", "processes", 1, 16, help="Real processes, each with its own memory.")
    st.toggle("Restart halfway", key="sim_restart", persist_state=KEPT, help="Restart the service halfway.")
    st.text_input(
        "Arrival", key="sim_arrival", persist_state=KEPT, help="`at once`, `ramp:SECONDS` or `poisson:USERS_PER_SECOND`"
    )
    st.text_input(
        "Model latency (s)", key="sim_latency", persist_state=KEPT, help="SECONDS, or MEDIAN~SHAPE for log-normal"
    )
    number("Think time (s)", "think", 0.0, 60.0, step=0.1, help="Pause between two turns of a tab.")
    number(
        "Share cancelled",
        "cancelled",
        0.0,
        1.0,
        step=0.05,
        placeholder="as needed",
        help="Share of turns that are cancelled. Empty: what the memory needs to show its bug.",
    )
    number(
        "Max. in flight",
        "in_flight",
        1,
        512,
        help="Concurrent turns; never more than two thirds of the tabs, so that threads serve several users.",
    )
    number("Seed", "seed", None, None, step=1, help="The same seed gives the same users, messages and timing.")


def _take_preset() -> None:
    if preset := st.session_state["sim_preset"]:
        st.session_state.update({f"sim_{key}": value for key, value in {**DEFAULTS, **PRESETS[preset][1]}.items()})
