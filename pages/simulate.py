"""Many users at once against a memory: who saw whose data, live, and the evidence afterwards."""

from __future__ import annotations

import streamlit as st

from rag.crosstalk.background.runs import YOURS, Run
from rag.ui import resources, visitor
from rag.ui.feedback import errors_shown
from rag.ui.simulation import comparison, controls, earlier_runs, results, run_view, your_chat

# A reload finds the run by this query parameter. It opens nothing for anybody else.
LOOKED_AT = "run"

FIRST_ON_A_PHONE = """<style>
@media (max-width: 640px) {div[data-testid="stColumn"]:has(.st-key-stage) {order: -1}}
</style>"""

runs = resources.runs()
me = visitor.visitor(resources.services().settings)

st.header("Simulate", anchor=False)
st.caption("Many people use one chat at the same time. Each cell is one of them; a foreign colour in it is a leak.")

one, yours, table = st.tabs(
    [":material/groups: Run", ":material/link: Your chat", ":material/balance: Which memory should I use?"],
    key="part",
    on_change="rerun",
)
with table:
    if table.open:
        comparison.draw(resources.weighing(), me.session_id)


@st.fragment(run_every=0.5)
def _live(shown: Run) -> None:
    run_view.draw(shown)
    if not shown.busy:
        st.rerun()
    if st.button(
        "Stop", icon=":material/stop:", shortcut="Escape", help="Ends the run. The turns so far get a verdict."
    ):
        runs.stop(me.session_id, shown.id)


def _shown(run: Run) -> None:
    if run.busy:
        _live(run)
        return
    run_view.draw(run)
    if run.problem:
        st.error(run.problem, icon=":material/error:")


def _draw() -> None:
    run = runs.find(me.session_id, st.query_params.get(LOOKED_AT, ""))
    controls.presets()
    setting, stage = st.columns([1, 2.6], gap="large")
    with setting:
        setup = controls.draw(busy=run is not None and run.busy)
    if setup is not None:
        with setting, errors_shown():
            st.query_params[LOOKED_AT] = runs.start(me.session_id, *setup).id
            st.rerun()
    with stage.container(key="stage"):
        if run is None:
            earlier_runs.empty()
        else:
            _shown(run)
    if run is not None:
        st.html(FIRST_ON_A_PHONE)
    if run is not None and not run.busy:
        results.draw(run)
    earlier_runs.draw(runs, me.session_id, run)


def _draw_yours() -> None:
    run = runs.find(me.session_id, st.query_params.get(LOOKED_AT, ""))
    run = run if run is not None and run.target else None
    busy = run is not None and run.busy
    allowed = your_chat.trust(resources.services().settings)
    setting, stage = st.columns([1, 2], gap="large")
    with setting:
        your_chat.paste(allowed, busy=busy)
    with stage.container(key="stage" if run is not None else None):
        if run is not None:
            _shown(run)
        with st.expander("The chat", icon=":material/link:") if run is not None else st.container():
            your_chat.description(allowed, busy=busy)
        setup = your_chat.start(allowed, busy=busy)
        if setup is not None:
            box, workload = setup
            with errors_shown():
                st.query_params[LOOKED_AT] = runs.start(me.session_id, [YOURS], workload, box).id
                st.rerun()
    if run is not None:
        st.html(FIRST_ON_A_PHONE)
    if run is not None and not busy:
        results.draw(run)


with one:
    if one.open:
        _draw()
with yours:
    if yours.open:
        _draw_yours()
