"""The board of the race lab: phones, next-step buttons, the code with everybody's place in it, and the store."""

from __future__ import annotations

import re
from typing import Literal

import streamlit as st

from rag.crosstalk.explore.scenes import LETTERS, PEOPLE, Scene
from rag.crosstalk.explore.stepping import LONGEST, BadSchedule
from rag.errors import CrosswireError, public_line
from rag.settings import Settings
from rag.ui.anomalies import definitions
from rag.ui.avatar import badge
from rag.ui.escaping import escaped
from rag.ui.palette import NAMED, OWNERS
from rag.ui.race import memory_diagram, narration
from rag.ui.race.code_listing import annotated
from rag.ui.race.replay import Actor, Look, look

SHORTCUTS = ("a", "b", "3", "4", "5")
"""Streamlit keeps C and R for itself."""
MOST = 2 * LONGEST
"""Letters of a schedule: the engine plays no longer one."""
TOUCHED = "race_touched"
"""The key of the board on which the last step was made."""


def draw(
    key: str, strategy: str, scene: Scene, settings: Settings, *, keys: bool | None = None, bug: bool = True
) -> Look | None:
    """A stepper whose schedule is kept under this key. What it shows; None if it cannot be played.

    keys: whether the keyboard's letters play this board; None: there is no other one. bug: whether the code's wrong
    lines are marked.
    """
    try:
        seen = reopened(key, strategy, scene, settings)
    except CrosswireError as exc:
        st.error(public_line(exc), icon=":material/error:")
        return None
    _buttons(key, seen, keys=keys is not False)
    if keys is not None:
        which = "this board" if keys else "the other board. Click here to control this one"
        st.caption(f":material/keyboard: The keys A, B and U control {which}.")
    letters = "".join(f":{NAMED[letter.upper()]}[{letter}]" for letter in seen.schedule)
    st.markdown(f"So far: **{letters or '–'}**")
    step(seen)
    told(seen)
    beside = not large()  # large type needs the whole width
    columns = st.columns([1.15, 1], gap="medium") if beside else (st.container(), st.container())
    with columns[0]:
        places = [(actor.letter, actor.place) for actor in seen.actors]
        st.code(annotated(strategy, places, bug=bug), language="python")
        st.caption("The letters show where each person is.")
    with columns[1]:
        store(seen, "stretch" if beside else 760)
    phones(seen)
    return seen


def reopened(key: str, strategy: str, scene: Scene, settings: Settings) -> Look:
    """What the schedule under this key leads to. The address names it, so that it can be shared and found again after a
    reload; one that cannot be played begins anew, and that is said. Raises CrosswireError."""
    try:
        seen = look(strategy, scene, opened(key), settings)
    except BadSchedule as exc:
        refuse(key, str(exc))
        seen = look(strategy, scene, "", settings)
    if said := st.session_state.get(f"race_{key}_notice"):
        st.warning(escaped(said), icon=":material/link_off:")
    if seen.schedule:
        st.query_params[key] = seen.schedule
    else:
        st.query_params.pop(key, None)
    return seen


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
    """A schedule of the visitor's own choice."""
    slot = f"race_{key}"
    st.session_state[slot] = st.session_state[f"{slot}_own"] = schedule
    st.session_state[TOUCHED] = key
    st.session_state.pop(f"{slot}_notice", None)


def own(key: str, schedule: str) -> bool:
    """Whether the visitor brought it there: opening somebody's link reaches no goal."""
    return bool(st.session_state.get(f"race_{key}_own") == schedule)


def touched(*keys: str) -> str:
    """Which of these boards was played last; empty: none of them since `let_go`."""
    key = st.session_state.get(TOUCHED, "")
    return key if key in keys else ""


def let_go() -> None:
    """What was done on a board is done: the keys are free for the next one."""
    st.session_state.pop(TOUCHED, None)


def large() -> bool:
    """Whether a presenter has asked for large type."""
    return bool(st.session_state.get("race_presenter"))


