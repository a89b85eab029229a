"""Turns as they come in, the newest first; a row opens its session."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import streamlit as st

from rag.colours import colour
from rag.inspector.timestamps import moment
from rag.inspector.views.watch import News, known, look, newest
from rag.safe_text import MASK, line
from rag.ui.avatar import badge
from rag.ui.feedback import errors_shown
from rag.ui.inspector import session_table
from rag.ui.inspector.context import Context

TITLE = "Live tail"
KEPT = 200
_TAIL = "inspector_tail"
WORDS = {"begins": "started", "turn": "turn", "ends": "ended"}


@dataclass(frozen=True, slots=True)
class Seen:
    """milliseconds: that the turn took, None if that was not recorded."""

    news: News
    question: str
    milliseconds: float | None


@dataclass(slots=True)
class _Tail:
    """What this tab has seen: of each session its last activity, and the news."""

    known: dict[str, float]
    news: deque[Seen] = field(default_factory=lambda: deque(maxlen=KEPT))


def draw(context: Context) -> None:
    st.fragment(_live, run_every=context.every)(context)


@errors_shown("cloud_off", str)
def _live(context: Context) -> None:
    tail: _Tail | None = st.session_state.get(_TAIL)
    if tail is None:
        tail = st.session_state[_TAIL] = _Tail(known(context.inspector))
    else:
        tail.news.extend(_seen(context, look(context.inspector, tail.known)))
    seen = list(reversed(tail.news))
    news = [one.news for one in seen]
    if not news:
        wait = "Paused: choose how often to refresh in the sidebar." if context.every is None else "Waiting for turns …"
        st.caption(wait)
        return
    rows = [
        {
            "When": moment(one.at),
            "": badge(one.name, colour(one.session)),
            "Session": one.name,
            "Event": _event(one),
            "Question": _question(context, one.session, said.question),
            "ms": said.milliseconds,
        }
        for one, said in zip(news, seen, strict=True)
    ]
    key = f"inspector_tail_{len(tail.known)}_{news[0].at}"
    st.dataframe(
        rows,
        hide_index=True,
        key=key,
        on_select=partial(_open, key, [one.session for one in news]),
        selection_mode="single-row",
        height="auto",
        column_config={
            "When": st.column_config.DatetimeColumn(format="HH:mm:ss", width=80),
            "": st.column_config.ImageColumn(width=40),
            "Question": st.column_config.TextColumn(width="large"),
            "ms": st.column_config.NumberColumn(format="%.0f", width=60),
        },
    )
    if st.session_state.get(_OPEN):
        st.rerun()


def _open(key: str, sessions: Sequence[str]) -> None:
    for row in st.session_state[key]["selection"]["rows"]:
        session_table.choose([sessions[row]])
        st.session_state[_OPEN] = True


_OPEN = "inspector_open_sessions"


def opening() -> None:
    """Before the tabs are drawn: a row was clicked."""
    if st.session_state.pop(_OPEN, False):
        st.session_state["view"] = session_table.TITLE


def _event(one: News) -> str:
    return f"{WORDS[one.what]}, {one.detail}" if one.what == "begins" else one.detail or WORDS[one.what]


def _seen(context: Context, news: list[News]) -> list[Seen]:
    there = [one.session for one in news if one.what != "ends"]
    said = newest(context.inspector, there) if there else {}
    return [Seen(one, *said.get(one.session, ("", None))) for one in news]


def _question(context: Context, session_id: str, question: str) -> str:
    if not question:
        return ""
    if not context.shows(session_id):
        return MASK * 6
    context.log("reveal title", session_id)
    return line(question, 160)
