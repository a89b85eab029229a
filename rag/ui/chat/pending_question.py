"""One question of this tab on its way to a stored answer: streamed, stoppable, and kept if it fails.

The question stays in `st.session_state` until its answer is stored, so a stop, an error, a lost connection or another
question never loses what was typed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
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
from rag.ui.escaping import escaped
from rag.ui.visitor import Visitor

_PENDING = "pending"
_WAITING = "questions after the pending one"
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
ERROR, STOP_ICON = ":material/error:", ":material/stop_circle:"
STOPPED = "You stopped this answer. Nothing was saved."
CUT_OFF = "This answer was cut off before it was complete. Nothing was saved."
"""By a lost connection, or by another click."""
MOST_WAITING = 5
SOON, LATER = 0.2, 2.0
"""Seconds that a run waits to know whether the answer that it ended is stored: a stop is felt at once."""


@dataclass(slots=True)
class Pending:
    """`trouble` is None until the question failed or was stopped. refused: by which limit, and until when
    (`time.monotonic` seconds). answer: what is being read, until a run says what became of it."""

    text: str
    trouble: str | None = None
    icon: str = ERROR
    refused: tuple[OverLimit, float] | None = None
    answer: EventStream | None = field(default=None, repr=False)


def pending() -> Pending | None:
    """The question of this tab that has no stored answer yet."""
    found: Pending | None = st.session_state.get(_PENDING)
    return found


def _waiting() -> list[Pending]:
    found: list[Pending] = st.session_state.setdefault(_WAITING, [])
    return found


def ask(text: str, trouble: str | None = None) -> None:
    """In place of the pending question. trouble: why it is not asked yet."""
    st.session_state[_PENDING] = Pending(text, trouble)
    st.session_state.pop(_NOTICE, None)


def _ask_after(text: str, trouble: str | None) -> None:
    """As `ask`, but after those that are still to be answered: what was typed while an answer was written."""
    question = pending()
    ended = question is not None and question.answer is not None and question.trouble == CUT_OFF
    if question is not None and (ended or question.trouble is None):
        question.trouble = question.answer = None  # what was written of its answer, this one ended: it is asked again
    elif not _waiting():
        ask(text, trouble)
        return
    if len(_waiting()) < MOST_WAITING:
        _waiting().append(Pending(text, trouble))
    else:
        st.session_state[_NOTICE] = f"{MOST_WAITING} questions are waiting already. Ask again later: {escaped(text)}"


def _done() -> None:
    """With the pending question: the next one takes its place."""
    if _waiting():
        st.session_state[_PENDING] = _waiting().pop(0)
    else:
        st.session_state.pop(_PENDING, None)


def forget() -> None:
    """What this tab has of a session that is no more."""
    for slot in (_PENDING, _WAITING, _NOTICE):
        st.session_state.pop(slot, None)


def settle() -> None:
    """Before the conversation is read: what became of an answer that was being written when this run ended the last.

    It may be stored in the meantime. Then it is part of the conversation, and nothing was cut off.
    """
    question = pending()
    if question is None:
        return
    stopped = bool(st.session_state.get(_STOP))
    if question.answer is not None and question.answer.stored(SOON if stopped else LATER):
        _done()
    elif stopped and question.trouble in (None, CUT_OFF):
        question.trouble, question.icon = STOPPED, STOP_ICON


def take(text: str, files: Sequence[uploads.File], services: Services, visitor: Visitor) -> None:
    """What was sent: the files are added first, so that the question is answered from them, too."""
    problems = uploads.add(files, services, visitor.session_id)
    told = list(dict.fromkeys(problems))
    if text.strip() or not files:
        _ask_after(text, "  \n".join(told) or None)
        return
    for problem in told:
        st.error(problem, icon=ERROR)
    if len(problems) < len(files):
        st.success("Added. Only this session can search it. Ask about it now.", icon=":material/attach_file:")


def run(services: Services, visitor: Visitor) -> None:
    """Draw the pending question and stream its answer, or say what went wrong with it; below it those that wait."""
    question = pending()
    if notice := st.session_state.get(_NOTICE):
        st.warning(notice, icon=":material/sync_problem:")
    if question is None:
        return
    transcript.asked(question.text, visitor)
    answer = st.container()
    for later in _waiting():
        transcript.asked(later.text, visitor)
    if _waiting():
        st.caption("Waits for the answer above." if len(_waiting()) == 1 else "These wait for the answer above.")
    with answer:
        if question.trouble is None:
            _stream(services, visitor, question)
        else:
            question.answer = None
            _offer_again(question)


def _stream(services: Services, visitor: Visitor, question: Pending) -> None:
    with st.chat_message("assistant", avatar=transcript.ASSISTANT):
        status, text = st.empty(), st.empty()
        st.button("Stop", icon=":material/stop:", key=_STOP, help="Stopping saves nothing.")
        status.caption("Searching …")
        try:
            with services.watch.refusing(visitor.session_id):
                allowance = services.limits.turn(visitor.session_id, visitor.address)
                events = services.chat.stream(visitor.session_id, question.text, allowance=allowance)
                place = services.under_way.enter(visitor.session_id, visitor.address)
            # Until the answer is stored, any run that finds this question again knows that it was cut off: a stop ends
            # this run where it draws next, by an exception that closes the stream.
            question.trouble, question.icon, question.answer = CUT_OFF, STOP_ICON, events
            if follow(events, place, status, text) is not None:
                _done()
        except TurnUnconfirmed as exc:  # it is in the history: asked again, it would be there twice
            _done()
            st.session_state[_NOTICE] = public_line(exc)
        except CrosswireError as exc:
            if isinstance(exc, OverLimit):
                question.refused = exc, monotonic() + exc.retry_after
            icons = (f":material/{icon}:" for kind, icon in ICONS.items() if isinstance(exc, kind))
            question.trouble, question.icon, question.answer = public_line(exc), next(icons, ERROR), None
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
            _done()
            st.rerun()


def _edit(text: str) -> None:
    st.session_state[DRAFT] = text
    _done()
