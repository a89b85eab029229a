"""The board of the race lab: phones, next-step buttons, the code with everybody's place in it, and the store."""

from __future__ import annotations

import re
from typing import Literal

import streamlit as st

from rag.crosstalk.scenes import LETTERS, PEOPLE, Scene
from rag.crosstalk.stepping import BadSchedule
from rag.errors import CrosswireError
from rag.settings import Settings
from rag.ui import race_memory
from rag.ui.avatar import badge
from rag.ui.palette import OWNERS
from rag.ui.plain import escaped
from rag.ui.race_play import COLOURS, Actor, Look, annotated, look

KEYS = "ABCDE"
SHORTCUTS = ("a", "b", "3", "4", "5")
"""Streamlit keeps C for itself."""


def draw(key: str, strategy: str, scene: Scene, settings: Settings, *, code: bool = True) -> Look | None:
    """A stepper whose schedule is kept under this key. What it shows; None if it cannot be played."""
    slot = f"race_{key}"
    st.session_state.setdefault(slot, linked(key))
    try:
        seen = look(strategy, scene, st.session_state[slot], settings)
    except BadSchedule as exc:
        st.error(f"{exc} It starts from the beginning.", icon=":material/error:")
        st.session_state[slot] = ""
        seen = look(strategy, scene, "", settings)
    except CrosswireError as exc:
        st.error(str(exc), icon=":material/error:")
        return None
    link(key, seen.schedule)
    _buttons(slot, seen)
    with st.container(horizontal=True):
        letters = "".join(f":{_colour(letter.upper())}[{letter}]" for letter in seen.schedule)
        st.markdown(f"So far: **{letters or '–'}**", width="content")
        step(seen)
    told(seen)
    beside = not large()  # large type needs the whole width
    columns = st.columns([1.15, 1], gap="medium") if beside else (st.container(), st.container())
    left, right = columns if code else (None, st.container())
    if left is not None:
        with left:
            st.code(annotated(strategy, seen.actors), language="python")
            st.caption("A letter in the margin: that person's turn goes on there.")
    with right:
        store(seen, "stretch" if beside else 760)
    phones(seen)
    return seen


def link(key: str, schedule: str) -> None:
    """Keep the schedule in the page's address, so that it can be shared and found again after a reload."""
    if schedule:
        st.query_params[key] = schedule
    else:
        st.query_params.pop(key, None)


def linked(key: str) -> str:
    """The schedule that the address names, if it is one."""
    found = st.query_params.get(key, "")
    return found if re.fullmatch(r"[A-Ea-e]{0,120}", found) else ""


def large() -> bool:
    """Whether a presenter has asked for large type."""
    return bool(st.session_state.get("race_presenter"))


def phones(seen: Look) -> None:
    across = 2 if large() or len(seen.actors) in (2, 4) else 3
    for first in range(0, len(seen.actors), across):
        for column, actor in zip(st.columns(across), seen.actors[first : first + across], strict=False):
            with column, st.container(border=True):
                _phone(actor)


def _phone(actor: Actor) -> None:
    st.markdown(f":{_colour(actor.letter)}-badge[{actor.letter}] **{escaped(actor.name)}**")
    mine = badge(actor.letter, OWNERS[KEYS.index(actor.letter)])
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
    st.image(race_memory.picture(seen), width=width, alt=race_memory.described(seen))
    whose = "one shared list" if seen.shared else "a list for each session"
    copies = " Dashed: what a turn has loaded, its own copy." if seen.copies else ""
    st.caption(f"What is stored: {whose}. A message's colour is that of whose turn it is.{copies}")


def step(seen: Look) -> None:
    """The last step, in words."""
    if seen.steps:
        letter, label = seen.steps[-1]
        name = next(actor.name for actor in seen.actors if actor.letter == letter.upper())
        st.markdown(f":material/chevron_right: **{escaped(name)}**: {escaped(label)}", width="content")


def told(seen: Look) -> None:
    """How it ended, in words."""
    if seen.outcome is not None:
        tell = st.error if seen.outcome.wrong else st.success
        icon = ":material/report:" if seen.outcome.wrong else ":material/check_circle:"
        kinds = f" ({', '.join(seen.outcome.kinds)})" if seen.outcome.kinds else ""
        tell(f"{escaped(seen.outcome.told)}{kinds}", icon=icon)


def _buttons(slot: str, seen: Look) -> None:
    with st.container(horizontal=True):
        for actor in seen.actors:
            name = actor.name if "tab" in actor.name else actor.name.split(",")[0]
            offered = actor.letter in seen.choices
            label = f":{_colour(actor.letter)}[**{name}**]: " if offered else f"{name}: "
            pressed = st.button(
                f"{label}{actor.label or 'done'}{' (waits)' if actor.blocked else ''}",
                key=f"{slot}_{actor.letter}",
                disabled=not offered,
                shortcut=SHORTCUTS[KEYS.index(actor.letter)],
            )
            if pressed:
                st.session_state[slot] += actor.letter
                st.rerun()
        with st.container(horizontal=True, width="content"):  # on a phone, both of them go into the next line
            if st.button("Undo", icon=":material/undo:", key=f"{slot}_undo", disabled=not seen.schedule, shortcut="u"):
                st.session_state[slot] = seen.schedule[:-1]
                st.rerun()
            if st.button("Reset", icon=":material/restart_alt:", key=f"{slot}_reset", disabled=not seen.schedule):
                st.session_state[slot] = ""
                st.rerun()


def _coloured(text: str, actor: Actor) -> str:
    """An address that is somebody else's stands out in its owner's colour."""
    shown = escaped(text)
    for owner, (name, address) in zip(LETTERS, PEOPLE, strict=True):
        if not actor.name.startswith(name) and escaped(address) in shown:
            shown = shown.replace(escaped(address), f":{_colour(owner)}-background[**{escaped(address)}** ({name}'s)]")
    return shown


def _colour(letter: str) -> str:
    return COLOURS[KEYS.index(letter)] if letter in KEYS else "gray"
