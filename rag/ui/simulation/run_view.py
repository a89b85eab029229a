"""A run while it goes on, and the grid that it left behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from rag.crosstalk import Progress
from rag.crosstalk.background.runs import Outcome, Run
from rag.crosstalk.checker.anomalies import in_group
from rag.crosstalk.report.known import recalled_beside
from rag.crosstalk.run.people import label
from rag.ui.escaping import code, escaped
from rag.ui.simulation.user_grid import grid

VERDICTS = {
    "isolated": (st.success, ":material/verified_user:"),
    "anomalies": (st.error, ":material/report:"),
    "unknown": (st.warning, ":material/help:"),
}
HELP = {
    "In flight": "Turns being answered right now.",
    "Peak": "Peak concurrency: the most turns in flight at once.",
    "Shown others' data": "Users whose answers held another user's data.",
    "Leaking turns": "Turns that held another user's data, in the answer or in its prompt.",
    "Lost": "Acknowledged turns that are missing from the stored history.",
}


def draw(run: Run) -> None:
    """Each strategy's grid with its figures beside it; two of them side by side."""
    if run.state == "waiting":
        st.info("Waiting for another run to finish: two run at a time.", icon=":material/hourglass_empty:")
    columns = st.columns(len(run.strategies), gap="large")
    for column, strategy in zip(columns, run.strategies, strict=True):
        outcome, progress = run.outcomes.get(strategy), run.progress.get(strategy)
        with column:
            st.markdown(f"##### {code(run.target) if run.target else strategy}")
            if len(columns) == 1:
                (stage, figures), below = st.columns([1.5, 1], gap="medium"), st.container()
            else:
                stage, below, figures = st.container(), st.container(), st.container()
        with stage:
            _grid(run, outcome, progress)
        with figures:
            _figures(outcome, progress)
        with below:
            if outcome is not None:
                verdict(outcome)
            elif progress is not None:
                share = min(1.0, progress.answered / max(1, progress.turns))
                st.progress(share, text=f"{progress.phase.capitalize()} …")


def _grid(run: Run, outcome: Outcome | None, progress: Progress | None) -> None:
    users, turns, wrong = run.workload.users, run.workload.turns * run.workload.tabs, set[int]()
    done: Sequence[int] = [0] * users
    leaked: Sequence[int] = [-1] * users
    said = "Nobody has spoken yet"
    if outcome is not None:
        wrong, leaked = wrong_and_leaked(outcome, users)
        done, said = outcome.about["field"]["done"], outcome.report.why
    elif progress is not None:
        done, leaked = progress.done, progress.leaked
        said = f"{progress.answered} of {progress.turns} turns answered; {progress.met}"
    st.image(grid(done, leaked, turns, wrong), width="stretch", alt=said)
    if outcome is None and progress is None:
        st.caption("Starting …")


def _figures(outcome: Outcome | None, progress: Progress | None) -> None:
    """As many in a line as there is room for, one under the other."""
    if outcome is not None:
        report, busy = outcome.report, ("Peak", "peak_in_flight")
        lost = sum(report.counts.get(kind, 0) for kind in in_group("lost"))
        people, leaks = report.shown, report.leaked.turns
        found: Callable[[str], Any] = {**outcome.about["figures"], "leaks": leaks, "lost": lost}.__getitem__
    elif progress is not None:
        found, busy = partial(getattr, progress), ("In flight", "in_flight")
        people = progress.shown
    else:
        return
    values = {
        "Turns": f"{found('answered'):,}",
        "Turns/s": f"{found('rate'):,.0f}",
        busy[0]: f"{found(busy[1])}",
        "Shown others' data": f"{people:,}",
        "Leaking turns": f"{found('leaks'):,}",
        "Lost": "–" if found("lost") is None else f"{found('lost'):,}",
        **{name: f"{found(name) * 1000:,.0f} ms" for name in ("p50", "p95", "p99")},
    }
    with st.container(horizontal=True, gap="xsmall"):
        for name, value in values.items():
            st.markdown(f"**{value}**  \n:small[:gray[{name}]]", width=84, help=HELP.get(name))


def verdict(outcome: Outcome) -> None:
    """The verdict in one sentence, and what kind of mistake it is."""
    report = outcome.report
    tell, icon = VERDICTS[report.verdict]
    stopped = " The run was stopped early; this covers the turns that ran." if outcome.about["stopped"] else ""
    cause = f" {report.about_cause}" if report.about_cause else ""
    tell(f"**{report.verdict.capitalize()}.** {escaped(report.why + cause)}{stopped}", icon=icon)
    if told := recalled_beside(report):
        st.caption(f":material/psychology: {escaped(told)}")
    for problem in outcome.about["problems"][:3]:
        st.caption(f":material/warning: A turn failed: `{problem.replace('`', '')[:200]}`")
    for note in outcome.about["notes"][:3]:
        st.caption(f":material/info: {escaped(note)}")
    if left := outcome.about["left"]:
        st.caption(f":material/delete: {escaped(left)}")


def wrong_and_leaked(outcome: Outcome, users: int) -> tuple[set[int], Sequence[int]]:
    """Which users have an anomaly in their session; and by user: whose data they were shown (-1: nobody's)."""
    numbers = {label(number): number for number in range(users)}
    wrong = {numbers[one.user] for one in outcome.report.anomalies if one.user in numbers}
    leaked = list(outcome.about["field"]["leaked"]) or [-1] * users
    for user, owner, _ in outcome.report.seen:
        if user in numbers and owner in numbers and leaked[numbers[user]] < 0:
            leaked[numbers[user]] = numbers[owner]
    return wrong, leaked
