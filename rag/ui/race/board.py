"""The board of the race lab: a scene that is explored once and played in the browser, or, where it is too large for
that, a step at a time on this server. Its schedule stands in the address."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from rag.crosstalk.explore.scenes import Scene
from rag.crosstalk.explore.stepping import LONGEST, BadSchedule
from rag.errors import CrosswireError, public_line
from rag.settings import Settings
from rag.ui.components import component
from rag.ui.escaping import escaped
from rag.ui.race.levels import LEVELS, Question
from rag.ui.race.scene.payload import Goals, payload
from rag.ui.race.scene.replay import Look
from rag.ui.race.scene.state_graph import Moment, TooLarge, advanced, chain, explored

MOST = 2 * LONGEST
"""Letters of a schedule: the engine plays no longer one."""
MOST_ENDED = 10
"""Schedules that a browser says have reached a goal; each is judged here."""
_SCHEDULE = re.compile(rf"[A-Ea-e]{{0,{MOST}}}")
MOST_KEYS = 200
"""Presses that are taken at once where the server steps."""
HINT = "Press a letter to make a step. U undoes, R restarts, P plays, ← and → look back and forth."
FOLDER = Path(__file__).with_name("stepper")


@dataclass(frozen=True, slots=True)
class Aim:
    """A goal as the board shows it. par: the fewest preemptions that reach it."""

    name: str
    done: bool
    par: int


def draw(
    key: str,
    strategy: str,
    scene: Scene,
    settings: Settings,
    *,
    level: str = "",
    aims: Sequence[Aim] = (),
    questions: Sequence[Question] = (),
    watch: bool = False,
    bug: bool = True,
    hint: str = HINT,
    above: float = 28.5,
) -> Look | None:
    """A board whose schedule is kept under this key. What it shows; None if it cannot be played. level: whose
    goals its ends are judged by. watch: to see a question's schedule played counts as the visitor's own playing. bug:
    whether the code's wrong lines are marked. above: what stands over the
    columns, in rem; they take the rest of the window."""
    notices = st.container()  # always there: whatever shifts on a page is mounted anew
    try:
        with notices:
            given = _given(strategy, scene, level, settings)
            moments = reopened(key, strategy, scene, settings)
    except CrosswireError as exc:
        st.error(public_line(exc), icon=":material/error:")
        return None
    slot = f"race_{key}"
    data = given or payload(strategy, scene, _stepped(moments), _goals(level))
    component("stepper", FOLDER)(
        key=f"{slot}_board",
        data={
            **data,
            "board": f"{key} {strategy} {scene}",
            "slot": key,
            "schedule": st.session_state[slot],
            "load": st.session_state.get(f"{slot}_load", 0),
            "stepped": given is None,
            "number": st.session_state.get(f"{slot}_number", 0),
            "refused": st.session_state.get(f"{slot}_refused", ""),
            "cancels": scene.cancels > 0,
            "goals": [asdict(aim) for aim in aims],
            "questions": [asdict(question) for question in questions],
            "watch": watch,
            "bug": bug,
            "hint": hint,
            "above": above,
        },
        on_sent_change=partial(_sent, key, strategy, scene, settings),
    )
    return moments[-1].look


@st.cache_data(show_spinner="Exploring every interleaving …", max_entries=64)
def _given(strategy: str, scene: Scene, level: str, _settings: Settings) -> dict[str, Any] | None:
    """The whole scene; None where it is too large. The same for everybody: nothing in it is anybody's."""
    with suppress(TooLarge):
        return payload(strategy, scene, explored(strategy, scene, _settings), _goals(level))
    return None


def _goals(level: str) -> Goals:
    return LEVELS[level].judged if level else lambda _: {}


def _stepped(moments: Sequence[Moment]) -> list[Moment]:
    """The way that was gone, and no other."""
    following = moments[1:]
    return [
        Moment(one.look, one.busy, {then.look.schedule[-1]: (number, then.look.told)})
        for number, (one, then) in enumerate(zip(moments, following, strict=False), 1)
    ] + [Moment(moments[-1].look, moments[-1].busy)]


def _sent(key: str, strategy: str, scene: Scene, settings: Settings) -> None:
    """What the browser tells of a board."""
    told = st.session_state[f"race_{key}_board"].get("sent")
    if isinstance(told, Mapping) and told.get("board") == f"{key} {strategy} {scene}":
        received(key, strategy, scene, settings, told)


