"""Many users at once against a memory: who saw whose data, live, and the evidence afterwards."""

from __future__ import annotations

import streamlit as st

from rag.crosstalk.background.runs import YOURS, Run
from rag.ui import resources, visitor
from rag.ui.feedback import errors_shown
from rag.ui.simulation import comparison, controls, earlier_runs, results, run_view, your_chat

# A reload finds the run by this query parameter, and so does whoever is given the address, to read it.
LOOKED_AT = "run"

runs = resources.runs()
me = visitor.visitor(resources.services().settings)

st.header("Simulate", anchor=False)
st.caption(
    "Many people use one chat at the same time. Each cell is one of them; someone else’s colour in it is a leak."
)

one, yours, table = st.tabs(
    [":material/groups: Run", ":material/link: Your chat", ":material/balance: Which memory should I use?"],
    key="part",
    on_change="rerun",
)
with table:
    if table.open:
        comparison.draw(resources.weighing(), me.session_id)


@st.fragment(run_every=0.5)
def _live(shown: Run, *, mine: bool) -> None:
    with st.container():
        if mine and st.button(
            "Stop", icon=":material/stop:", shortcut="Escape", help="What ran so far gets a verdict."
        ):
            runs.stop(me.session_id, shown.id)
    run_view.draw(shown)
    if not shown.busy:
        st.rerun()


def _shown(run: Run, *, mine: bool = True) -> None:
    if run.busy:
        _live(run, mine=mine)
        return
    with st.container():  # where the fragment was: elsewhere, both would stand there until all is drawn
        st.container()  # where its button was
        run_view.draw(run)
    if run.problem:
        st.error(run.problem, icon=":material/error:")


def _start(setup: controls.Setup | None) -> None:
    if setup is not None:
        with errors_shown():
            st.query_params[LOOKED_AT] = runs.start(me.session_id, *setup).id
            st.rerun()


def _draw() -> None:
    asked = st.query_params.get(LOOKED_AT, "")
    mine = runs.find(me.session_id, asked)
    run = mine or runs.shared(asked)
    if run is None and asked:
        st.info(runs.why_not(asked), icon=":material/link_off:")
    if run is None:
        runs.warm()
        controls.presets()
        setting, stage = st.columns([1, 2.6], gap="large")
        with setting:
            _start(controls.draw())
        with stage:
            earlier_runs.empty()
    else:
        if mine is None:
            st.info("This is somebody else's run. You can read it, not change it.", icon=":material/visibility:")
        _start(controls.bar(run, ("Run again" if mine else "Run it yourself")))
        _shown(run, mine=mine is not None)
        if not run.busy:
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
    with stage:
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
    if run is not None and not busy:
        results.draw(run)


with one:
    if one.open:
        _draw()
with yours:
    if yours.open:
        _draw_yours()
