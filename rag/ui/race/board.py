"""The board of the race lab: phones, next-step buttons, the code with everybody's place in it, and the store."""

from __future__ import annotations

import re
from typing import Literal

import streamlit as st

from rag.crosstalk.explore.scenes import LETTERS, PEOPLE, Scene
from rag.crosstalk.explore.stepping import LONGEST, BadSchedule
from rag.errors import CrosswireError
from rag.settings import Settings
from rag.ui.avatar import badge
from rag.ui.escaping import escaped
from rag.ui.palette import OWNERS
from rag.ui.race import memory_diagram, narration
from rag.ui.race.code_listing import annotated
from rag.ui.race.replay import COLOURS, Actor, Look, look

KEYS = "ABCDE"
SHORTCUTS = ("a", "b", "3", "4", "5")
"""Streamlit keeps C and R for itself."""
MOST = 2 * LONGEST
"""Letters of a schedule: the engine plays no longer one."""
TOUCHED = "race_touched"
"""The key of the board on which the last step was made."""


def draw(
    key: str,
    strategy: str,
    scene: Scene,
    settings: Settings,
    *,
    name: str | None = None,
    keys: bool | None = None,
    bug: bool = True,
) -> Look | None:
    """A stepper whose schedule is kept under this key. What it shows; None if it cannot be played.

    name: of the schedule in the address, if not the key. keys: whether the keyboard's letters play this board; None:
    there is no other one. bug: whether the code's wrong lines are marked.
    """
    slot, name = f"race_{key}", name or key
    opened(key, name)
    try:
        seen = look(strategy, scene, st.session_state[slot], settings)
    except BadSchedule as exc:
        refuse(key, f"{exc} It starts from the beginning.")
        st.session_state[slot] = ""
        seen = look(strategy, scene, "", settings)
    except CrosswireError as exc:
        st.error(str(exc), icon=":material/error:")
        return None
    if notice := st.session_state.get(f"{slot}_notice"):
        st.warning(escaped(notice), icon=":material/link_off:")
    link(name, seen.schedule)
    _buttons(key, seen, keys=keys is not False)
    if keys is not None:
        where = "play this board" if keys else "play the other board. Click here, and they play this one"
        st.caption(f":material/keyboard: The keys A, B and U {where}.")
    letters = "".join(f":{_colour(letter.upper())}[{letter}]" for letter in seen.schedule)
    st.markdown(f"So far: **{letters or '–'}**")
    step(seen)
    told(seen)
    beside = not large()  # large type needs the whole width
    columns = st.columns([1.15, 1], gap="medium") if beside else (st.container(), st.container())
    with columns[0]:
        places = [(actor.letter, actor.place) for actor in seen.actors]
        st.code(annotated(strategy, places, bug=bug), language="python")
        st.caption("A letter in the margin: that person's turn goes on there.")
    with columns[1]:
        store(seen, "stretch" if beside else 760)
    phones(seen)
    return seen


def opened(key: str, name: str | None = None) -> str:
    """The schedule under this key; at first the one that the address names."""
    slot = f"race_{key}"
    if slot not in st.session_state:
        found = st.query_params.get(name or key, "")
        good = len(found) <= MOST and re.fullmatch(r"[A-Ea-e]*", found)
        st.session_state[slot] = found if good else ""
        if not good:
            refuse(
                key,
                f"“{found[:40]}{'…' if found[40:] else ''}” is no schedule: expected at most {MOST} letters "
                "from A to E. It starts from the beginning.",
            )
    return str(st.session_state[slot])


def refuse(key: str, why: str) -> None:
    """What of an address could not be opened. It is said until somebody makes a step."""
    slot = f"race_{key}_notice"
    st.session_state[slot] = " ".join([*filter(None, [st.session_state.get(slot)]), why])


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


def link(name: str, schedule: str) -> None:
    """Keep the schedule in the page's address, so that it can be shared and found again after a reload."""
    if schedule:
        st.query_params[name] = schedule
    else:
        st.query_params.pop(name, None)


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
    st.image(memory_diagram.picture(seen), width=width, alt=memory_diagram.described(seen))
    whose = "one shared list" if seen.shared else "a list for each session"
    copies = " Dashed: what a turn has loaded, its own copy." if seen.copies else ""
    st.caption(f"What is stored: {whose}. A message's colour is that of whose turn it is.{copies}")


def step(seen: Look) -> None:
    """The last step, in words."""
    if seen.steps:
        label = escaped(seen.steps[-1][1])
        st.markdown(f":material/chevron_right: :{_colour(seen.steps[-1][0].upper())}[{label}] · {seen.told}")


def told(seen: Look) -> None:
    """How it ended, in words."""
    if seen.outcome is not None:
        tell, icon = st.warning, ":material/help:"  # it answered nobody, so it is neither right nor wrong
        if seen.outcome.wrong:
            tell, icon = st.error, ":material/report:"
        elif seen.outcome.right:
            tell, icon = st.success, ":material/check_circle:"
        kinds = f" ({', '.join(seen.outcome.kinds)})" if seen.outcome.kinds else ""
        tell(f"{escaped(narration.told(seen.outcome))}{kinds}", icon=icon)


def _buttons(key: str, seen: Look, *, keys: bool) -> None:
    slot = f"race_{key}"

    def shortcut(letter: str) -> str | None:
        return letter if keys else None

    with st.container(horizontal=True):
        for actor in seen.actors:
            name = actor.name if "tab" in actor.name else actor.name.split(",")[0]
            offered = actor.letter in seen.choices
            label = f":{_colour(actor.letter)}[**{name}**]: " if offered else f"{name}: "
            pressed = st.button(
                f"{label}{actor.label or 'done'}{' (waits)' if actor.blocked else ''}",
                key=f"{slot}_{actor.letter}",
                disabled=not offered,
                shortcut=shortcut(SHORTCUTS[KEYS.index(actor.letter)]),
            )
            if pressed:
                put(key, seen.schedule + actor.letter)
                st.rerun()
        for actor in seen.actors:
            up = f"{slot}_{actor.letter}_gives_up"
            if actor.gives_up and st.button(f"{actor.name} gives up", icon=":material/cancel:", key=up):
                put(key, seen.schedule + actor.letter.lower())
                st.rerun()
        with st.container(horizontal=True, width="content"):  # on a phone, both of them go into the next line
            blank = not seen.schedule
            undo = shortcut("u")
            if st.button("Undo", icon=":material/undo:", key=f"{slot}_undo", disabled=blank, shortcut=undo):
                put(key, seen.schedule[:-1])
                st.rerun()
            if st.button("Reset", icon=":material/restart_alt:", key=f"{slot}_reset", disabled=blank):
                put(key, "")
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
