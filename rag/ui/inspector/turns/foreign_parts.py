"""Whose the parts of prompts are that this session's history does not hold: every session is looked through once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from rag.inspector import Pace, Progress
from rag.inspector.turns.model import Turn
from rag.inspector.turns.owners import Owners, find_owners
from rag.ui.background_job import Job, progress, start
from rag.ui.escaping import count
from rag.ui.inspector.context import Context

JOB = "inspector_owners"


def named(context: Context, session_id: str, turns: Sequence[Turn]) -> list[Turn]:
    """The turns, with the owners that were found. Draws how they are looked for, where there is anything to find."""
    texts = tuple(dict.fromkeys(part.text for turn in turns for part in turn.unknown if part.state == "as sent"))
    if not texts:
        return [*turns]
    job: Job[Progress, Owners] | None = st.session_state.get(JOB)
    if job is None or job.about != (session_id, texts):
        words = f"Not in this session's history: {count(len(texts), 'part')} of these prompts."
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.markdown(f":orange[:material/help:] {words}", width="content")
            find = partial(_start, context, session_id, texts)
            st.button("Find whose", icon=":material/person_search:", key="inspector_find_owners", on_click=find)
        return [*turns]
    if job.running():
        progress(job, _searched, "inspector_owners")
        return [*turns]
    if job.problem or job.result is None:
        st.error(job.problem or "The search was stopped.", icon=":material/error:")
        return [*turns]
    return _told(job.result, turns)


def _start(context: Context, session_id: str, texts: Sequence[str]) -> None:
    histories = context.inspector.histories

    def find(pace: Pace, tell: Callable[[Progress], None]) -> Owners:
        return find_owners(histories, texts, session_id, pace, tell)

    start(JOB, find, about=(session_id, texts))


def _told(found: Owners, turns: Sequence[Turn]) -> list[Turn]:
    end = "" if found.complete else " The search was stopped, so nobody is named."
    several = f", {count(len(found.several), 'part')} in several sessions" if found.several else ""
    st.caption(
        f"{count(found.looked_at, 'session')} searched: {count(len(found.owners), 'owner')} found{several}.{end}"
    )
    return [turn.named(found.owners) for turn in turns]


def _searched(step: Progress) -> tuple[float, str]:
    return step.done, f"{step.sessions:,} sessions searched"
