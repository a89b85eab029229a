"""A run while it goes on, and the grid that it left behind."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from rag.crosstalk import Progress
from rag.crosstalk.background.runs import Outcome, Run
from rag.crosstalk.checker.anomalies import in_group
from rag.crosstalk.run.people import label
from rag.ui.escaping import escaped
from rag.ui.simulation.user_grid import grid

_ICONS = {"isolated": ":material/verified_user:", "anomalies": ":material/report:", "unknown": ":material/help:"}
LEAKS = in_group("leak")
LOSSES = in_group("lost")
HELP = {
    "In flight": "Turns being answered right now.",
    "Peak": "Peak concurrency: the most turns in flight at once.",
    "Leaks": "Times that a user was shown another user's data.",
    "Lost": "Acknowledged turns that are missing from the stored history.",
}


def draw(run: Run) -> None:
    """Each strategy's grid with its figures beside it; two of them side by side."""
    if run.state == "waiting":
        st.info("Waiting for another run to finish: two run at a time.", icon=":material/hourglass_empty:")
    columns = st.columns(len(run.strategies), gap="large")
    for column, strategy in zip(columns, run.strategies, strict=True):
        with column:
            st.markdown(f"##### {strategy}")
            outcome = run.outcomes.get(strategy)
            alone = len(run.strategies) == 1
            stage, figures = st.columns([1.5, 1], gap="medium") if alone else (st.container(), None)
            with stage:
                if outcome is not None:
                    _ended_grid(run, outcome)
                else:
                    _live_grid(run, run.progress.get(strategy))
            if outcome is not None and not alone:
                verdict(outcome)
            with figures or st.container():
                _figures(outcome, run.progress.get(strategy))
            if outcome is not None and alone:
                verdict(outcome)
            elif outcome is None:
                _bar(run.progress.get(strategy))


def _live_grid(run: Run, progress: Progress | None) -> None:
    users, turns = run.workload.users, run.workload.turns * run.workload.tabs
    if progress is None:
        st.image(grid([0] * users, [-1] * users, turns), width="stretch", alt="Nobody has spoken yet")
        st.caption("Starting …")
        return
    said = f"{progress.answered} of {progress.turns} turns answered, {progress.leaks} leaks seen"
    st.image(grid(progress.done, progress.leaked, turns), width="stretch", alt=said)


def _ended_grid(run: Run, outcome: Outcome) -> None:
    wrong, leaked = wrong_and_leaked(outcome, run.workload.users)
    turns = run.workload.turns * run.workload.tabs
    st.image(grid(outcome.about["field"]["done"], leaked, turns, wrong), width="stretch", alt=outcome.report.why)


def _bar(progress: Progress | None) -> None:
    if progress is not None:
        st.progress(min(1.0, progress.answered / max(1, progress.turns)), text=f"{progress.phase.capitalize()} …")


def _figures(outcome: Outcome | None, progress: Progress | None) -> None:
    """As many in a line as there is room for, one under the other."""
    if outcome is not None:
        figures, counts = outcome.about["figures"], outcome.report.counts
        answered, rate, times = figures["answered"], figures["rate"], [figures[p] for p in ("p50", "p95", "p99")]
        busy = {"Peak": f"{figures['peak_in_flight']}"}
        leaks: int = sum(counts.get(kind, 0) for kind in LEAKS)
        lost: int | None = sum(counts.get(kind, 0) for kind in LOSSES)
    elif progress is not None:
        answered, rate, times = progress.answered, progress.rate, [progress.p50, progress.p95, progress.p99]
        busy = {"In flight": f"{progress.in_flight}"}
        leaks, lost = progress.leaks, progress.lost
    else:
        return
    values = {
        "Turns": f"{answered:,}",
        "Turns/s": f"{rate:,.0f}",
        **busy,
        "Leaks": f"{leaks:,}",
        "Lost": "–" if lost is None else f"{lost:,}",
        **{name: f"{seconds * 1000:,.0f} ms" for name, seconds in zip(("p50", "p95", "p99"), times, strict=True)},
    }
    with st.container(horizontal=True, gap="xsmall"):
        for name, value in values.items():
            st.markdown(f"**{value}**  \n:small[:gray[{name}]]", width=84, help=HELP.get(name))


def verdict(outcome: Outcome) -> None:
    """The verdict in one sentence, and what kind of mistake it is."""
    report = outcome.report
    tell = {"isolated": st.success, "anomalies": st.error, "unknown": st.warning}[report.verdict]
    stopped = " The run was stopped early; this covers the turns that ran." if outcome.about["stopped"] else ""
    cause = {
        "scope bug": " It needs no race: something is shared that must not be (a scope bug).",
        "race": " Every leak involves overlapping turns: probably a race.",
    }.get(report.cause or "", "")
    tell(f"**{report.verdict.capitalize()}.** {report.why}{cause}{stopped}", icon=_ICONS[report.verdict])
    for problem in outcome.about["problems"][:3]:
        st.caption(f":material/warning: A turn failed: `{problem.replace('`', '')[:200]}`")
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
