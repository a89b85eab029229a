"""One session: what was said, beside what is really stored, and what the model would be sent next. Kept up to date."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st
from langchain_core.messages import BaseMessage

from rag.errors import CrosswireError
from rag.inspector import flags
from rag.inspector.safe_text import line
from rag.inspector.timestamps import moment
from rag.inspector.views.session import Element, View, pretty
from rag.sessions.listing.directory import Row
from rag.sessions.names import colour, friendly_name
from rag.ui.avatar import badge
from rag.ui.chat.session_card import duration
from rag.ui.chat.transcript import ASSISTANT
from rag.ui.escaping import count, escaped
from rag.ui.inspector import quarantine
from rag.ui.inspector.context import Desk

PART = 30
SHOWN = 8
"""Of several chosen sessions, so many can be shown, one at a time."""
GAP = 120.0
SECRET_FIELDS = ("title", "summary")


def draw(desk: Desk, ids: Sequence[str]) -> None:
    """One of these sessions."""
    shown = ids[0]
    if len(ids) > 1:
        part = list(ids[:SHOWN])
        picked = st.pills(
            "Shown below", part, default=shown, format_func=friendly_name, key="inspector_shown", required=True
        )
        shown = picked if picked in part else shown
    st.fragment(_live, run_every=desk.every)(desk, shown)


def _live(desk: Desk, session_id: str) -> None:
    try:
        seen, row = desk.inspector.view(session_id), desk.inspector.row(session_id)
        desk.looked(session_id)
    except CrosswireError as exc:
        st.error(str(exc), icon=":material/error:")
        return
    if seen is None:
        st.info(
            f"{friendly_name(session_id)} has ended. Nothing of it is stored any more.",
            icon=":material/hourglass_empty:",
        )
        return
    _head(desk, session_id, row, seen)
    said, stored = st.columns([3, 2], gap="medium")
    with said:
        _transcript(desk, seen)
    with stored:
        _stored(desk, seen)


def _head(desk: Desk, session_id: str, row: Row | None, seen: View) -> None:
    name, shade = friendly_name(session_id), colour(session_id)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.image(badge(name, shade), width=40)
        st.subheader(name, anchor=False, width="content")
    st.code(line(session_id), language=None)
    if row is not None:
        info = row.info
        facts = (
            [count(info.turns, "turn"), count(info.messages, "message")]
            if desk.ours
            else [count(len(seen.elements), "message")]
        )
        facts.append("never ends" if info.ttl is None else f"ends in {duration(info.ttl)}")
        facts += [f"cut: {info.trimmed}"] if info.trimmed else []
        facts += sorted(flags(row, desk.you))
        st.caption(" · ".join(escaped(fact) for fact in facts))


def _transcript(desk: Desk, seen: View) -> None:
    key = f"inspector_shown_{seen.id}"
    shown = st.session_state.get(key, PART)
    part = seen.elements[-shown:]
    if left := seen.before + len(seen.elements) - len(part):
        st.button(f"Show earlier ({left:,} more)", key=f"{key}_more", on_click=_more, args=(key, shown))
    before: Element | None = None
    for element in part:
        _said(desk, seen, element, before)
        before = element
    if not seen.elements:
        st.caption("No messages.")


def _more(key: str, shown: int) -> None:
    st.session_state[key] = shown + 4 * PART


def _said(desk: Desk, seen: View, element: Element, before: Element | None) -> None:
    said = element.said
    if before is not None and said.at - before.said.at > GAP and before.said.at:
        st.caption(f"— {duration(said.at - before.said.at)} later —", text_alignment="center")
    owner = said.owner if said.problem == "foreign" and said.owner else seen.id
    name, shade = friendly_name(owner), colour(owner)
    human = said.role == "user"
    # What is somebody else's is drawn in his colour, whoever said it.
    picture = badge(name, shade) if human or said.problem else ASSISTANT
    with st.chat_message("user" if human else "assistant", avatar=picture):
        parts = [f"turn {said.turn}" if said.turn else said.role, _clock(said.at)]
        parts += [f"{said.tokens} tokens"] if said.tokens else []
        st.caption(" · ".join(part for part in parts if part))
        if said.problem:
            whose = f" It belongs to {name}." if said.problem == "foreign" and said.owner else ""
            st.error(f"**{said.problem}**: {escaped(said.detail)}.{whose}", icon=":material/warning:")
        st.text(desk.text(said.text))
        if said.documents:
            st.caption("From " + ", ".join(escaped(line(one, 60)) for one in said.documents))


def _clock(at: float) -> str:
    found = moment(at)
    return found.strftime("%Y-%m-%d %H:%M:%S UTC") if found else ""


# --- what is stored


def _stored(desk: Desk, seen: View) -> None:
    names = ["Keys", "Stored JSON"] + (["Next prompt", "Quarantine"] if desk.ours else [])
    tabs = st.tabs(names, key="inspector_stored", on_change="rerun")
    with tabs[0]:
        _keys(desk, seen)
    with tabs[1]:
        if tabs[1].open:
            _json(desk, seen)
    if desk.ours:
        with tabs[2]:
            if tabs[2].open:
                _prompt(desk, seen)
        with tabs[3]:
            if tabs[3].open:
                quarantine.draw(desk, seen.id)


def _keys(desk: Desk, seen: View) -> None:
    frame = pd.DataFrame(
        [
            {
                "key": line(key.name.replace(seen.id, "…" if len(seen.id) > 12 else seen.id)),
                "type": key.type,
                "encoding": key.encoding,
                "length": key.length,
                "bytes": key.bytes,
                "ends in": "never" if key.ttl is None else duration(key.ttl),
            }
            for key in seen.keys
        ]
    )
    st.dataframe(frame, hide_index=True)
    if seen.fields:
        st.caption("What is known of the session, and its versions")
        shown = {
            line(name): line(desk.text(value) if name in SECRET_FIELDS else value, 200)
            for name, value in sorted(seen.fields.items())
        }
        st.dataframe(pd.DataFrame({"field": list(shown), "value": list(shown.values())}), hide_index=True)


def _json(desk: Desk, seen: View) -> None:
    if not seen.elements:
        st.caption("No elements.")
        return
    first, last = seen.elements[0].number, seen.elements[-1].number
    number = st.number_input("Element", first, last, last, key=f"inspector_element_{seen.id}")
    element = seen.elements[int(number) - first]
    st.caption(f"{len(element.raw):,} bytes at place {element.number} of {last + 1:,}, oldest first")
    if desk.reveal:
        st.code(pretty(element.raw), language="json", wrap_lines=True)
    else:
        st.caption(":material/visibility_off: Switch on “Reveal texts” to see it.")


def _prompt(desk: Desk, seen: View) -> None:
    strange = sum(bool(element.said.problem) for element in seen.elements)
    if strange and not desk.changes:
        st.caption(
            ":material/lock: To see it, the history is read as the chat reads it, which puts "
            f"{count(strange, 'element')} into quarantine. Switch on “Allow changes” for that."
        )
        return
    question = st.text_input("If this were asked next", "Hello?", key=f"inspector_asked_{seen.id}", max_chars=500)
    try:
        prompt = desk.services.chat.preview(seen.id, question)
    except CrosswireError as exc:
        st.error(str(exc), icon=":material/error:")
        return
    history = sum(message.type in ("human", "ai") for message in prompt) - 1
    kept, of = min(history, len(seen.messages)), len(seen.messages) + seen.before
    st.caption(f"{count(len(prompt), 'message')}: {kept} of {of} stored ones; {of - kept} left out by pruning.")
    _messages(desk, prompt)


def _messages(desk: Desk, prompt: Sequence[BaseMessage]) -> None:
    with st.container(height=420, border=True):
        for message in prompt:
            st.caption(message.type)
            st.text(desk.text(message.text))
