"""Puts in sessions with planted faults, and takes them out again."""

from __future__ import annotations

import streamlit as st

from rag.errors import CrosswireError
from rag.inspector.actions import examples
from rag.ui.escaping import count
from rag.ui.feedback import errors_shown
from rag.ui.inspector import session_table
from rag.ui.inspector.context import Context

PROBLEM = "inspector_examples_problem"
ALLOW = "Turn on “Allow changes” in the sidebar first."


@errors_shown("error", str)
def draw(context: Context, key: str) -> None:
    """key: tells the places apart where it is drawn."""
    if not context.ours:
        return
    if problem := st.session_state.pop(PROBLEM, None):
        st.error(problem, icon=":material/error:")
    there = examples.present(context.inspector)
    with st.container(horizontal=True, vertical_alignment="center"):
        if there:
            st.button("Remove examples", icon=":material/delete_sweep:", key=f"inspector_remove_examples_{key}",
                      on_click=_change, args=(context, False), disabled=not context.changes,
                      help=None if context.changes else ALLOW)  # fmt: skip
            told = f"{count(there, 'example session')}, marked “example”. Try the secret {examples.CANARY}."
            st.caption(told, width="content")
        else:
            st.button("Fill with examples", icon=":material/science:", key=f"inspector_fill_examples_{key}",
                      on_click=_change, args=(context, True), disabled=not context.changes,
                      help="Adds made-up sessions with planted faults.")  # fmt: skip
            if not context.changes:
                st.caption(ALLOW, width="content")


def _change(context: Context, fill: bool) -> None:
    try:
        if fill:
            examples.fill(context.inspector, context.who)
        else:
            examples.remove(context.inspector, context.who)
    except CrosswireError as exc:
        st.session_state[PROBLEM] = str(exc)
    session_table.choose([])
