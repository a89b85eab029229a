"""A turn: the question, what was found, the prompt as it was sent, the answer, and how long each took.

Each part of a prompt is in its owner's colour, with the owner's name beside it: what is not this session's stands out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import streamlit as st

from rag.inspector.parsing.message_parsers import Said
from rag.inspector.timestamps import moment
from rag.inspector.turns.model import EVERYBODY, Holds, Part, Retrieved, State, Turn
from rag.inspector.views.session import Element
from rag.safe_text import line
from rag.ui.avatar import badge
from rag.ui.chat.transcript import ASSISTANT
from rag.ui.escaping import count, escaped
from rag.ui.inspector.context import Context
from rag.ui.inspector.turns.timeline import milliseconds, timeline

STATES: dict[State, str] = {
    "as sent": "",
    "changed": "changed since: this is how it reads now",
    "gone": "no longer stored",
    "cut": "shortened",
    "no text": "text not recorded",
}
HELD = 5
LONG = 300
"""Characters of what all may read that are shown without scrolling."""
GREY = "#868e96"
UNKNOWN = "#d6336c"


def draw(context: Context, session_id: str, turn: Turn) -> None:
    key = key_of(session_id, turn.number)
    foreign, unknown = turn.foreign(session_id), len(turn.unknown)
    with st.container(border=True, key=f"turn-{key}"):
        _head(turn, foreign, unknown)
        for element in turn.questions:
            said(context, session_id, element)
        if turn.found is not None:
            _found(context, session_id, turn, key)
        if turn.prompt is not None:
            _prompt(context, session_id, turn, key, opened=bool(foreign or unknown))
        for element in turn.answers:
            said(context, session_id, element)
        _held(context, turn.holds, "The answer")
        if turn.trouble:
            st.caption(f":material/error: {escaped(line(turn.trouble, 200))}")


def key_of(session_id: str, number: int) -> str:
    """Part of the keys of what is drawn for a turn."""
    known = f"{session_id}\0{number}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(known, digest_size=6).hexdigest()


def _head(turn: Turn, foreign: int, unknown: int) -> None:
    at = moment(turn.at)
    facts = [f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else turn.when, escaped(line(turn.model, 40))]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        title = f"Turn {turn.number}" if turn.number else "Before the first question"
        st.markdown(f"**{title}**", width="content")
        st.caption(" · ".join(fact for fact in facts if fact), width="content")
        if foreign:
            st.badge(f"{foreign} foreign", icon=":material/warning:", color="red")
        if unknown:
            st.badge(f"{unknown} unknown", icon=":material/help:", color="orange")
    if turn.milliseconds:
        st.image(timeline(turn.milliseconds), width="stretch")
        st.caption(milliseconds(turn.milliseconds))


# --- what was said


def said(context: Context, session_id: str, element: Element) -> None:
    one = element.said
    owner = one.owner if one.problem == "foreign" and one.owner else session_id
    name = context.name(owner)
    human = one.role == "user"
    # What is somebody else's is drawn in his colour, whoever said it.
    picture = badge(name, context.colour(owner)) if human or one.problem else ASSISTANT
    with st.chat_message("user" if human else "assistant", avatar=picture):
        if human or one.problem or one.role != "assistant":
            st.caption(_speaker(one, name))
        if one.problem:
            whose = f" It belongs to {name}." if one.problem == "foreign" and one.owner else ""
            st.error(f"**{one.problem}**: {escaped(one.detail)}.{whose}", icon=":material/warning:")
        if one.text or not one.detail:
            st.text(context.text(session_id, one.text))
        elif not one.problem:
            st.caption(escaped(one.detail))
        if one.documents:
            st.caption("From " + ", ".join(escaped(line(document, 60)) for document in one.documents))


def _speaker(one: Said, name: str) -> str:
    parts = [name if one.role == "user" else one.role, one.tokens and f"{one.tokens} tokens"]
    return " · ".join(escaped(str(part)) for part in parts if part)


# --- what was found


def _found(context: Context, session_id: str, turn: Turn, key: str) -> None:
    found = turn.found or ()
    took = turn.milliseconds.get("retrieve")
    label = f"Retrieved {count(len(found), 'passage')}" + (f" in {took:.0f} ms" if took else "")
    with st.expander(label, icon=":material/search:", key=f"found-{key}", on_change="rerun") as box:
        if not box.open:
            return
        if turn.searched:
            st.caption("Searched for")
            st.text(context.text(session_id, turn.searched))
        for one in found:
            _passage(context, session_id, one, whole=turn.prompt is None)
        if not found:
            st.caption("Nothing was found.")


def _passage(context: Context, session_id: str, one: Retrieved, *, whole: bool) -> None:
    """whole: with its text, which stands in the prompt, too, where that is known."""
    score = "" if one.score is None else f" · match {one.score:.2f}"
    cited = " · :green-badge[cited]" if one.cited else ""
    title = escaped(line(_public(context, session_id, one.owner, one.label), 120))
    note = f" · {STATES[one.state]}" if STATES[one.state] else ""
    owner = f" · {whose(context, one.owner, session_id)}" if one.owner else ""
    st.markdown(f"**\\[{one.number}\\]** {title}{owner}{score}{cited}{note}")
    if whole and one.text:
        with st.container(height=120 if len(one.text) > LONG else "content", border=False):
            st.text(_public(context, session_id, one.owner, one.text))


# --- what was sent


def _prompt(context: Context, session_id: str, turn: Turn, key: str, *, opened: bool) -> None:
    parts = turn.prompt or ()
    size = sum(len(part.text) for part in parts)
    label = f"Prompt as sent: {count(len(parts), 'part')}, {size:,} characters"
    with st.expander(label, opened, icon=":material/input:", key=f"prompt-{key}", on_change="rerun") as box:
        if not box.open:
            return
        _owned(context, parts, key)
        for number, part in enumerate(parts):
            with st.container(key=f"part-{key}-{number}", gap=None):
                _part(context, session_id, part)


def _owned(context: Context, parts: Sequence[Part], key: str) -> None:
    """A bar in the owner's colour beside each part. Nothing in it is what somebody wrote."""
    rules = "".join(
        f".st-key-part-{key}-{number}{{border-left:4px solid {_shade(context, part.owner)};padding:2px 0 2px 10px}}"
        for number, part in enumerate(parts)
    )
    st.html(f"<style>{rules}</style>")


