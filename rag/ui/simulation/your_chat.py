"""“Your chat”: from a pasted address or curl command over its description and a few questions to a run against it.

What is typed stays in this browser's session. The description may hold secrets: it is kept in memory alone.
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Any, Literal

import streamlit as st

from rag.crosstalk import Workload
from rag.crosstalk.background.runs import Box
from rag.crosstalk.targets import BadTarget, Description
from rag.crosstalk.targets.onboarding import pasted
from rag.crosstalk.targets.onboarding.begin import begun
from rag.crosstalk.targets.onboarding.draft import Draft
from rag.crosstalk.targets.onboarding.probe import Probe, settled
from rag.crosstalk.targets.trust import LOCAL_VISITOR, VISITOR, Trust
from rag.errors import CrosswireError
from rag.inspector import Pace
from rag.settings import Settings
from rag.ui import background_job
from rag.ui.background_job import Job
from rag.ui.escaping import code, escaped
from rag.ui.feedback import errors_shown
from rag.ui.inspector.sign_in import unlocked
from rag.ui.simulation import probe_view

PASTED, SPEC, BEFORE = "chat_pasted", "chat_spec", "chat_spec_before"
LOOKING, ASKING = "chat_looking", "chat_asking"
"""Jobs of this tab."""
KEPT: Literal["session"] = "session"
DEFAULTS = {"users": 20, "turns": 3, "in_flight": 8}
MOST, SECONDS = 1000, 600.0
"""Messages that one run may send for a visitor of this server, and how long it may take."""
WHO = (
    "This server asks public addresses for anyone, and its own network where the inspector is unlocked: by a password, "
    "a login, or the link that the server wrote when it started"
)
EMPTY = """\
**From your chat to a verdict in three steps**

1. Paste its address, or a request of it: in the browser's tools, under *Network*, choose “Copy as cURL”.
2. See how it would be asked, and put right what is wrong. A few questions show whether it answers and remembers.
3. Start: many made-up people talk to it at once, and you see who was shown whose data.

