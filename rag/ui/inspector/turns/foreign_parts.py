"""Whose the parts of prompts are that this session's history does not hold: every session is looked through once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from rag.inspector import Pace, Progress
from rag.inspector.turns.model import Turn
from rag.inspector.turns.owners import Owners
from rag.ui.background_job import Job, progress, start
from rag.ui.escaping import count

JOB = "inspector_owners"
Find = Callable[[Sequence[str], Pace, Callable[[Progress], None]], Owners]
"""Looks for texts, or digests, in all other sessions."""


def named(session_id: str, turns: Sequence[Turn], find: Find) -> list[Turn]:
    """The turns, with the owners that were found. Draws how they are looked for, where there is anything to find."""
    texts = tuple(dict.fromkeys(part.asked for turn in turns for part in turn.unknown if part.asked))
    if not texts:
        return [*turns]
    job: Job[Progress, Owners] | None = st.session_state.get(JOB)
    if job is None or job.about != (session_id, texts):
        words = f"Not in this session's history: {count(len(texts), 'part')} of these prompts."
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.markdown(f":orange[:material/help:] {words}", width="content")
            begin = partial(_start, session_id, texts, find)
            st.button("Find whose", icon=":material/person_search:", key="inspector_find_owners", on_click=begin)
        return [*turns]
    if job.running():
        progress(job, _searched, "inspector_owners")
        return [*turns]
    if job.problem or job.result is None:
        st.error(job.problem or "The search was stopped.", icon=":material/error:")
        return [*turns]
    return _told(job.result, turns)


def _start(session_id: str, texts: Sequence[str], find: Find) -> None:
    def work(pace: Pace, tell: Callable[[Progress], None]) -> Owners:
        return find(texts, pace, tell)

    start(JOB, work, about=(session_id, texts), told=str)


def _told(found: Owners, turns: Sequence[Turn]) -> list[Turn]:
    end = "" if found.complete else " The search was stopped, so nobody is named."
    several = f", {count(len(found.several), 'part')} in several sessions" if found.several else ""
    st.caption(
        f"{count(found.looked_at, 'session')} searched: {count(len(found.owners), 'part')} found in one{several}.{end}"
    )
    return [turn.named(found.owners) for turn in turns]


def _searched(step: Progress) -> tuple[float, str]:
    return step.done, f"{step.sessions:,} sessions searched"
