"""The evidence: two people's conversations side by side, what is foreign marked, and the smallest example."""

from __future__ import annotations

import re
from collections.abc import Collection

import streamlit as st

from rag.colours import colour
from rag.crosstalk.background.runs import Outcome
from rag.crosstalk.checker.anomalies import DEFINITIONS
from rag.crosstalk.checker.findings import Anomaly
from rag.crosstalk.log.events import Event, Invoke, Message, Ok, Prompt
from rag.crosstalk.report.export import marked
from rag.crosstalk.report.story import story
from rag.crosstalk.report.transcript import Transcript, transcripts
from rag.ui import next_pages
from rag.ui.anomalies import definitions
from rag.ui.avatar import badge
from rag.ui.escaping import escaped

FEW = 6
"""Turns that are read at a glance; of more, a part is shown at a time."""
# Close together, with long texts in several lines: a wide diagram would be drawn too small to read.
CLOSE = '%%{init: {"sequence": {"wrap": true, "actorMargin": 8, "width": 100, "height": 40, "diagramMarginX": 4}}}%%'
_THIN = "59"
"""A third of the colour, the rest is the page."""


def side_by_side(outcome: Outcome, victim: str, owner: str) -> None:
    found = transcripts(outcome.log, {victim, owner})
    if victim not in found or owner not in found:
        st.warning("The log has no turns of these users.", icon=":material/help:")
        return
    foreign = [canary for turn in found[owner].turns for canary in turn.plants]
    if (first := outcome.leak(victim, owner)) is not None:
        st.markdown(f":material/arrow_forward: {escaped(first.explanation)}")
    recording = f"run-{outcome.folder.parent.name}-{outcome.strategy}"
    next_pages.link("inspector", f"{victim}'s prompts in the Inspector", recording=recording, session=victim)
    left, right = st.columns(2, gap="medium")
    with left:
        _conversation(found[victim], f"What {victim} was shown", foreign, owner)
    with right:
        _conversation(found[owner], f"What {owner} said", foreign, owner)


def _conversation(transcript: Transcript, title: str, foreign: Collection[str], owner: str) -> None:
    st.markdown(f"**{escaped(title)}**")
    with st.container(height="content" if len(transcript.turns) <= FEW else 720):
        for turn in transcript.turns[:30]:
            with st.chat_message("user", avatar=badge(transcript.user, colour(transcript.user))):
                st.markdown(_marked(turn.text, foreign, owner))
            with st.chat_message("assistant", avatar=":material/smart_toy:"):
                missing = f":gray[{turn.end or 'no answer'}]"
                st.markdown(_marked(turn.answer, foreign, owner) if turn.answer else missing)
                if transcript.user != owner:
                    _theirs(f"{owner}'s words in its prompt", ":material/input:", turn.prompt, foreign, owner)
        if len(transcript.turns) > 30:
            st.caption(f"{len(transcript.turns) - 30} more turns in the log.")
    if transcript.user != owner:
        title = f"{owner}'s words in {transcript.user}'s stored history"
        _theirs(title, ":material/database:", transcript.stored, foreign, owner)


def _theirs(title: str, icon: str, messages: Collection[Message], foreign: Collection[str], owner: str) -> None:
    found = [one for one in messages if any(held for canary in foreign for _, held in marked(one.text, canary))]
    if found:
        with st.expander(f"{title}: {len(found)}", icon=icon):
            for message in found[:20]:
                st.markdown(f":small[:gray[{message.role}]] {_marked(message.text, foreign, owner)}")


def smallest(outcome: Outcome) -> None:
    """The fewest users and turns that still show it, as a sequence diagram and in words."""
    anomalies = outcome.report.anomalies
    if not anomalies:
        st.success("Nothing went wrong, so there is no example.", icon=":material/check_circle:")
        return
    there = {one.kind for one in anomalies}
    kinds = [kind for kind in DEFINITIONS if kind in there]  # the gravest first
    key, told = f"smallest-{outcome.about['run']}", definitions(kinds)
    kind = st.segmented_control("Kind", kinds, default=kinds[0], key=key, help=told, required=True)
    # What a user could read says more than what only the model was given.
    anomaly = min((one for one in anomalies if one.kind == kind), key=lambda one: one.surface != "answer")
    with st.spinner("Looking for the smallest example …"):
        events = outcome.smallest(anomaly)
    st.markdown(escaped(anomaly.explanation))
    st.mermaid_chart(_sequence(events, anomaly), alt=anomaly.explanation)
    canaries = [anomaly.canary] if anomaly.canary else []
    for step in story(events, anomaly):
        mark = ":material/report:" if step.wrong else ":material/chevron_right:"
        st.markdown(f"{mark} **{escaped(step.user)}** {escaped(step.title)}")
        for role, text in step.lines[-6:]:
            st.caption(f"{escaped(role)}: {_marked(text, canaries, anomaly.owner or '')}")


def _sequence(events: list[Event], anomaly: Anomaly) -> str:
    users: dict[int, str] = {}
    people = dict.fromkeys(_word(event.user) for event in events if isinstance(event, Invoke))
    lines = [CLOSE, "sequenceDiagram", *(f"participant {name}" for name in (*people, "Chat", "Model"))]
    for event in events:
        if isinstance(event, Invoke):
            users[event.op] = _word(event.user)
            lines.append(f"{_word(event.user)}->>Chat: {_words(event.text)}")
        elif isinstance(event, Prompt) and event.op in users:
            others = anomaly.surface == "prompt" and event.op == anomaly.op
            note = "with others' words" if others else "with its history"
            lines.append(f"Chat->>Model: prompt for {users[event.op]}, {note}")
        elif isinstance(event, Ok) and event.op in users:
            lines.append(f"Chat-->>{users[event.op]}: {_words(event.answer)}")
    if anomaly.op in users:
        lines.append(f"Note over {users[anomaly.op]}: {anomaly.kind}")
    return "\n".join(lines)


def _word(text: str) -> str:
    return re.sub(r"\W+", "_", text) or "user"


def _words(text: str) -> str:
    """For a diagram: letters, digits and blanks, so that nothing in it is part of the diagram's language."""
    plain = re.sub(r"[^\w ,.?!'-]+", " ", text)
    return plain[:60] + ("…" if len(plain) > 60 else "")


def _marked(text: str, canaries: Collection[str], owner: str) -> str:
    """The owner's words have a ground of the owner's colour, as in the field. The ink is the page's, in both themes."""
    pieces = [(text, False)]
    for canary in canaries:
        pieces = [new for piece, found in pieces for new in ([(piece, True)] if found else marked(piece, canary))]
    ground = f'{{background="{colour(owner)}{_THIN}"}}'
    return "".join(f":color[**{escaped(piece)}**]{ground}" if found else escaped(piece) for piece, found in pieces)
