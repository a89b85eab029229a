"""The board of the race lab: phones, next-step buttons, the code with everybody's place in it, and the store."""

from __future__ import annotations

import streamlit as st

from rag.crosstalk.scenes import Scene
from rag.crosstalk.stepping import BadSchedule
from rag.errors import CrosswireError
from rag.settings import Settings
from rag.ui.plain import escaped
from rag.ui.race_play import COLOURS, Look, annotated, look, owner_of

KEYS = "ABCDE"


def draw(key: str, strategy: str, scene: Scene, settings: Settings, *, code: bool = True) -> Look | None:
    """A stepper whose schedule is kept under this key. What it shows; None if it cannot be played."""
    slot = f"race_{key}"
    st.session_state.setdefault(slot, "")
    try:
        seen = look(strategy, scene, st.session_state[slot], settings)
    except BadSchedule as exc:
        st.error(f"{exc} It starts from the beginning.", icon=":material/error:")
        st.session_state[slot] = ""
        seen = look(strategy, scene, "", settings)
    except CrosswireError as exc:
        st.error(str(exc), icon=":material/error:")
        return None
    phones(seen)
    _buttons(slot, seen)
    told(seen)
    left, right = st.columns([1.1, 1], gap="large") if code else (None, st.container())
    if left is not None:
        with left:
            st.caption("The code. A letter stands where that person's turn goes on.")
            st.code(annotated(strategy, seen.actors), language="python")
    with right:
        store(seen)
    return seen


def phones(seen: Look) -> None:
    for column, actor in zip(st.columns(len(seen.actors)), seen.actors, strict=True):
        with column, st.container(border=True, height=250):
            st.markdown(f":{_colour(actor.letter)}-badge[{actor.letter}] **{escaped(actor.name)}**")
            for role, text in actor.bubbles:
                icon = {"user": ":material/person:", "assistant": ":material/smart_toy:"}.get(role, ":material/error:")
                with st.chat_message("user" if role == "user" else "assistant", avatar=icon):
                    st.markdown(_coloured(text, actor.letter))
            if actor.waiting:
                st.caption(":material/more_horiz: waiting for the answer")


def store(seen: Look) -> None:
    """What is stored, each message in the colour of its owner. One list for all is one box with everybody's arrow."""
    if seen.shared:
        names = " → ".join(f":{_colour(actor.letter)}-badge[{actor.letter}]" for actor in seen.actors)
        boxes = [(f"{names} → **one shared list**", seen.stored[0][1])]
    else:
        boxes = [(f"**{escaped(session)}**", messages) for session, messages in seen.stored]
    st.caption("What is stored. A message's colour is that of whose turn it is.")
    for title, messages in boxes:
        with st.container(border=True):
            st.markdown(title)
            if not messages:
                st.caption("empty")
            for role, text in messages:
                owner = owner_of(text) or "?"
                colour = _colour(owner)
                st.markdown(f":{colour}-background[**{owner}** {role}] {escaped(text)}")


def told(seen: Look) -> None:
    """What just happened, in words."""
    if seen.steps:
        letter, label = seen.steps[-1]
        name = next(actor.name for actor in seen.actors if actor.letter == letter.upper())
        st.markdown(f":material/chevron_right: **{escaped(name)}**: {escaped(label)}")
    if seen.outcome is not None:
        tell = st.error if seen.outcome.wrong else st.success
        icon = ":material/report:" if seen.outcome.wrong else ":material/check_circle:"
        kinds = f" ({', '.join(seen.outcome.kinds)})" if seen.outcome.kinds else ""
        tell(f"{escaped(seen.outcome.told)}{kinds}", icon=icon)


def _buttons(slot: str, seen: Look) -> None:
    with st.container(horizontal=True):
        for actor in seen.actors:
            first = actor.name.split(",")[0] if "tab" not in actor.name else actor.name
            label = f"{first}: {actor.label}" if actor.label else f"{first}: done"
            pressed = st.button(
                f"{label} (waits)" if actor.blocked else label,
                key=f"{slot}_{actor.letter}",
                disabled=actor.letter not in seen.choices,
                shortcut=actor.letter.lower(),
            )
            if pressed:
                st.session_state[slot] += actor.letter
                st.rerun()
        if st.button("Undo", icon=":material/undo:", key=f"{slot}_undo", disabled=not seen.schedule, shortcut="u"):
            st.session_state[slot] = seen.schedule[:-1]
            st.rerun()
        if st.button("Reset", icon=":material/restart_alt:", key=f"{slot}_reset", disabled=not seen.schedule):
            st.session_state[slot] = ""
            st.rerun()
    st.caption(f"So far: `{seen.schedule or '–'}`")


def _coloured(text: str, letter: str) -> str:
    """An address that is somebody else's stands out in its owner's colour."""
    from rag.crosstalk.scenes import LETTERS, PEOPLE

    shown = escaped(text)
    for owner, (name, address) in zip(LETTERS, PEOPLE, strict=True):
        if owner != letter and escaped(address) in shown:
            shown = shown.replace(escaped(address), f":{_colour(owner)}-background[**{escaped(address)}** ({name}'s)]")
    return shown


def _colour(letter: str) -> str:
    return COLOURS[KEYS.index(letter)] if letter in KEYS else "gray"
