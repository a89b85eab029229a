"""The free lab: any memory, users or tabs, any schedule; found, shared and taken home."""

from __future__ import annotations

import json
import random
import re
import time
from urllib.parse import urlencode

import streamlit as st

from rag.crosstalk.exploring import CannotPlay, certify, make_scene, temporary_lab
from rag.crosstalk.outcomes import Outcome
from rag.crosstalk.reproduce import file_name, of_schedule
from rag.crosstalk.scenes import MOST_TURNS, Scene
from rag.crosstalk.strategies import STRATEGIES
from rag.crosstalk.strategies.facts import FACTS
from rag.errors import CrosswireError
from rag.settings import Settings
from rag.ui import race_board
from rag.ui.plain import escaped
from rag.ui.race_picture import png
from rag.ui.race_play import Look, look, playable

SLOT = "race_lab"
SPEEDS = {"slow": 1.2, "normal": 0.5, "fast": 0.15}
"""Seconds a step."""
LIMIT = 300
"""Schedules that a search plays one by one."""
_SCHEDULE = re.compile(r"[A-E]{0,60}")


def draw(settings: Settings) -> None:
    names = [*FACTS, *STRATEGIES]
    _from_link(names)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        strategy = st.selectbox(
            "Memory", names, key=f"{SLOT}_strategy", persist_state="page", on_change=_reset, width=260
        )
        tabs = st.toggle("Tabs of one user", key=f"{SLOT}_tabs", persist_state="page", on_change=_reset)
        people = "Tabs" if tabs else "Users"
        with st.container(horizontal=True, width="content"):
            users = st.number_input(
                people, 2, 5, key=f"{SLOT}_users", persist_state="page", on_change=_reset, width=130
            )
            turns = st.number_input(
                "Turns each", 1, MOST_TURNS, key=f"{SLOT}_turns", persist_state="page", on_change=_reset, width=130
            )
    try:
        scene = make_scene(users=int(users), tabs=tabs, turns=int(turns))
    except CannotPlay as exc:
        st.error(str(exc), icon=":material/error:")
        return
    _find(strategy, scene, settings)
    _play(strategy, scene, settings)
    seen = race_board.draw("lab", strategy, scene, settings)
    if seen is None:
        return
    _to_link(strategy, scene, seen.schedule)
    if seen.steps:
        st.caption("The schedule as a sequence. The shaded part is where others came into a turn that was under way.")
        st.mermaid_chart(_sequence(seen), alt=f"Sequence of the schedule {seen.schedule}")
    _take_home(strategy, scene, seen)


def _find(strategy: str, scene: Scene, settings: Settings) -> None:
    with st.container(horizontal=True):
        if st.button("Find me the shortest failure", icon=":material/search:", type="primary"):
            try:
                with st.spinner("Looking everywhere …"), temporary_lab(settings) as lab:
                    found = certify(strategy, scene, lab, limit=LIMIT)
            except CrosswireError as exc:
                st.error(str(exc), icon=":material/error:")
                return
            st.session_state[f"{SLOT}_verdict"] = found.verdict
            if found.explored.shortest is not None:
                st.session_state[SLOT] = found.explored.shortest.schedule
        if st.button("Random", icon=":material/casino:", help="A whole schedule, each step drawn by lot"):
            chance = random.Random()  # noqa: S311
            st.session_state[SLOT] = playable(strategy, scene, settings, chance.choice)
        if st.button("One after the other", icon=":material/start:"):
            st.session_state[SLOT] = playable(strategy, scene, settings, min)
    if told := st.session_state.get(f"{SLOT}_verdict"):
        st.info(told, icon=":material/fact_check:")


def _play(strategy: str, scene: Scene, settings: Settings) -> None:
    """The schedule from its beginning, a step at a time."""
    schedule = st.session_state.get(SLOT, "")
    with st.container(horizontal=True, vertical_alignment="center"):
        wanted = st.button("Play", icon=":material/play_arrow:", disabled=not schedule, shortcut="p")
        speed = st.segmented_control(
            "Speed",
            list(SPEEDS),
            default="normal",
            required=True,
            key=f"{SLOT}_speed",
            label_visibility="collapsed",
            width="content",
        )
    if not wanted:
        return
    screen = st.empty()
    for length in range(len(schedule) + 1):
        now = look(strategy, scene, schedule[:length], settings)
        with screen.container(border=True):
            race_board.step(now)
            race_board.told(now)
            race_board.store(now, 560)
        time.sleep(SPEEDS[speed])
    screen.empty()


