"""What a visitor sees before the first run, and the list of the runs so far."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from rag.crosstalk.background.runs import KEPT, Run, Runs
from rag.ui.escaping import code, count
from rag.ui.simulation import people_field

USERS = 100


def empty() -> None:
    nobody = [-1] * USERS
    people_field.draw("nobody", "A hundred users who have not said anything yet", 3, [0] * USERS, nobody, nobody)
    st.caption("A hundred users, waiting. Press **Simulate**: this memory caused the 2 AM incident.")


def draw(runs: Runs, session_id: str, current: Run | None) -> None:
    past = [run for run in runs.mine(session_id) if current is None or run.id != current.id]
    if not past:
        return
    with st.expander(f"Earlier runs ({len(past)})", icon=":material/history:"):
        st.caption(f"Your last {KEPT} runs are kept. Whoever has a run's address can read it, not change it.")
        for run in past:
            when = datetime.fromtimestamp(run.at, UTC).astimezone()
            said = "; ".join(
                f"{code(run.target) if run.target else name}: {_told(run, name)}" for name in run.strategies
            )
            size = f"{run.workload.users:,} users × {count(run.workload.turns, 'turn')}"
            words, look, drop = st.columns([6, 1, 1], vertical_alignment="center")
            words.markdown(f"{when:%d %b, %H:%M:%S} · {size} · {said}")
            if look.button("Open", key=f"open-{run.id}", width="stretch"):
                st.query_params["run"] = run.id
                st.rerun()
            if drop.button("Delete", key=f"drop-{run.id}", width="stretch"):
                runs.delete(session_id, run.id)
                st.rerun()


def _told(run: Run, name: str) -> str:
    """The verdict, and people and turns where somebody got another's data."""
    outcome = run.outcomes.get(name)
    if outcome is None:
        return run.state
    report = outcome.report
    leaked = f" ({report.shown:,} of {report.users:,} users shown others' data)" if report.leaked.users else ""
    return f"{report.verdict}{leaked}"