def _shade(context: Context, owner: str | None) -> str:
    return UNKNOWN if owner is None else GREY if owner == EVERYBODY else context.colour(owner)


def _part(context: Context, session_id: str, part: Part) -> None:
    label = escaped(line(_public(context, session_id, part.owner, part.label), 120)) if part.label else ""
    warn = ":red[:material/warning: **Not this session's**] · " if part.foreign(session_id) else ""
    warn = ":orange[:material/help: **Not in this session's history**] · " if part.unknown else warn
    owner = whose(context, part.owner, session_id) if part.owner or part.unknown else ""
    facts = [part.role, label, owner, STATES[part.state]]
    st.markdown(f":small[{warn}{' · '.join(fact for fact in facts if fact)}]")
    if part.text:
        shared = part.owner == EVERYBODY and len(part.text) > LONG
        with st.container(height=110 if shared else "content", border=False):
            st.text(_public(context, session_id, part.owner, part.text))
    if part.owner == session_id or part.owner == EVERYBODY:
        _held(context, part.holds, "It")


def _held(context: Context, holds: Holds, what: str) -> None:
    for text, owner in holds[:HELD]:
        told = f"“{escaped(line(text, 80))}”" if context.shows(owner) else "a secret"
        st.error(f"{what} holds {told} of {whose(context, owner, '')}.", icon=":material/warning:")


def whose(context: Context, owner: str | None, session_id: str) -> str:
    """A name on its colour."""
    if owner is None:
        return ":red-badge[owner unknown]"
    if owner == EVERYBODY:
        return ":gray-badge[shared]"
    own = " (this session)" if owner == session_id else ""
    paint = f'{{foreground="#ffffff" background="{context.colour(owner)}"}}'
    return f":color[ {escaped(line(context.name(owner), 40))} ]{paint}{own}"


def _public(context: Context, session_id: str, owner: str | None, text: str) -> str:
    """What everybody may read is not masked; what is another session's is shown where that one's texts are."""
    if owner == EVERYBODY:
        return text
    return context.text(owner or session_id, text)
