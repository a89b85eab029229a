"""One belief: what is asked, what the visitor says and, once that is said, what was measured and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from rag.crosstalk.beliefs import Belief, Code, Measured, Measurements
from rag.inspector import Pace
from rag.ui import next_pages
from rag.ui.background_job import Job, drop, progress, start
from rag.ui.beliefs import chart
from rag.ui.escaping import code, escaped
from rag.ui.lab_link import Played

SAYS = {"Yes": True, "No": False}
Moment = tuple[float, str]
Measurement = Job[Moment, Measured]


def slot(belief: Belief) -> str:
    """Of this tab's measurement of it."""
    return f"belief_{belief.id}"


def of(belief: Belief) -> Measurement | None:
    """What this tab has measured, or measures now."""
    found: Measurement | None = st.session_state.get(slot(belief))
    return found


def draw(belief: Belief, measurements: Measurements) -> None:
    with st.container(border=True, key=f"card_{belief.id}"):
        st.markdown(f"#### {belief.claim}")
        st.markdown(belief.asks)
        job = of(belief)
        if job is None:
            _commit(belief, measurements)
        elif job.running():
            progress(job, _told, slot(belief))
        elif job.result is None:
            st.warning(escaped(job.problem), icon=":material/error:")
            _again(belief)
        else:
            _measured(belief, bool(job.about), job.result)


def right(belief: Belief) -> bool | None:
    """Whether what the visitor said is what was measured; None where either is not known."""
    job = of(belief)
    if job is None or job.result is None or job.result.answer is None:
        return None
    return job.about == job.result.answer


def _commit(belief: Belief, measurements: Measurements) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        for word, said in SAYS.items():
            if st.button(word, key=f"{belief.id}_{word.lower()}", width=96):
                _start(belief, said, measurements)
                st.rerun()


def _start(belief: Belief, said: bool, measurements: Measurements) -> None:
    def work(pace: Pace, tell: Callable[[Moment], None]) -> Measured:
        return measurements.take(belief.id, lambda share, text: tell((share, text)), pace.stop)

    start(slot(belief), work, about=said)


def _told(moment: Moment) -> Moment:
    share, text = moment
    return min(1.0, share), text


def _measured(belief: Belief, said: bool, found: Measured) -> None:
    word = next(word for word, means in SAYS.items() if means == said)
    if found.answer is None:
        st.warning(f"You said {word.lower()}. This run cannot tell.", icon=":material/question_mark:")
    else:
        truth = next(word for word, means in SAYS.items() if means == found.answer)
        told = f"**{truth}.** You said {word.lower()}."
        (st.success if said == found.answer else st.error)(told, icon=_icon(said == found.answer))
    st.markdown(escaped(found.told))
    if found.levels:
        chart.draw(found.levels)
    if found.rows:
        st.markdown(_table(belief, found))
    st.markdown(belief.why)
    left, other = st.columns(2)
    _code(left, "Wrong", belief.wrong)
    _code(other, "Right", belief.right)
    _links(belief)
    with st.container(horizontal=True, vertical_alignment="center"):
        _again(belief)
        st.caption(f"Measured here in {found.seconds:.1f} s.")


def _again(belief: Belief) -> None:
    st.button("Again", icon=":material/restart_alt:", key=f"again_{belief.id}", on_click=drop, args=[slot(belief)])


def _icon(right: bool) -> str:
    return ":material/check_circle:" if right else ":material/cancel:"


def _table(belief: Belief, found: Measured) -> str:
    if found.levels:
        heads = "| | measured | asked for |"
    else:
        heads = f"| | wrong: {code(belief.wrong.strategy)} | right: {code(belief.right.strategy)} |"
    rows = [f"| {escaped(what)} | {escaped(wrong)} | {escaped(right)} |" for what, wrong, right in found.rows]
    return "\n".join([heads, "|:--|--:|--:|", *rows])


def _code(place: Any, title: str, shown: Code) -> None:
    with place:
        st.markdown(f"**{title}** :gray[as {code(shown.strategy)} of this lab]")
        st.code(shown.text, language="python", wrap_lines=True)


def _links(belief: Belief) -> None:
    with st.container(horizontal=True):
        if belief.played is not None:
            scene, schedule = belief.played
            played = Played(belief.wrong.strategy, scene, schedule)
            next_pages.link("race_lab", "Step through it in the race lab", **played.query)
        next_pages.link("simulate", "Run 100 people against a memory")
