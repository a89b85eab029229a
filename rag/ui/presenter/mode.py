"""The bar of presenter mode, and the speaker's notes in a window of their own.

Which step a tab is at is that tab's own, and in its address, so that a reload finds it.
"""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from rag.ui import next_pages
from rag.ui.presenter.story import STORY, Step, minutes

AT = "story"
"""Slot of the tab's state, and the parameter of its address: which step, from 1."""
MOVED = "story-moved"
NOTES = "notes"
LARGE = """<style>
html {{ font-size: 20px !important }}
[data-testid="stSidebar"], [data-testid="stExpandSidebarButton"] {{ display: none }}
[data-testid="stMainBlockContainer"] {{ padding-top: 4.5rem }}
[data-testid="stMain"]:not(:has([data-testid="stBottom"])) [data-testid="stMainBlockContainer"] {{
  padding-bottom: 7rem }}
[data-testid="stBottomBlockContainer"] {{ padding-bottom: 4.5rem }}
.st-key-presenter-bar {{ position: fixed; left: 0; right: 0; bottom: 0; z-index: 1000; padding: .5rem 1.2rem;
  background: {ground}; border-top: 1px solid {edge} }}
.st-key-presenter-bar p {{ margin: 0 }}
</style>"""
EDGE = "#8884"


def draw() -> None:
    """Before a page: the bar where this tab presents, and in the page's place the notes where they were asked for."""
    if NOTES in st.query_params:
        _notes()
        st.stop()
    _follow()
    step = _at()
    if step is None:
        return
    theme = st.context.theme.type or "light"
    st.html(LARGE.format(ground=st.get_option(f"theme.{theme}.backgroundColor"), edge=EDGE))
    with st.container(key="presenter-bar", horizontal=True, vertical_alignment="center"):
        st.markdown(f"##### :gray[{step} / {len(STORY)}]\u2002{STORY[step - 1].title}", width="stretch")
        st.button("Back", icon=":material/arrow_back:", on_click=_go, args=(step - 1,), disabled=step == 1)
        last = step == len(STORY)
        st.button("Next", type="primary", shortcut="Space", on_click=_go, args=(step + 1,), disabled=last)
        with st.popover("Notes", icon=":material/speaker_notes:"):
            st.markdown(STORY[step - 1].say)
            st.link_button("All notes, in another window", f"/?{NOTES}=1", icon=":material/open_in_new:")
        st.button("Leave", icon=":material/close:", on_click=_go, args=(0,))


def link() -> None:
    """Begins it."""
    next_pages.link(STORY[0].page, "Present it in five minutes", **{AT: "1"})


def _at() -> int | None:
    """The step that this tab is at; None: it does not present. The address wins, where a page keeps that in it."""
    step = st.session_state.get(AT, 0)
    with suppress(ValueError):
        step = st.session_state[AT] = int(st.query_params.get(AT, ""))
    return step if 1 <= step <= len(STORY) else None


def _go(step: int) -> None:
    st.session_state[AT], st.session_state[MOVED] = step, True


def _follow() -> None:
    """Go where the step that was just chosen is told. (A callback cannot.)"""
    if not st.session_state.pop(MOVED, False):
        return
    st.query_params.pop(AT, None)
    step = st.session_state[AT]
    if 1 <= step <= len(STORY):
        where = STORY[step - 1]
        st.switch_page(f"{where.page}.py", query_params={**where.query, AT: str(step)})


def _notes() -> None:
    st.header("Speaker notes", anchor=False)
    st.caption(f"{minutes(sum(step.seconds for step in STORY))} minutes. The space bar goes on, in the other window.")
    begun = 0
    for number, step in enumerate(STORY, 1):
        _note(number, step, begun)
        begun += step.seconds


def _note(number: int, step: Step, begun: int) -> None:
    st.markdown(f"##### {number}. {step.title}")
    st.caption(f"{minutes(begun)}, for {step.seconds} s · {step.page.replace('_', ' ').capitalize()}")
    st.markdown(step.say)
