"""A run while it goes on, and what it left behind: one number, one sentence, the field, and the figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from rag.crosstalk import Progress, Report
from rag.crosstalk.background.runs import Outcome, Run
from rag.crosstalk.checker.anomalies import in_group
from rag.crosstalk.report.headline import TERMS, headline, why
from rag.crosstalk.report.known import recalled_beside
from rag.crosstalk.run.people import label
from rag.crosstalk.strategies import find
from rag.ui.escaping import code, escaped
from rag.ui.simulation import people_field, results

VERDICTS = {
    "isolated": (st.success, ":material/verified_user:"),
    "anomalies": (st.error, ":material/report:"),
    "unknown": (st.warning, ":material/help:"),
}
VERDICT_FIRST = """<style>
@media (max-width: 640px) {
  .st-key-one-run > [data-testid="stLayoutWrapper"] > * > [data-testid="stColumn"]:last-child { order: -1 }
}
</style>"""
"""On a phone what is beside the field stands above it."""
HELP = {
    "Turns": TERMS["turn"],
    "In flight": TERMS["in flight"],
    "Peak": "The most turns in flight at once.",
    "Lost": "Acknowledged turns that are missing from the stored history.",
    "p50": "Half of the turns took no longer.",
    "p95": "19 of 20 turns took no longer.",
    "p99": "99 of 100 turns took no longer.",
}


def title(run: Run, strategy: str) -> str:
    """As it is called everywhere: what people read, and the name that commands take."""
    return code(run.target) if run.target else named(strategy)


def named(strategy: str) -> str:
    return f"{find(strategy).title} · `{strategy}`"


def draw(run: Run) -> None:
    """Each strategy's field with its verdict beside it; two of them side by side."""
    if run.state == "waiting":
        st.info("Waiting for another run to finish: two run at a time.", icon=":material/hourglass_empty:")
    columns = st.columns(len(run.strategies), gap="large")
    for column, strategy in zip(columns, run.strategies, strict=True):
        outcome, progress = run.outcomes.get(strategy), run.progress.get(strategy)
        report = outcome.report if outcome else run.verdicts.get(strategy)
        with column:
            if len(columns) == 1:
                with st.container(key="one-run"):
                    st.html(VERDICT_FIRST)
                    stage, words = st.columns([1.5, 1], gap="large")
            else:
                words, stage = st.container(), st.container()
        with words:
            st.markdown(f"##### {title(run, strategy)}")
            _number(run, report, progress)
            if report is not None:
                _verdict(run, strategy, report, outcome)
            elif progress is not None:
                share = min(1.0, progress.answered / max(1, progress.turns))
                st.progress(share, text=f"{progress.answered:,} of {progress.turns:,} turns answered")
            elif run.busy:
                st.caption("Starting …")
        with stage:
            _field(run, strategy, outcome, progress)
        with words if len(columns) == 1 else stage:
            _figures(outcome, progress)


def _number(run: Run, report: Report | None, progress: Progress | None) -> None:
    """The same from the first second to the report."""
    shown = report.shown if report else progress.shown if progress else 0
    label = f"user{' was' if shown == 1 else 's were'} shown somebody else's data"
    st.metric(label, f"{shown:,} of {run.workload.users:,}", help=TERMS["shown"])


def _verdict(run: Run, strategy: str, report: Report, outcome: Outcome | None) -> None:
    """What happened to whom, why, and where to see it."""
    tell, icon = VERDICTS[report.verdict]
    stopped = outcome.about["stopped"] if outcome else run.stop.is_set()
    because = why(report, "" if run.target else find(strategy).lesson)
    parts = (
        f"**{report.verdict.capitalize()}.** {escaped(headline(report))}",
        escaped(because),
        "The run was stopped early; this covers the turns that ran." * stopped,
    )
    tell(" ".join(filter(None, parts)), icon=icon)
    if outcome is None:
        st.caption("Counting everything that went wrong …")
        return
    with st.container(horizontal=True, gap="small"):
        results.links(run, outcome)
    if report.verdict == "isolated" and report.bound is not None:
        st.caption(f"The leak rate is at most {report.bound:.2%} (95 %).", help=TERMS["isolated"])
    _aside(outcome)


def _aside(outcome: Outcome) -> None:
    if told := recalled_beside(outcome.report):
        st.caption(f":material/psychology: {escaped(told)}")
    for problem in outcome.about["problems"][:3]:
        st.caption(f":material/warning: A turn failed: `{problem.replace('`', '')[:200]}`")
    for note in outcome.about["notes"][:3]:
        st.caption(f":material/info: {escaped(note)}")
    if left := outcome.about["left"]:
        st.caption(f":material/delete: {escaped(left)}")


def _field(run: Run, strategy: str, outcome: Outcome | None, progress: Progress | None) -> None:
    users, turns, wrong = run.workload.users, run.workload.turns * run.workload.tabs, set[int]()
    done: Sequence[int] = [0] * users
    leaked: Sequence[int] = [-1] * users
    told: Sequence[int] = leaked
    said = "Nobody has spoken yet"
    steps: Sequence[Sequence[float]] = ()
    if outcome is not None:
        wrong, leaked = wrong_and_leaked(outcome, users)
        done, told, steps = outcome.about["field"]["done"], outcome.about["field"]["told"], outcome.steps()
        said = headline(outcome.report)
    elif progress is not None:
        done, leaked, told = progress.done, progress.leaked, progress.told
        said = f"{progress.answered} of {progress.turns} turns answered; {progress.met}"
    people_field.draw(f"field-{run.id}-{strategy}", said, turns, done or [0] * users, leaked, told, wrong, steps)


def _figures(outcome: Outcome | None, progress: Progress | None) -> None:
    """As many in a line as there is room for, one under the other."""
    if outcome is not None:
        report, busy = outcome.report, ("Peak", "peak_in_flight")
        lost = sum(report.counts.get(kind, 0) for kind in in_group("lost"))
        found: Callable[[str], Any] = {**outcome.about["figures"], "lost": lost}.__getitem__
    elif progress is not None:
        found, busy = partial(getattr, progress), ("In flight", "in_flight")
    else:
        return
    values = {
        "Turns": f"{found('answered'):,}",
        "Turns/s": f"{found('rate'):,.0f}",
        busy[0]: f"{found(busy[1])}",
        "Lost": "–" if found("lost") is None else f"{found('lost'):,}",
        **{name: f"{found(name) * 1000:,.0f} ms" for name in ("p50", "p95", "p99")},
    }
    with st.container(horizontal=True, gap="xsmall"):
        for name, value in values.items():
            st.markdown(f"**{value}**  \n:small[:gray[{name}]]", width=76, help=HELP.get(name))


def wrong_and_leaked(outcome: Outcome, users: int) -> tuple[set[int], Sequence[int]]:
    """Which users have an anomaly in their session; and by user: whose data reached them (-1: nobody's)."""
    numbers = {label(number): number for number in range(users)}
    wrong = {numbers[one.user] for one in outcome.report.anomalies if one.user in numbers}
    leaked = list(outcome.about["field"]["leaked"]) or [-1] * users
    for user, owner, _ in outcome.report.seen:
        if user in numbers and owner in numbers and leaked[numbers[user]] < 0:
            leaked[numbers[user]] = numbers[owner]
    return wrong, leaked