def _take_home(strategy: str, scene: Scene, seen: Look) -> None:
    if seen.outcome is None:
        st.caption("Play it to its end to take it home as a test, a picture or JSON.")
    with st.container(horizontal=True):
        if seen.outcome is not None:
            _files(strategy, scene, seen, seen.outcome)
        with st.popover("Copy the link", icon=":material/link:"):
            address = f"{st.context.url or ''}?{urlencode(st.query_params.to_dict())}"
            st.code(address, language=None, wrap_lines=True)
            st.caption("It opens the same schedule for whoever has it, and names nobody.")


def _files(strategy: str, scene: Scene, seen: Look, outcome: Outcome) -> None:
    stem = file_name(strategy, seen.schedule).removesuffix(".py")
    content = {
        "strategy": strategy,
        "schedule": seen.schedule,
        "kinds": list(outcome.kinds),
        "told": outcome.told,
        "report": outcome.report.to_dict(),
    }
    test = of_schedule(strategy, scene, seen.schedule, outcome)
    for label, data, name, mime, icon in (
        ("pytest", test.encode(), f"{stem}.py", "text/x-python", "science"),
        ("PNG", png(seen), f"{stem}.png", "image/png", "image"),
        ("JSON", json.dumps(content, indent=2).encode(), f"{stem}.json", "application/json", "data_object"),
    ):
        st.download_button(label, data, name, mime, icon=f":material/{icon}:", on_click="ignore")


def _sequence(seen: Look) -> str:
    names = {actor.letter: re.sub(r"\W+", " ", actor.name.rpartition(", ")[2]) for actor in seen.actors}
    # Close together: a wide diagram would be drawn too small to read on a phone.
    shape = {"actorMargin": 8, "width": 60, "height": 40, "diagramMarginX": 4, "boxMargin": 6}
    close = f"%%{{init: {json.dumps({'fontSize': 22 if race_board.large() else 14, 'sequence': shape})}}}%%"
    lines = [close, "sequenceDiagram", *(f"participant {letter} as {name}" for letter, name in names.items())]
    lines.append("participant M as Memory")
    first, last = _window(seen)
    for number, (letter, label) in enumerate(seen.steps):
        if number == first:
            lines.append("rect rgb(214, 51, 108, 0.15)")
        lines.append(f"{letter.upper()}->>M: {re.sub(r'[^a-z ,]+', ' ', label)}")
        if number == last:
            lines.append("end")
    return "\n".join(lines)


def _window(seen: Look) -> tuple[int, int]:
    """The first and last step of the first turn that somebody else came into; (-1, -1) where nobody did."""
    for start, (letter, label) in enumerate(seen.steps):
        own = [n for n in range(start, len(seen.steps)) if seen.steps[n][0].upper() == letter.upper()]
        # The label of its first step begins the next turn.
        until = next((at for at, n in enumerate(own) if at and seen.steps[n][1] == label), len(own))
        if own[until - 1] - start >= until:
            return start, own[until - 1]
    return -1, -1


def _reset() -> None:
    st.session_state[SLOT] = ""
    st.session_state.pop(f"{SLOT}_verdict", None)


def _from_link(names: list[str]) -> None:
    if f"{SLOT}_strategy" in st.session_state:
        return
    given = st.query_params
    strategy, schedule = given.get("strategy", ""), given.get("schedule", "")
    st.session_state[f"{SLOT}_strategy"] = strategy if strategy in names else names[0]
    st.session_state[f"{SLOT}_tabs"] = given.get("tabs") == "1"
    st.session_state[f"{SLOT}_users"] = _number(given.get("users", ""), 2, 5)
    st.session_state[f"{SLOT}_turns"] = _number(given.get("turns", ""), 1, MOST_TURNS)
    st.session_state[SLOT] = schedule if _SCHEDULE.fullmatch(schedule) else ""
    if schedule and st.session_state[SLOT] != schedule:
        st.warning(
            f"{escaped(schedule[:40])} is no schedule: expected letters from A to E.", icon=":material/link_off:"
        )


def _to_link(strategy: str, scene: Scene, schedule: str) -> None:
    st.query_params.update(
        chapter="6",
        strategy=strategy,
        tabs="1" if scene.tabs else "0",
        users=str(scene.users),
        turns=str(scene.turns),
        schedule=schedule,
    )


def _number(text: str, least: int, most: int) -> int:
    return min(most, max(least, int(text))) if text.isdecimal() and len(text) < 4 else least
