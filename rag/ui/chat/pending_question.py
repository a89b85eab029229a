"""One question of this tab on its way to a stored answer: streamed, stoppable, and kept if it fails.

The question stays in `st.session_state` until its answer is stored, so a stop, an error, a lost connection or another
question never loses what was typed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic

import streamlit as st
from streamlit import runtime
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import StopException, get_script_run_ctx

from rag.chat import Finished, Found, Reply, Source, Token
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
from rag.services import Services
from rag.ui import uploads
from rag.ui.chat import countdown, transcript
from rag.ui.chat.citations import linked
from rag.ui.chat.reading import Reading
from rag.ui.escaping import escaped
from rag.ui.visitor import Visitor

_PENDING = "pending"
_WAITING = "questions after the pending one"
_STOP = "stop"
_NOTICE = "notice of the last answer"
"""A line about an answer that is stored, or about a question for which there was no place; until the next question."""
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
"""By a lost connection."""
MOST_WAITING = 5
SOON = 0.2
"""Seconds to wait for whether an answer that was stopped is stored: a stop is felt at once."""


@dataclass(slots=True)
class Pending:
    """`trouble` is None until the question failed or was stopped. refused: by which limit, and until when
    (`time.monotonic` seconds). answer: what is read of it, from one run to the next."""

    text: str
    trouble: str | None = None
    icon: str = ERROR
    refused: tuple[OverLimit, float] | None = None
    answer: Reading | None = field(default=None, repr=False)
    asking: Lock = field(default_factory=Lock, repr=False)
    """A click begins a run beside the one that is about to ask."""

    def fail(self, trouble: str, icon: str = STOP_ICON) -> None:
        self.trouble, self.icon, self.answer = trouble, icon, None

    def cut_off(self) -> None:
        """The answer is kept: it may be stored already, which the next run looks for."""
        if self.answer is not None:
            self.answer.close()
        self.trouble, self.icon = CUT_OFF, STOP_ICON


def pending() -> Pending | None:
    """The question of this tab that has no stored answer yet; where it has one, the next takes its place."""
    found: Pending | None = st.session_state.get(_PENDING)
    if found is None and _waiting():
        found = st.session_state[_PENDING] = _waiting().pop(0)
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
    if not _waiting() and (question is None or question.trouble is not None):
        ask(text, trouble)
    elif len(_waiting()) < MOST_WAITING:
        _waiting().append(Pending(text, trouble))
        st.session_state.pop(_NOTICE, None)
    else:
        st.session_state[_NOTICE] = f"{MOST_WAITING} questions are waiting already. Ask again later: {escaped(text)}"


def _done(question: Pending) -> None:
    """Two runs may tell it: the one before may not know yet that it is over."""
    if st.session_state.get(_PENDING) is question:
        st.session_state.pop(_PENDING, None)


def end() -> None:
    """The answer that is being written, if there is one: before its session is cleared."""
    question = pending()
    if question is not None and question.answer is not None:
        question.answer.close()


def forget() -> None:
    """What this tab has of a session that is no more. First `end` it."""
    for slot in (_PENDING, _WAITING, _NOTICE):
        st.session_state.pop(slot, None)


def settle() -> None:
    """Before the conversation is read: what became of the answer that the run before this one was drawing.

    It may be stored by now, in spite of a stop, too. Then it is part of the conversation, and no question any more.
    """
    question = pending()
    if question is None:
        return
    stopped = question.trouble in (None, CUT_OFF) and bool(st.session_state.get(_STOP))
    if stopped and question.answer is not None:
        question.answer.close()
    if question.answer is not None and question.answer.stored(SOON if stopped else 0):
        _done(question)
    elif stopped:
        question.fail(STOPPED)


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
            _offer_again(question)


def _stream(services: Services, visitor: Visitor, question: Pending) -> None:
    with st.chat_message("assistant", avatar=transcript.ASSISTANT):
        status, text = st.empty(), st.empty()
        st.button("Stop", icon=":material/stop:", key=_STOP, help="Stopping saves nothing.")
        status.caption("Searching …")
        answer = None
        try:
            with question.asking:
                answer = question.answer = question.answer or _asked(services, visitor, question.text)
            if follow(answer, status, text) is not None:
                _done(question)
            elif question.answer is answer:  # ended by somebody else
                question.cut_off()
        except StopException:
            if answer is not None and not _is_open():
                question.cut_off()
            raise  # by a click, or the next question: the next run goes on with this answer
        except TurnUnconfirmed as exc:  # it is in the history: asked again, it would be there twice
            _done(question)
            st.session_state[_NOTICE] = public_line(exc)
        except CrosswireError as exc:
            if question.answer is answer:  # else it was stopped
                if isinstance(exc, OverLimit):
                    question.refused = exc, monotonic() + exc.retry_after
                icons = (f":material/{icon}:" for kind, icon in ICONS.items() if isinstance(exc, kind))
                question.fail(public_line(exc), next(icons, ERROR))
        except Exception:  # a fault of ours, which the next run would meet again
            question.cut_off()
            raise
    st.rerun()


def _asked(services: Services, visitor: Visitor, text: str) -> Reading:
    with services.watch.refusing(visitor.session_id):
        allowance = services.limits.turn(visitor.session_id, visitor.address)
        events = services.chat.stream(visitor.session_id, text, allowance=allowance)
        place = services.under_way.enter(visitor.session_id, visitor.address)
    return Reading(events, place.leave)


def _is_open() -> bool:
    """Whether this run's page is still connected."""
    context = get_script_run_ctx()
    return context is not None and runtime.exists() and runtime.get_instance().is_active_session(context.session_id)


def follow(answer: Reading, status: DeltaGenerator, text: DeltaGenerator) -> Reply | None:
    """Draw an answer as it is written. Returns it whole; None: it was stopped."""
    so_far, sources = "", tuple[Source, ...]()
    for event in answer.events(status.caption):
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
            args=(question,),
        )
        if st.button("Discard", icon=":material/close:", type="tertiary"):
            _done(question)
            st.rerun()


def _edit(question: Pending) -> None:
    st.session_state[DRAFT] = question.text
    _done(question)