def phones(seen: Look) -> None:
    across = 2 if large() or len(seen.actors) in (2, 4) else 3
    columns = [column for _ in seen.actors[::across] for column in st.columns(across)]
    for column, actor in zip(columns, seen.actors, strict=False):
        with column, st.container(border=True):
            _phone(actor)


def _phone(actor: Actor) -> None:
    st.markdown(f":{NAMED[actor.letter]}-badge[{actor.letter}] **{escaped(actor.name)}**")
    mine = badge(actor.letter, OWNERS[actor.letter])
    for role, text in actor.bubbles:
        icon = {"user": mine, "assistant": ":material/smart_toy:"}.get(role, ":material/error:")
        with st.chat_message("user" if role == "user" else "assistant", avatar=icon):
            st.markdown(_coloured(text, actor))
    if actor.waiting:
        st.caption(":material/more_horiz: waiting for the answer")
    elif not actor.bubbles:
        st.caption("Nothing said yet.")


def store(seen: Look, width: int | Literal["stretch"] = "stretch") -> None:
    """What is stored, as boxes with arrows into them, and what turns under way have loaded. width: at most."""
    memory_diagram.draw(seen, width)
    whose = "one shared list" if seen.shared else "one list per session"
    copies = " Dashed: a turn's own copy." if seen.copies else ""
    st.caption(f"Stored: {whose}. A message has the colour of the person whose turn it is.{copies}")


def step(seen: Look) -> None:
    """The last step, in words."""
    if seen.steps:
        letter, label, _ = seen.steps[-1]
        st.markdown(f":material/chevron_right: :{NAMED[letter.upper()]}[{escaped(label)}] · {seen.told}")


def told(seen: Look) -> None:
    """How it ended, in words."""
    if seen.outcome is None:
        return
    said = escaped(narration.told(seen.outcome))
    if kinds := seen.outcome.kinds:
        st.error(said, icon=":material/report:")
        st.caption(f"Anomalies: {', '.join(kinds)}", help=definitions(kinds), width="content")
    elif seen.outcome.right:
        st.success(said, icon=":material/check_circle:")
    else:  # it answered nobody, so it is neither right nor wrong
        st.warning(said, icon=":material/help:")


def _buttons(key: str, seen: Look, *, keys: bool) -> None:
    slot, done = f"race_{key}", seen.schedule

    def button(label: str, name: str, schedule: str, shortcut: str | None = None, **options: object) -> None:
        if st.button(label, key=f"{slot}_{name}", shortcut=shortcut if keys else None, **options):  # type: ignore[arg-type]
            put(key, schedule)
            st.rerun()

    with st.container(horizontal=True):
        for actor, shortcut in zip(seen.actors, SHORTCUTS, strict=False):
            offered = actor.letter in seen.choices
            label = f":{NAMED[actor.letter]}[**{actor.name}**]: " if offered else f"{actor.name}: "
            label += f"{actor.label or 'done'}{' (waits)' if actor.blocked else ''}"
            button(label, actor.letter, done + actor.letter, shortcut, disabled=not offered)
        for actor in seen.actors:
            if actor.gives_up:
                cancelled = done + actor.letter.lower()
                button(f"{actor.name} cancels", f"{actor.letter}_gives_up", cancelled, icon=":material/cancel:")
        with st.container(horizontal=True, width="content"):  # on a phone, both of them go into the next line
            button("Undo", "undo", done[:-1], "u", icon=":material/undo:", disabled=not done)
            button("Reset", "reset", "", icon=":material/restart_alt:", disabled=not done)


def _coloured(text: str, actor: Actor) -> str:
    """An address that is somebody else's stands out in its owner's colour."""
    shown = escaped(text)
    for owner, (name, address) in zip(LETTERS, PEOPLE, strict=True):
        if not actor.name.startswith(name) and escaped(address) in shown:
            shown = shown.replace(escaped(address), f":{NAMED[owner]}-background[**{escaped(address)}** ({name}'s)]")
    return shown
