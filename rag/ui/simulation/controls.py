"""What to simulate: a preset or one's own choice, checked where it is typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from rag.crosstalk import STRATEGIES, BadWorkload, Workload


@dataclass(frozen=True, slots=True)
class Setup:
    strategies: tuple[str, ...]
    workload: Workload


@dataclass(frozen=True, slots=True)
class Preset:
    strategies: tuple[str, ...]
    changes: dict[str, Any]
    says: str


PRESETS: dict[str, Preset] = {
    "The 2 AM incident": Preset(("shared-buffer",), {}, "One memory object for everybody."),
    "Beside the fix": Preset(("shared-buffer", "redis-turn"), {}, "The incident and the fix, with the same users."),
    "Two tabs": Preset(("redis-list", "redis-turn"), {"tabs": 2}, "Everybody talks in two tabs of one session."),
    "Survives a restart?": Preset(
        ("dict-per-session", "redis-turn"), {"restart": True}, "The service restarts half way."
    ),
    "Two processes": Preset(("dict-with-lock", "redis-turn"), {"processes": 2}, "A load balancer and two workers."),
}
DEFAULTS: dict[str, Any] = {
    "first": "shared-buffer",
    "second": None,
    "users": 100,
    "turns": 3,
    "tabs": 1,
    "processes": 1,
    "restart": False,
    "arrival": "ramp:1.5",
    "latency": "0.05~0.5",
    "think": 0.0,
    "cancelled": None,
    "in_flight": 64,
    "seed": 7,
}
ALONE = "nothing"
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
        help=_help(),
        default="The 2 AM incident",
    )


def draw(*, busy: bool) -> Setup | None:
    """The controls. What was set up when the button was pressed; None otherwise."""
    names = list(STRATEGIES)
    st.selectbox(
        "Memory", names, key="sim_first", persist_state=KEPT, help=STRATEGIES[st.session_state["sim_first"]].lesson
    )
    st.selectbox(
        "Compare with",
        [None, *names],
        key="sim_second",
        persist_state=KEPT,
        format_func=lambda name: name or ALONE,
        placeholder=ALONE.capitalize(),
        help="The same users say the same words to both.",
    )
    users, turns = st.columns(2)
    users.number_input("Users", 1, 10_000, key="sim_users", persist_state=KEPT, step=50)
    turns.number_input("Turns each", 2, 1000, key="sim_turns", persist_state=KEPT)
    problem = st.container()
    pressed = st.button("Simulate", type="primary", icon=":material/play_arrow:", width="stretch", disabled=busy)
    with st.expander("More", icon=":material/tune:"):
        _more()
    try:
        setup = _setup()
    except BadWorkload as exc:
        problem.error(str(exc), icon=":material/error:")
        return None
    return setup if pressed else None


def _more() -> None:
    left, right = st.columns(2)
    left.number_input(
        "Tabs of each user", 1, 20, key="sim_tabs", persist_state=KEPT, help="Turns of one session at the same time."
    )
    right.number_input(
        "Processes", 1, 16, key="sim_processes", persist_state=KEPT, help="Real ones, each with a memory of its own."
    )
    st.toggle("Restart the service half way", key="sim_restart", persist_state=KEPT)
    st.text_input(
        "Arrival", key="sim_arrival", persist_state=KEPT, help="at once, ramp:SECONDS or poisson:USERS_A_SECOND"
    )
    st.text_input(
        "Model takes", key="sim_latency", persist_state=KEPT, help="SECONDS, or MEDIAN~SHAPE for a log-normal spread"
    )
    left, right = st.columns(2)
    left.number_input("Think time (s)", 0.0, 60.0, key="sim_think", persist_state=KEPT, step=0.1)
    right.number_input(
        "Share cancelled",
        0.0,
        1.0,
        key="sim_cancelled",
        persist_state=KEPT,
        step=0.05,
        placeholder="as needed",
        help="Turns that are given up in the middle. Empty: what the memory needs to show its bug.",
    )
    left.number_input(
        "At once, at most",
        1,
        512,
        key="sim_in_flight",
        persist_state=KEPT,
        help="Never more than two thirds of the tabs: a thread serves several people, as in a server.",
    )
    right.number_input(
        "Seed",
        key="sim_seed",
        persist_state=KEPT,
        step=1,
        help="The same seed gives the same people, words and moments.",
    )


def _setup() -> Setup:
    """Raises BadWorkload."""
    state = {key: st.session_state[f"sim_{key}"] for key in DEFAULTS}
    first, second = state.pop("first"), state.pop("second")
    strategies = (first,) if second in (None, first) else (first, second)
    return Setup(strategies, Workload(**state))


def _take_preset() -> None:
    preset = PRESETS.get(st.session_state["sim_preset"] or "")
    if preset is None:
        return
    first, second = (*preset.strategies, None)[:2]
    for key, value in {**DEFAULTS, **preset.changes, "first": first, "second": second}.items():
        st.session_state[f"sim_{key}"] = value


def _help() -> str:
    return "\n".join(f"- **{name}**: {preset.says}" for name, preset in PRESETS.items())