Only ask a chat that is yours, or whose owner agreed."""

Probed = tuple[str, Probe]
"""A description with the place of the answer filled in, and what it showed."""


def trust(settings: Settings) -> Trust:
    """What this visitor may have this server ask."""
    return LOCAL_VISITOR if unlocked(settings) else VISITOR


def paste(allowed: Trust, *, busy: bool) -> None:
    """What is at hand, and its recognition."""
    for name, value in DEFAULTS.items():
        st.session_state.setdefault(f"chat_{name}", value)
    _take_results()
    looking, asking = _job(LOOKING), _job(ASKING)
    st.text_area(
        "Address or curl command",
        key=PASTED,
        persist_state=KEPT,
        height=130,
        max_chars=100_000,
        placeholder='https://chat.example.org/api/ask\n\nor: curl https://… -d \'{"message": "Hi"}\'',
        help="http(s) or ws(s). Of a curl command nothing is run: it is read.",
    )
    first = not st.session_state.get(SPEC)
    waiting = busy or _runs(looking) or _runs(asking)
    label = "Recognise" if first else "Recognise again"
    if st.button(label, type="primary" if first else "secondary", icon=":material/search:", disabled=waiting):
        text = st.session_state[PASTED]
        background_job.start(LOOKING, partial(_look, text, allowed), text)
        st.rerun()
    if looking is not None and looking.running():
        background_job.progress(looking, _doing, LOOKING)
    elif looking is not None and looking.result is None:
        st.error(escaped(looking.problem), icon=":material/error:")
    st.caption(f":material/shield: {WHO}{', as here' if allowed.reach == 'local' else ''}")


def description(allowed: Trust, *, busy: bool) -> None:
    """How it is asked, and what a few questions have shown."""
    if not st.session_state.get(SPEC):
        st.markdown(EMPTY)
        return
    asking = _job(ASKING)
    st.text_area(
        "How to ask it (YAML)",
        key=SPEC,
        persist_state=KEPT,
        height=300,
        max_chars=20_000,
        help="`{text}` is the question, `{session}`, `{user}`, `{uuid}`, `{number}` who asks. Changes count at once.",
    )
    if before := st.session_state.get(BEFORE):
        st.button("Back to my earlier text", icon=":material/undo:", on_click=_back, args=(before,))
    found = _read(allowed)
    running = _runs(asking)
    current = asking is not None and asking.result is not None and asking.result[0] == st.session_state[SPEC]
    label = "Ask again" if current else "Ask five questions"
    pressed = st.button(
        label,
        type="secondary" if current else "primary",
        icon=":material/forum:",
        disabled=busy or running or found is None,
        help="Two made-up people ask it: three turns of one, two of another.",
    )
    if pressed and found is not None:
        background_job.start(ASKING, partial(_ask, st.session_state[SPEC], allowed), st.session_state[SPEC])
        st.rerun()
    if asking is not None and running:
        background_job.progress(asking, _doing, ASKING)
    elif asking is not None and asking.result is None:
        st.error(escaped(asking.problem), icon=":material/error:")
    elif asking is not None and asking.result is not None:
        if not current:
            st.info("The description has changed since: ask again.", icon=":material/edit:")
        probe_view.draw(asking.result[1])


def start(allowed: Trust, *, busy: bool) -> tuple[Box, Workload] | None:
    """The controls of a run. What is to be run when the button was pressed; None otherwise."""
    if not st.session_state.get(SPEC):
        return None
    asking = _job(ASKING)
    busy = busy or _runs(asking) or _runs(_job(LOOKING))
    users, turns, at_once = st.columns(3)
    users.number_input("Users", 1, 10_000, key="chat_users", persist_state=KEPT, step=10)
    turns.number_input("Turns each", 2, 1000, key="chat_turns", persist_state=KEPT)
    at_once.number_input(
        "At the same time",
        1,
        512,
        key="chat_in_flight",
        persist_state=KEPT,
        help="Most turns in flight at once; never more than two thirds of the users.",
    )
    text = st.session_state[SPEC]
    ready = asking is not None and asking.result is not None and asking.result[0] == text and asking.result[1].answers
    values = {name: st.session_state[f"chat_{name}"] for name in DEFAULTS}
    with errors_shown():
        workload = Workload(**values, arrival="ramp:1.5", seed=7)
        messages = workload.users * workload.turns
        if allowed.reach == "public" and messages > MOST:
            st.error(f"Users × turns is {messages:,}: at most {MOST:,} messages are sent for a visitor of this server.")
            return None
        address = _address(allowed)
        mark = hashlib.sha256(f"{messages} {address}".encode()).hexdigest()[:12]
        agreed = st.checkbox(
            f"This sends {messages:,} messages to {code(address)}.",
            wrap=True,
            key=f"chat_agreed_{mark}",
            help="As many turns as all users have together. They take the chat's time, and its model's money.",
        )
        hint = "" if ready else "Ask the five questions first: nobody is sent to a chat that does not answer."
        pressed = st.button(
            "Simulate",
            key="chat_simulate",
            type="primary",
            icon=":material/play_arrow:",
            width="stretch",
            disabled=busy or not ready or not agreed,
            help=hint or ("" if agreed else "Tick the box above first.") or None,
        )
        if pressed and ready and agreed:
            seconds = SECONDS if allowed.reach == "public" else None
            return Box(address, text, partial(pasted.target, text, allowed), seconds), workload
    return None


def _read(allowed: Trust) -> Description | None:
    """What is wrong with it is said below its field."""
    try:
        return pasted.read(st.session_state[SPEC], allowed)
    except BadTarget as exc:
        st.error(escaped(str(exc)), icon=":material/error:")
        return None


def _address(allowed: Trust) -> str:
    try:
        return pasted.read(st.session_state[SPEC], allowed).name
    except BadTarget:
        return "…"


# --- work in the background


def _look(text: str, allowed: Trust, pace: Pace, say: Any) -> Draft:
    del pace
    say("Detecting its protocol …")
    return begun(text, allowed)


def _ask(text: str, allowed: Trust, pace: Pace, say: Any) -> Probed:
    say("Asking a few questions …")
    found, target = settled(pasted.target(text, allowed), pace.stop)
    target.close()
    if pace.stop.is_set():
        raise CrosswireError("Stopped.")  # what a part of the questions has shown is no ground for a run
    return pasted.answering(text, found.answer, allowed) if found.answer else text, found


def _take_results() -> None:
    """Put what jobs have found into the fields, before those are drawn."""
    looking, asking = _job(LOOKING), _job(ASKING)
    if looking is not None and not looking.running() and looking.result is not None:
        old, new = st.session_state.get(SPEC), looking.result.text()
        st.session_state[BEFORE] = old if old and old != new else None
        st.session_state[SPEC] = new
        background_job.drop(LOOKING)
        background_job.drop(ASKING)
    if asking is not None and not asking.running() and asking.result is not None:
        # What was typed meanwhile stays.
        if st.session_state.get(SPEC) == asking.about:
            st.session_state[SPEC] = asking.result[0]
        asking.about = None


def _back(text: str) -> None:
    st.session_state[SPEC], st.session_state[BEFORE] = text, None


def _job(slot: str) -> Job[str, Any] | None:
    found: Job[str, Any] | None = st.session_state.get(slot)
    return found


def _runs(job: Job[str, Any] | None) -> bool:
    return job is not None and job.running()


def _doing(text: str) -> tuple[float | None, str]:
    return None, text
