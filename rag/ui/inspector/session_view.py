"""A session as its turns, beside what is really stored of it; several sessions side by side. Kept up to date."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from rag.colours import colour
from rag.inspector import Pace, Progress, flags
from rag.inspector.turns.model import Turn
from rag.inspector.turns.owners import Owners, find_owners
from rag.inspector.views.session import View
from rag.safe_text import line
from rag.sessions.listing.directory import Row
from rag.sessions.names import friendly_name
from rag.ui.avatar import badge
from rag.ui.escaping import count, duration, escaped
from rag.ui.feedback import errors_shown
from rag.ui.inspector import stored_view
from rag.ui.inspector.context import Context
from rag.ui.inspector.turns import foreign_parts, turn_view

PART = 10
"""Turns that are shown at first; then four times as many more."""
BESIDE = 3
"""Sessions side by side."""
GAP = 120.0


def draw(context: Context, ids: Sequence[str]) -> None:
    """These sessions: one with all there is about it, or the first few beside each other."""
    st.fragment(_live, run_every=context.every)(context, tuple(ids))


@errors_shown("error", str)
def _live(context: Context, ids: tuple[str, ...]) -> None:
    if len(ids) == 1:
        _one(context, ids[0])
        return
    for column, session_id in zip(st.columns(min(len(ids), BESIDE), gap="medium"), ids, strict=False):
        with column:
            _beside(context, session_id)
    if len(ids) > BESIDE:
        st.caption(f"Showing {BESIDE} of {len(ids)} selected sessions.")


def _one(context: Context, session_id: str) -> None:
    seen, row = _seen(context, session_id)
    if seen is None:
        return
    said, stored = st.columns([3, 2], gap="medium")
    with said:
        _head(context, session_id, row, seen)
        _turns(context, seen)
    with stored:
        stored_view.draw(context, seen)


def _beside(context: Context, session_id: str) -> None:
    seen, row = _seen(context, session_id)
    if seen is not None:
        _head(context, session_id, row, seen)
        _turns(context, seen)


def _seen(context: Context, session_id: str) -> tuple[View | None, Row | None]:
    seen, row = context.inspector.view(session_id), context.inspector.row(session_id)
    context.looked(session_id)
    if seen is None:
        ended = f"{friendly_name(session_id)} has ended. Nothing is stored for it any more."
        st.info(ended, icon=":material/hourglass_empty:")
    return seen, row


def _head(context: Context, session_id: str, row: Row | None, seen: View) -> None:
    name, shade = friendly_name(session_id), colour(session_id)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.image(badge(name, shade), width=40)
        st.subheader(name, anchor=False, width="content")
        context.reveal_button(session_id, f"inspector_reveal_{session_id}")
    st.code(line(session_id), language=None, wrap_lines=True)
    if row is not None:
        info = row.info
        turns = [count(info.turns, "turn"), count(info.messages, "message")]
        facts = turns if context.ours else [count(len(seen.elements), "message")]
        facts.append(_left(row))
        facts += [f"{info.trimmed} trimmed"] if info.trimmed else []
        facts += sorted(flags(row, context.you) - {"pinned", "no expiry"})
        st.caption(" · ".join(escaped(fact) for fact in facts))


def _left(row: Row) -> str:
    if row.info.ttl is None:
        return "Pinned" if row.pinned else "Never expires"
    return f"Expires in {duration(row.info.ttl)} if idle"


def _turns(context: Context, seen: View) -> None:
    def texts(ids: Sequence[str]) -> Mapping[str, str]:
        services = context.services
        found = services.library.passages(ids, seen.id, services.store.collection(seen.id) if context.ours else "")
        return {passage_id: passage.text for passage_id, passage in found.items()}

    def find(wanted: Sequence[str], pace: Pace, tell: Callable[[Progress], None]) -> Owners:
        return find_owners(context.inspector.histories, wanted, seen.id, pace, tell)

    key = f"inspector_turns_{seen.id}"
    turns = context.inspector.turns(seen, texts)
    shown = st.session_state.get(key, PART)
    if seen.before:
        st.caption(f"{count(seen.before, 'older message')} not read.")
    if earlier := len(turns) - len(turns[-shown:]):
        more = {key: shown + 4 * PART}
        st.button(f"Show earlier ({earlier:,} more)", key=f"{key}_more", on_click=st.session_state.update, args=(more,))
    before: Turn | None = None
    for turn in foreign_parts.named(seen.id, turns[-shown:], find):
        if before is not None and before.at and turn.at - before.at > GAP:
            st.caption(f"— {duration(turn.at - before.at)} later —", text_alignment="center")
        turn_view.draw(context, seen.id, turn)
        before = turn
    if not turns:
        st.caption("No messages.")
