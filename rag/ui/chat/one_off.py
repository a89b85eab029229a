"""Questions without a session: each is answered by itself, and kept nowhere, not in this tab either."""

from __future__ import annotations

from contextlib import closing, suppress

import streamlit as st

from rag.errors import CrosswireError, SessionStoreUnavailable, StoreFull, public_line
from rag.services import Services
from rag.ui.chat import pending_question, transcript
from rag.ui.chat.reading import Reading
from rag.ui.visitor import Visitor

_SWITCH = "one-off"
SAID = (
    "**One-off questions.** Each is answered on its own, from the shared articles. "
    "Nothing is stored: the next question replaces the answer."
)


def wanted() -> bool:
    return bool(st.session_state.get(_SWITCH))


def switch() -> None:
    st.toggle("One-off questions", key=_SWITCH, help="Without a session: nothing is stored, nothing is remembered.")


def draw(services: Services, visitor: Visitor) -> None:
    st.info(SAID, icon=":material/do_not_disturb_on:")
    question = st.chat_input("Ask one question …", key="one-off-question", max_chars=4000)
    if not question:
        return
    transcript.asked(question, visitor)
    with st.chat_message("assistant", avatar=transcript.ASSISTANT):
        status, text = st.empty(), st.empty()
        status.caption("Searching …")
        try:
            with services.watch.refusing(visitor.session_id):
                allowance = services.limits.turn(visitor.session_id, visitor.address)
                with suppress(SessionStoreUnavailable, StoreFull):  # these questions need no store
                    if allowance is not None:
                        services.store.charge(allowance)
                events = services.chat.once(question)
                place = services.under_way.enter(visitor.session_id, visitor.address)
            with closing(Reading(events, place.leave)) as answer:
                reply = pending_question.follow(answer, status, text)
        except CrosswireError as exc:
            status.empty()
            text.error(public_line(exc), icon=":material/error:")
            return
        if reply is not None:
            with text.container():
                transcript.answered(reply.text, reply.sources, services, visitor.session_id)
