"""One question of this tab on its way to a stored answer: streamed, stoppable, and kept if it fails.

The question stays in `st.session_state` until its answer is stored, so a stop, an error or a lost connection never
loses what was typed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from rag.chat import EventStream, Finished, Found, Reply, Source, Token
from rag.errors import (
    CrosswireError,
    ModelBusy,
    ModelRefused,
    OverLimit,
    SessionStoreUnavailable,
    TooMuch,
    TurnBusy,
    TurnLost,
    TurnUnconfirmed,
    public_line,
)
from rag.limits import Place
from rag.services import Services
from rag.ui import uploads
from rag.ui.chat import countdown, transcript
from rag.ui.chat.citations import linked
from rag.ui.chat.interruptible import interruptible
from rag.ui.visitor import Visitor

_PENDING = "pending"
_STOP = "stop"
_NOTICE = "notice of the last answer"
"""A line about an answer that is stored, until the next question."""
DRAFT = "draft"
"""The slot of the chat input's text."""
ICONS = {
    SessionStoreUnavailable: "cloud_off",
    ModelRefused: "key_off",
    ModelBusy: "hourglass_top",
    TurnBusy: "hourglass_top",
    TooMuch: "hourglass_top",
    TurnLost: "sync_problem",
}
ERROR = ":material/error:"
STOPPED = "You stopped this answer. Nothing was saved."
CUT_OFF = "This answer was cut off before it was complete. Nothing was saved."
"""By a lost connection, or by another click."""


@dataclass(slots=True)
class Pending:
    """`trouble` is None until the question failed or was stopped. refused: by which limit, and until when
    (`time.monotonic` seconds)."""

    text: str
    trouble: str | None = None
    icon: str = ERROR
    refused: tuple[OverLimit, float] | None = None


def pending() -> Pending | None:
    """The question of this tab that has no stored answer yet."""
    found: Pending | None = st.session_state.get(_PENDING)
    return found


def ask(text: str, trouble: str | None = None) -> None:
    """trouble: why it is not asked yet."""
    st.session_state[_PENDING] = Pending(text, trouble)
    st.session_state.pop(_NOTICE, None)


def forget() -> None:
    """What this tab has of a session that is no more."""
    for slot in (_PENDING, _NOTICE):
        st.session_state.pop(slot, None)


def take(text: str, files: Sequence[uploads.File], services: Services, visitor: Visitor) -> None:
    """What was sent: the files are added first, so that the question is answered from them, too."""
    problems = uploads.add(files, services, visitor.session_id)
    told = list(dict.fromkeys(problems))
    if text.strip() or not files:
        ask(text, "  \n".join(told) or None)
        return
    for problem in told:
        st.error(problem, icon=ERROR)
    if len(problems) < len(files):
        st.success("Added. Only this session can search it. Ask about it now.", icon=":material/attach_file:")


def run(services: Services, visitor: Visitor) -> None:
    """Draw the pending question and stream its answer, or say what went wrong with it."""
    question = pending()
    if notice := st.session_state.get(_NOTICE):
        st.warning(notice, icon=":material/sync_problem:")
    if question is None:
        return
    if question.trouble == CUT_OFF and st.session_state.get(_STOP):
        question.trouble = STOPPED
    transcript.asked(question.text, visitor)
    if question.trouble is None:
        _stream(services, visitor, question)
    else:
        _offer_again(question)


def _stream(services: Services, visitor: Visitor, question: Pending) -> None:
    # Until the answer is stored, any run that finds this question again knows that it was cut off: a stop ends
    # this run in the middle, by an exception that closes the stream.
    question.trouble, question.icon = CUT_OFF, ":material/stop_circle:"
    with st.chat_message("assistant", avatar=transcript.ASSISTANT):
        status, text = st.empty(), st.empty()
        st.button("Stop", icon=":material/stop:", key=_STOP, help="Stopping saves nothing.")
        status.caption("Searching …")
        try:
            with services.watch.refusing(visitor.session_id):
                allowance = services.limits.turn(visitor.session_id, visitor.address)
                events = services.chat.stream(visitor.session_id, question.text, allowance=allowance)
                place = services.under_way.enter(visitor.session_id, visitor.address)
            follow(events, place, status, text)
            st.session_state.pop(_PENDING, None)
        except TurnUnconfirmed as exc:  # it is in the history: asked again, it would be there twice
            st.session_state.pop(_PENDING, None)
            st.session_state[_NOTICE] = public_line(exc)
        except CrosswireError as exc:
            if isinstance(exc, OverLimit):
                question.refused = exc, monotonic() + exc.retry_after
            icons = (f":material/{icon}:" for kind, icon in ICONS.items() if isinstance(exc, kind))
            question.trouble, question.icon = public_line(exc), next(icons, ERROR)
    st.rerun()


def follow(events: EventStream, place: Place, status: DeltaGenerator, text: DeltaGenerator) -> Reply | None:
    """Draw an answer as it is written. Returns it whole; None: it was stopped. The place is left when it has ended."""
    so_far, sources = "", tuple[Source, ...]()
    for event in interruptible(events, status.caption, place.leave):
        if isinstance(event, Found):
            status.empty()
            so_far, sources = "", event.sources
        elif isinstance(event, Token):
            so_far += event.text
            text.markdown(linked(so_far, sources)[0] + " ▌")
        elif isinstance(event, Finished):
            return event.reply
    return None


def _offer_again(question: Pending) -> None:
    may = True
    if question.refused:
        may = countdown.draw(*question.refused)
    else:
        st.error(question.trouble or "", icon=question.icon)
    with st.container(horizontal=True):
        if st.button("Try again", icon=":material/refresh:", type="primary", disabled=not may):
            ask(question.text)
            st.rerun()
        st.button(
            "Edit",
            icon=":material/edit:",
            help="Edit the question and ask again.",
            on_click=_edit,  # before the next run, because an input's text cannot be set once it is drawn
            args=(question.text,),
        )
        if st.button("Discard", icon=":material/close:", type="tertiary"):
            st.session_state.pop(_PENDING, None)
            st.rerun()


def _edit(text: str) -> None:
    st.session_state[DRAFT] = text
    st.session_state.pop(_PENDING, None)
