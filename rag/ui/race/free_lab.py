"""The free lab: any memory, users or tabs, any schedule; found, shared and taken home."""

from __future__ import annotations

import json
import random
from urllib.parse import urlencode

import streamlit as st

from rag.crosstalk.explore.explorer import CannotPlay, make_scene
from rag.crosstalk.explore.scenes import MOST_TURNS, Scene
from rag.crosstalk.report.reproduce import file_name, of_schedule
from rag.crosstalk.strategies import LESSONS, STRATEGIES, find
from rag.settings import Settings
from rag.ui.background_job import drop
from rag.ui.escaping import escaped
from rag.ui.feedback import download, errors_shown
from rag.ui.race import board, failure_search
from rag.ui.race.scene.replay import Look, playable
from rag.ui.race.scene.schedule_image import png
from rag.ui.race.scene.sequence_diagram import sequence

SLOT = "race_lab"
LIMITS = {"users": (2, 5), "tabs": (0, 1), "turns": (1, MOST_TURNS), "cancels": (0, 2)}
"""Of the numbers of a scene, as they stand in a link."""
VERDICT = f"{SLOT}_verdict"
TWO_TURNS = frozenset({"thread-local", "semantic-cache", "reused-connection"})
"""What these mix up, users have stored in a turn before."""


def draw(settings: Settings) -> None:
    names = [*LESSONS, *STRATEGIES]
    _from_link(names)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        strategy = st.selectbox(
            "Memory", names, key=f"{SLOT}_strategy", persist_state="page", on_change=_picked, width=215
        )
        tabs = st.toggle("Tabs of one user", key=f"{SLOT}_tabs", persist_state="page", on_change=_reset)
        with st.container(horizontal=True, width="content"):
            users = _number("Tabs" if tabs else "Users", "users")
            turns = _number("Turns each", "turns")
            cancels = _number("Cancelled turns", "cancels", "Turns that may be cancelled: a lowercase letter")
    try:
        scene = make_scene(users=users, tabs=tabs, turns=turns, cancels=cancels)
    except CannotPlay as exc:
        st.error(str(exc), icon=":material/error:")
        return
    _advise(strategy, scene)
    _find(strategy, scene, settings)
    seen = board.draw("schedule", strategy, scene, settings)
    if seen is None:
        return
    numbers = {name: str(int(getattr(scene, name))) for name in LIMITS}
    board.addressed(strategy=strategy, **numbers)
    if seen.steps:
        st.caption("The schedule as a sequence diagram. Shaded: turns that overlapped.")
        chart = sequence(seen, size=22 if board.large() else 14)
        st.mermaid_chart(chart, alt=f"Sequence of the schedule {seen.schedule}")
    _take_home(strategy, scene, seen)


def _number(label: str, name: str, tip: str | None = None) -> int:
    key, width = f"{SLOT}_{name}", 180 if board.large() else 128
    least, most = LIMITS[name]
    return st.number_input(label, least, most, key=key, persist_state="page", on_change=_reset, width=width, help=tip)


def _advise(strategy: str, scene: Scene) -> None:
    """A setting in which the memory's bug cannot show gives it no clean bill."""
    missing = lacks(strategy, scene)
    if missing:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.warning(f"Its bug cannot show in this setup: it needs {missing}.", icon=":material/visibility_off:")
            st.button("Set it up", icon=":material/tune:", on_click=_picked)
    elif elsewhere(strategy):
        st.caption(
            ":material/info: Its bug shows only between processes, and here there is only one. Try it in Simulate."
        )


def _find(strategy: str, scene: Scene, settings: Settings) -> None:
    with st.container(horizontal=True):
        if st.button("Find the shortest failure", icon=":material/search:", type="primary"):
            st.session_state.pop(VERDICT, None)
            failure_search.begin(strategy, scene, settings)
        chance = random.Random()  # noqa: S311
        by_chance = st.button("Random", icon=":material/casino:", help="A complete random schedule")
        in_order = st.button("One after the other", icon=":material/start:")
        if by_chance or in_order:
            with errors_shown():
                board.put("schedule", playable(strategy, scene, settings, min if in_order else chance.choice))
    if job := failure_search.draw(strategy, scene):
        drop(failure_search.SLOT)
        found = job.result
        st.session_state[VERDICT] = found.verdict if found else f"Stopped early. {job.problem}"
        if found is not None and found.explored.shortest is not None:
            board.put("schedule", found.explored.shortest.schedule)
    if told := st.session_state.get(VERDICT):
        st.info(escaped(told), icon=":material/fact_check:")


