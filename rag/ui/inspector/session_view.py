"""One session: what was said, beside what is really stored, and what the model would be sent next. Kept up to date."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from rag.colours import colour
from rag.inspector import flags
from rag.inspector.actions.changes import Changes
from rag.inspector.parsing.message_parsers import Said
from rag.inspector.timestamps import moment
from rag.inspector.timestamps import shown as moment_shown
from rag.inspector.views.session import View, pretty
from rag.safe_text import line
from rag.sessions.listing.directory import Row
from rag.sessions.names import friendly_name
from rag.sessions.protocol.replies import Quarantined
from rag.ui.avatar import badge
from rag.ui.chat.transcript import ASSISTANT
from rag.ui.escaping import count, duration, escaped
from rag.ui.feedback import errors_shown
from rag.ui.inspector.context import Context

PART = 30
SHOWN = 8
"""Of several chosen sessions, so many can be shown, one at a time."""
GAP = 120.0
SECRET_FIELDS = ("title", "summary")


def draw(context: Context, ids: Sequence[str]) -> None:
    """One of these sessions."""
    shown = ids[0]
    if len(ids) > 1:
        part = list(ids[:SHOWN])
        picked = st.pills("Show", part, default=shown, format_func=friendly_name, key="inspector_shown", required=True)
        shown = picked if picked in part else shown
    st.fragment(_live, run_every=context.every)(context, shown)


@errors_shown("error", str)
def _live(context: Context, session_id: str) -> None:
    seen, row = context.inspector.view(session_id), context.inspector.row(session_id)
    context.looked(session_id)
    if seen is None:
        ended = f"{friendly_name(session_id)} has ended. Nothing is stored for it any more."
        st.info(ended, icon=":material/hourglass_empty:")
        return
    _head(context, session_id, row, seen)
    said, stored = st.columns([3, 2], gap="medium")
    with said:
        _transcript(context, seen)
    with stored:
        _stored(context, seen)


def _head(context: Context, session_id: str, row: Row | None, seen: View) -> None:
    name, shade = friendly_name(session_id), colour(session_id)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.image(badge(name, shade), width=40)
        st.subheader(name, anchor=False, width="content")
    st.code(line(session_id), language=None)
    if row is not None:
        info = row.info
        turns = [count(info.turns, "turn"), count(info.messages, "message")]
        facts = turns if context.ours else [count(len(seen.elements), "message")]
        facts.append("never ends" if info.ttl is None else f"ends in {duration(info.ttl)}")
        facts += [f"{info.trimmed} trimmed"] if info.trimmed else []
        facts += sorted(flags(row, context.you))
        st.caption(" · ".join(escaped(fact) for fact in facts))


def _transcript(context: Context, seen: View) -> None:
    key = f"inspector_shown_{seen.id}"
    shown = st.session_state.get(key, PART)
    part = seen.elements[-shown:]
    if left := seen.before + len(seen.elements) - len(part):
        more = {key: shown + 4 * PART}
        st.button(f"Show earlier ({left:,} more)", key=f"{key}_more", on_click=st.session_state.update, args=(more,))
    before = 0.0
    for element in part:
        if before and element.said.at - before > GAP:
            st.caption(f"— {duration(element.said.at - before)} later —", text_alignment="center")
        _said(context, seen, element.said)
        before = element.said.at
    if not seen.elements:
        st.caption("No messages.")


def _said(context: Context, seen: View, said: Said) -> None:
    owner = said.owner if said.problem == "foreign" and said.owner else seen.id
    name, shade = friendly_name(owner), colour(owner)
    human = said.role == "user"
    # What is somebody else's is drawn in his colour, whoever said it.
    picture = badge(name, shade) if human or said.problem else ASSISTANT
    with st.chat_message("user" if human else "assistant", avatar=picture):
        at = moment(said.at)
        clock, tokens = at and f"{at:%Y-%m-%d %H:%M:%S} UTC", said.tokens and f"{said.tokens} tokens"
        parts = [f"turn {said.turn}" if said.turn else said.role, clock, tokens]
        st.caption(" · ".join(part for part in parts if part))
        if said.problem:
            whose = f" It belongs to {name}." if said.problem == "foreign" and said.owner else ""
            st.error(f"**{said.problem}**: {escaped(said.detail)}.{whose}", icon=":material/warning:")
        st.text(context.text(said.text))
        if said.documents:
            st.caption("From " + ", ".join(escaped(line(one, 60)) for one in said.documents))


# --- what is stored


def _stored(context: Context, seen: View) -> None:
    parts = {"Keys": _keys, "Stored JSON": _json}
    if context.ours:
        parts |= {"Next prompt": _prompt, "Quarantine": _quarantine}
    for tab, part in zip(st.tabs(list(parts), key="inspector_stored", on_change="rerun"), parts.values(), strict=True):
        with tab:
            if tab.open:
                part(context, seen)


def _keys(context: Context, seen: View) -> None:
    keys = [
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
    st.dataframe(keys, hide_index=True)
    if seen.fields:
        st.caption("Session metadata")
        fields = [
            {"field": line(name), "value": line(context.text(value) if name in SECRET_FIELDS else value, 200)}
            for name, value in sorted(seen.fields.items())
        ]
        st.dataframe(fields, hide_index=True)


def _json(context: Context, seen: View) -> None:
    if not seen.elements:
        st.caption("No elements.")
        return
    first, last = seen.elements[0].number, seen.elements[-1].number
    number = st.number_input("Element", first, last, last, key=f"inspector_element_{seen.id}")
    element = seen.elements[int(number) - first]
    st.caption(f"{len(element.raw):,} bytes; element {element.number} of {last + 1:,}, oldest first")
    if context.reveal:
        st.code(pretty(element.raw), language="json", wrap_lines=True)
    else:
        st.caption(":material/visibility_off: Turn on “Reveal texts” to see it.")


def _prompt(context: Context, seen: View) -> None:
    strange = sum(bool(element.said.problem) for element in seen.elements)
    if strange and not context.changes:
        st.caption(
            ":material/lock: The preview reads the history as the chat does, which would quarantine "
            f"{count(strange, 'element')}. Turn on “Allow changes” to allow that."
        )
        return
    question = st.text_input("Next question", "Hello?", key=f"inspector_asked_{seen.id}", max_chars=500)
    with errors_shown():
        prompt = context.services.chat.preview(seen.id, question)
        history = sum(message.type in ("human", "ai") for message in prompt) - 1
        kept, of = min(history, len(seen.messages)), len(seen.messages) + seen.before
        st.caption(f"{count(len(prompt), 'message')}: {kept} of {of} stored; {of - kept} pruned.")
        with st.container(height=420, border=True):
            for message in prompt:
                st.caption(message.type)
                st.text(context.text(message.text))


@errors_shown("error", str)
def _quarantine(context: Context, seen: View) -> None:
    """What was found in the history and is not shown to anybody; removed one by one, when changes are allowed."""
    found = context.inspector.store.quarantined(seen.id)
    if not found:
        st.caption("Nothing is quarantined.")
    for number, one in enumerate(found[-20:]):
        st.caption(f"**{one.reason}**, {moment_shown(one.at)}, {len(one.raw):,} bytes")
        if context.reveal:
            st.code(pretty(one.raw), language="json", wrap_lines=True)
        if context.changes and st.button("Remove", icon=":material/delete:", key=f"inspector_remove_{number}"):
            _remove(context, seen.id, one)


@st.dialog("Remove this element?", icon=":material/delete:")
def _remove(context: Context, session_id: str, one: Quarantined) -> None:
    st.write("The element is deleted for good; the rest of the session stays. This cannot be undone.")
    if st.button("Remove", type="primary"):
        with errors_shown():
            Changes(context.inspector, context.who).remove_quarantined(session_id, one)
            st.rerun()