def received(key: str, strategy: str, scene: Scene, settings: Settings, told: Mapping[str, Any]) -> None:
    """told: `schedule`, as played so far, and whether it is the visitor's `own`; `keys`: what was pressed since, for
    this server to play, in the order pressed: letters, `<` to undo and `0` to begin anew; `number` of the question.
    `ended`: schedules played here, and left since, that reached a goal."""
    schedule, keys = str(told.get("schedule", "")), str(told.get("keys", ""))[:MOST_KEYS]
    if not _SCHEDULE.fullmatch(schedule):
        return
    slot = f"race_{key}"
    if keys:
        known = st.session_state.get(f"{slot}_chain", ())
        try:
            moments, refused = advanced(strategy, scene, schedule, keys, known, settings)
        except BadSchedule as exc:
            moments, refused = [], str(exc)
        except CrosswireError as exc:
            moments, refused = [], public_line(exc)
        st.session_state[f"{slot}_chain"] = moments
        st.session_state[f"{slot}_number"], st.session_state[f"{slot}_refused"] = told.get("number", 0), refused
        schedule = moments[-1].look.schedule if moments else ""
    st.session_state[slot] = schedule
    ended = told.get("ended")
    if isinstance(ended, list):
        st.session_state[f"{slot}_ended"] = [one for one in map(str, ended[:MOST_ENDED]) if _SCHEDULE.fullmatch(one)]
    if told.get("own"):
        st.session_state[f"{slot}_own"] = schedule
        st.session_state.pop(f"{slot}_notice", None)


def reopened(key: str, strategy: str, scene: Scene, settings: Settings) -> list[Moment]:
    """The moments of the schedule under this key. The address names it, so that it can be shared and found again after
    a reload; one that cannot be played begins anew, and that is said. Raises CrosswireError."""
    slot = f"race_{key}"
    known = st.session_state.get(f"{slot}_chain", ())
    if st.session_state.get(f"{slot}_of") != (strategy, scene):
        known = ()
    try:
        moments = chain(strategy, scene, opened(key), known, settings)
    except BadSchedule as exc:
        refuse(key, str(exc))
        moments = chain(strategy, scene, "", (), settings)
    st.session_state[f"{slot}_chain"], st.session_state[f"{slot}_of"] = moments, (strategy, scene)
    if said := st.session_state.get(f"{slot}_notice"):
        st.warning(escaped(said), icon=":material/link_off:")
    addressed(**{key: st.session_state[slot]})
    return moments


def addressed(**parameters: str) -> None:
    """Into the address, where it does not hold that yet: whatever is set is sent to the browser. Empty: not there."""
    for name, value in parameters.items():
        if st.query_params.get(name, "") == value:
            continue
        if value:
            st.query_params[name] = value
        else:
            st.query_params.pop(name, None)


def opened(key: str) -> str:
    """The schedule under this key; at first the one that the address names."""
    slot = f"race_{key}"
    if slot not in st.session_state:
        found = st.query_params.get(key, "")
        st.session_state[slot] = found
        if len(found) > MOST or not re.fullmatch(r"[A-Ea-e]*", found):
            shown = f"“{found[:40]}{'…' if found[40:] else ''}”"
            refuse(key, f"{shown} is not a schedule: expected up to {MOST} letters from A to E.")
    return str(st.session_state[slot])


def refuse(key: str, why: str, *, again: bool = True) -> None:
    """What of an address could not be opened. It is said until somebody makes a step. again: the board begins anew."""
    slot, end = f"race_{key}_notice", ""
    if again:
        st.session_state[f"race_{key}"], end = "", " Starting from the beginning."
    st.session_state[slot] = f"{st.session_state.get(slot, '')} {why}{end}".strip()


def put(key: str, schedule: str) -> None:
    """A schedule of the visitor's own choice, onto the board."""
    slot = f"race_{key}"
    st.session_state[slot] = st.session_state[f"{slot}_own"] = schedule
    st.session_state[f"{slot}_load"] = st.session_state.get(f"{slot}_load", 0) + 1
    st.session_state.pop(f"{slot}_notice", None)


def own(key: str, schedule: str) -> bool:
    """Whether the visitor brought it there: opening somebody's link reaches no goal."""
    return bool(st.session_state.get(f"race_{key}_own") == schedule)


def played(key: str) -> list[str]:
    """Of the visitor's own schedules the one on the board, and those that the browser says have reached a goal."""
    now = str(st.session_state.get(f"race_{key}", ""))
    return [*st.session_state.get(f"race_{key}_ended", ()), *([now] if own(key, now) else [])]


def large() -> bool:
    """Whether a presenter has asked for large type."""
    return bool(st.session_state.get("race_presenter"))