def _take_home(strategy: str, scene: Scene, seen: Look) -> None:
    if seen.outcome is None:
        st.caption("Play it to the end to export it as a test, an image or JSON.")
    with st.container(horizontal=True):
        if seen.outcome is not None:
            stem = file_name(strategy, seen.schedule).removesuffix(".py")
            test = of_schedule(strategy, scene, seen.schedule, seen.outcome)
            content = {
                "strategy": strategy,
                "schedule": seen.schedule,
                "kinds": list(seen.outcome.kinds),
                "told": seen.outcome.told,
                "report": seen.outcome.report.to_dict(),
            }
            download("pytest", test, f"{stem}.py", "text/x-python", "science")
            download("PNG", png(seen), f"{stem}.png", "image/png", "image")
            download("JSON", json.dumps(content, indent=2), f"{stem}.json", "application/json", "data_object")
        with st.popover("Copy the link", icon=":material/link:"):
            address = f"{st.context.url or ''}?{urlencode(st.query_params.to_dict())}"
            st.code(address, language=None, wrap_lines=True)
            st.caption("Anyone with this link can open the same schedule. It identifies nobody.")


def _picked() -> None:
    """A memory is met in the scene that shows its bug."""
    _set(own_scene(st.session_state[f"{SLOT}_strategy"]))
    _reset()


def _set(scene: Scene) -> None:
    st.session_state.update({f"{SLOT}_{name}": getattr(scene, name) for name in LIMITS})


def _reset() -> None:
    board.put("schedule", "")
    st.session_state.pop(VERDICT, None)
    drop(failure_search.SLOT)


def _from_link(names: list[str]) -> None:
    if f"{SLOT}_strategy" in st.session_state:
        return
    given, wrong = st.query_params, []
    strategy = given.get("strategy", names[0])
    if strategy not in names:
        wrong.append(f"There is no memory “{strategy[:40]}”.")
        strategy = names[0]
    st.session_state[f"{SLOT}_strategy"] = strategy
    scene = own_scene(strategy)
    numbers = {name: int(getattr(scene, name)) for name in LIMITS}
    for name, (least, most) in LIMITS.items():
        text = given.get(name, str(numbers[name]))
        if text.isdecimal() and len(text) < 4 and least <= int(text) <= most:
            numbers[name] = int(text)
        else:
            wrong.append(f"“{name}={text[:20]}”: expected {least} to {most}.")
    given_up = sum(map(str.islower, board.opened("schedule")))
    cancels = min(LIMITS["cancels"][1], max(given_up, numbers["cancels"]))
    _set(Scene(numbers["users"], bool(numbers["tabs"]), numbers["turns"], cancels))
    if wrong:
        board.refuse("schedule", " ".join(wrong), again=False)


# --- in which scene a memory shows what is wrong with it


def own_scene(strategy: str) -> Scene:
    """The smallest one that shows it; two users who each send a turn where there is nothing to show."""
    kind = find(strategy)
    turns = 2 if strategy in TWO_TURNS else 1
    tabs_alone = bool(kind.expects_tabs) and not (kind.expects or kind.expects_cancelled)
    return Scene(tabs=tabs_alone, turns=turns, cancels=1 if kind.cancels else 0)


def lacks(strategy: str, scene: Scene) -> str:
    """What is missing in a scene to show it, as half a sentence; empty: nothing."""
    own = own_scene(strategy)
    missing = []
    if own.tabs and not scene.tabs:
        missing.append("two tabs of one user")
    if own.turns > scene.turns and not scene.tabs:
        missing.append("two turns each")
    if own.cancels > scene.cancels:
        missing.append("a cancelled turn")
    return " and ".join(missing)


def elsewhere(strategy: str) -> bool:
    """Whether what is wrong with it shows only between processes, which the lab does not have."""
    kind = find(strategy)
    return bool(kind.expects_processes) and not (kind.expects or kind.expects_tabs or kind.expects_cancelled)
