"""The stage: a run while it goes on, and the field that it left behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from rag.crosstalk import Progress
from rag.crosstalk.background.runs import Outcome, Run
from rag.crosstalk.checker.anomalies import DEFINITIONS
from rag.crosstalk.run.people import label
from rag.ui.escaping import escaped
from rag.ui.simulation.user_grid import field

_GRAVITY = {"critical": 0, "high": 1, "medium": 2, "low": 3}
_ICONS = {"isolated": ":material/verified_user:", "anomalies": ":material/report:", "unknown": ":material/help:"}


def draw(run: Run) -> None:
    """Each strategy's field with its figures beside it; two of them side by side."""
    if run.state == "waiting":
        st.info("Waiting for another run to end: two go on at a time.", icon=":material/hourglass_empty:")
    columns = st.columns(len(run.strategies), gap="large")
    for column, strategy in zip(columns, run.strategies, strict=True):
        with column:
            st.markdown(f"##### {strategy}")
            outcome = run.outcomes.get(strategy)
            if outcome is not None:
                _ended(run, outcome)
            else:
                _going(run, run.progress.get(strategy), alone=len(run.strategies) == 1)


def _going(run: Run, progress: Progress | None, *, alone: bool) -> None:
    workload = run.workload
    turns = workload.turns * workload.tabs
    stage, figures = st.columns([1.5, 1], gap="medium") if alone else (st.container(), st.container())
    if progress is None:
        blank = field([0] * workload.users, [-1] * workload.users, turns)
        stage.image(blank, width="stretch", alt="Nobody has spoken yet")
        stage.caption("Starting …")
        return
    with stage:
        said = f"{progress.answered} of {progress.turns} turns answered, {progress.leaks} leaks seen"
        st.image(field(progress.done, progress.leaked, turns), width="stretch", alt=said)
    with figures:
        _figures(
            {
                "Turns": f"{progress.answered:,}",
                "Turns/s": f"{progress.rate:,.0f}",
                "In flight": f"{progress.in_flight}",
                "Leaks seen": f"{progress.leaks:,}",
                "Lost so far": "–" if progress.lost is None else f"{progress.lost:,}",
                "p50": _ms(progress.p50),
                "p95": _ms(progress.p95),
                "p99": _ms(progress.p99),
            }
        )
    st.progress(min(1.0, progress.answered / max(1, progress.turns)), text=f"{progress.phase.capitalize()} …")


def _ended(run: Run, outcome: Outcome) -> None:
    report, figures, left = outcome.report, outcome.about["figures"], outcome.about["field"]
    alone = len(run.strategies) == 1
    stage, beside = st.columns([1.5, 1], gap="medium") if alone else (st.container(), st.container())
    with stage:
        wrong, leaked = gravest(outcome, run.workload.users)
        turns = run.workload.turns * run.workload.tabs
        st.image(field(left["done"], leaked, turns, wrong), width="stretch", alt=report.why)
    if not alone:
        verdict(outcome)
    with beside if alone else st.container():
        counts = report.counts
        leaks = sum(counts.get(kind, 0) for kind in ("foreign-read", "retrieval-leak", "swapped-answer"))
        _figures(
            {
                "Turns": f"{figures['answered']:,}",
                "Turns/s": f"{figures['rate']:,.0f}",
                "At once": f"{figures['peak_in_flight']}",
                "Leaks": f"{leaks:,}",
                "Lost": f"{counts.get('lost-update', 0) + counts.get('lost-append', 0):,}",
                "p50": _ms(figures["p50"]),
                "p95": _ms(figures["p95"]),
                "p99": _ms(figures["p99"]),
            }
        )
    if alone:
        verdict(outcome)


def verdict(outcome: Outcome) -> None:
    """The verdict in one sentence, and what kind of mistake it is."""
    report = outcome.report
    tell = {"isolated": st.success, "anomalies": st.error, "unknown": st.warning}[report.verdict]
    stopped = " The run was stopped, so this is about what ran." if outcome.about["stopped"] else ""
    cause = {
        "scope bug": " It needs no race: something is shared that must not be (a scope bug).",
        "race": " Each leak came between turns that ran at the same time: it may take a race.",
    }.get(report.cause or "", "")
    tell(f"**{report.verdict.capitalize()}.** {report.why}{cause}{stopped}", icon=_ICONS[report.verdict])
    for problem in outcome.about["problems"][:3]:
        st.caption(f":material/warning: A turn ended with: `{problem.replace('`', '')[:200]}`")
    if left := outcome.about["left"]:
        st.caption(f":material/delete: {escaped(left)}")


def gravest(outcome: Outcome, users: int) -> tuple[Mapping[int, str], Sequence[int]]:
    """By user's number: the gravest kind of anomaly of their session, and whose data they were shown (-1: nobody's)."""
    numbers = {label(number): number for number in range(users)}
    kinds: dict[int, tuple[int, str]] = {}
    leaked = list(outcome.about["field"]["leaked"]) or [-1] * users
    for anomaly in outcome.report.anomalies:
        number = numbers.get(anomaly.user or "")
        if number is not None:
            grave = (_GRAVITY[DEFINITIONS[anomaly.kind].severity], anomaly.kind)
            kinds[number] = min(kinds.get(number, grave), grave)
    for user, owner, _ in outcome.report.seen:
        if user in numbers and owner in numbers and leaked[numbers[user]] < 0:
            leaked[numbers[user]] = numbers[owner]
    return {number: kind for number, (_, kind) in kinds.items()}, leaked


def _figures(values: Mapping[str, str]) -> None:
    """As many in a line as there is room for, one under the other."""
    with st.container(horizontal=True, gap="xsmall"):
        for name, value in values.items():
            st.markdown(f"**{value}**  \n:small[:gray[{name}]]", width=74)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"
