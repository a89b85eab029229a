"""What is really stored of a session: its keys, each element, what the model would be sent next, what was put aside."""

from __future__ import annotations

import shlex

import streamlit as st

from rag.inspector.actions.changes import Changes
from rag.inspector.timestamps import shown as moment_shown
from rag.inspector.views.session import KeyFacts, View, pretty
from rag.safe_text import line
from rag.sessions.protocol.replies import Quarantined
from rag.ui.escaping import count, duration
from rag.ui.feedback import errors_shown
from rag.ui.inspector.context import Context

REMOVING = "inspector_removing"
"""The element whose removal is to be confirmed: what a refresh draws anew must know that it was asked for."""
SECRET_FIELDS = ("title", "summary")
COMMANDS = {
    "list": "LRANGE {key} 0 -1",
    "hash": "HGETALL {key}",
    "string": "GET {key}",
    "zset": "ZRANGE {key} 0 -1 WITHSCORES",
    "set": "SMEMBERS {key}",
    "stream": "XRANGE {key} - +",
    "ReJSON-RL": "JSON.GET {key}",
}
"""What shows a key of this type, by redis-cli."""


def draw(context: Context, seen: View) -> None:
    parts = {"Keys": _keys, "Stored JSON": _json}
    if context.ours:
        parts |= {"Next prompt": _prompt, "Quarantine": _quarantine}
    for tab, part in zip(st.tabs(list(parts), key="inspector_stored", on_change="rerun"), parts.values(), strict=True):
        with tab:
            if tab.open:
                part(context, seen)


def _keys(context: Context, seen: View) -> None:
    for key in seen.keys:
        facts = [key.type, key.encoding, "" if key.length is None else f"length {key.length:,}"]
        facts += ["" if key.bytes is None else f"{key.bytes:,} bytes"]
        facts += ["never expires" if key.ttl is None else f"expires in {duration(key.ttl)}"]
        st.caption(" · ".join(fact for fact in facts if fact))
        st.code(command(key), language="bash", wrap_lines=True)
    if seen.fields:
        st.caption("Session metadata")
        fields = [
            {"field": line(name), "value": line(context.text(seen.id, value) if name in SECRET_FIELDS else value, 200)}
            for name, value in sorted(seen.fields.items())
        ]
        st.dataframe(fields, hide_index=True)


def command(key: KeyFacts) -> str:
    """What shows the key in a shell, its name whole."""
    return "redis-cli " + COMMANDS.get(key.type, "DUMP {key}").replace("{key}", shlex.quote(line(key.name)))


def _json(context: Context, seen: View) -> None:
    if not seen.elements:
        st.caption("No elements.")
        return
    first, last = seen.elements[0].number, seen.elements[-1].number
    number = st.number_input("Element", first, last, last, key=f"inspector_element_{seen.id}")
    element = seen.elements[int(number) - first]
    st.caption(f"{len(element.raw):,} bytes; element {element.number} of {last + 1:,}, oldest first")
    if context.shows(seen.id):
        st.code(pretty(element.raw), language="json", wrap_lines=True)
    else:
        context.reveal_button(seen.id, f"inspector_reveal_json_{seen.id}")


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
                st.text(context.text(seen.id, message.text))


@errors_shown("error", str)
def _quarantine(context: Context, seen: View) -> None:
    """What was found in the history and is not shown to anybody; removed one by one, when changes are allowed."""
    found = context.inspector.store.quarantined(seen.id)
    if not found:
        st.caption("Nothing is quarantined.")
    for number, one in enumerate(found[-20:]):
        st.caption(f"**{one.reason}**, {moment_shown(one.at)}, {len(one.raw):,} bytes")
        if context.shows(seen.id):
            st.code(pretty(one.raw), language="json", wrap_lines=True)
        if context.changes:
            st.button("Remove", icon=":material/delete:", key=f"inspector_remove_{number}", on_click=_ask, args=(one,))
    asked: Quarantined | None = st.session_state.get(REMOVING)
    if context.changes and asked is not None and asked in found:
        _remove(context, seen.id, asked)


def _ask(one: Quarantined) -> None:
    st.session_state[REMOVING] = one


def _answered() -> None:
    st.session_state.pop(REMOVING, None)


@st.dialog("Remove this element?", icon=":material/delete:", on_dismiss=_answered)
def _remove(context: Context, session_id: str, one: Quarantined) -> None:
    st.write("This deletes the element for good; the rest of the session stays. It cannot be undone.")
    if st.button("Remove", type="primary"):
        with errors_shown():
            Changes(context.inspector, context.who).remove_quarantined(session_id, one)
            _answered()
            st.rerun()
