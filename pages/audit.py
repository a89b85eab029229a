"""Somebody's store of conversations under the checks: which hold, which fail, and who did what then."""

from __future__ import annotations

import streamlit as st

from rag.audit.run.background import Auditing
from rag.ui import resources, visitor
from rag.ui.audit import choice, results, running
from rag.ui.feedback import errors_shown

FIRST_ON_A_PHONE = """<style>
@media (max-width: 640px) {div[data-testid="stColumn"]:has(.st-key-stage) {order: -1}}
</style>"""

settings = resources.services().settings
audits = resources.audits()
me = visitor.visitor(settings)
shown = audits.find(me.session_id)

st.header("Audit", anchor=False)
st.caption("Audits any conversation store: are sessions kept apart, whole and durable?")


@st.fragment(run_every=0.5)
def _live(begun: Auditing) -> None:
    running.draw(begun)
    if not begun.busy:
        st.rerun()
    if st.button("Stop", icon=":material/stop:", shortcut="Escape", help="What was found so far is kept."):
        audits.stop(me.session_id)


setting, stage = st.columns([1, 2.2], gap="large")
with setting:
    chosen = choice.draw(settings, busy=shown is not None and shown.busy)
    if chosen is not None:
        with errors_shown():
            audits.start(me.session_id, *chosen)
            st.rerun()
with stage.container(key="stage"):
    if shown is None:
        results.empty()
    elif shown.busy:
        _live(shown)
    else:
        results.draw(shown)
if shown is not None:
    st.html(FIRST_ON_A_PHONE)
