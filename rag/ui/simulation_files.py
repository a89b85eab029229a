"""A run as files: for people, for machines, for CI."""

from __future__ import annotations

import streamlit as st

from rag.crosstalk.report import as_html, as_junit
from rag.crosstalk.reproduce import file_name, of_log
from rag.crosstalk.runs import Outcome, Run


def draw(run: Run, outcome: Outcome) -> None:
    stem = f"crosswire-{outcome.strategy}-{run.workload.seed}"
    st.caption(f"The command that does the same: `{command(run, outcome.strategy)}`")
    with st.container(horizontal=True):
        st.download_button(
            "Report (HTML)",
            lambda: _html(outcome),
            f"{stem}.html",
            "text/html",
            icon=":material/description:",
            on_click="ignore",
        )
        st.download_button(
            "Report (JSON)",
            outcome.whole.read_bytes,
            f"{stem}.json",
            "application/json",
            icon=":material/data_object:",
            on_click="ignore",
        )
        st.download_button(
            "JUnit",
            lambda: as_junit(outcome.report, outcome.strategy),
            f"{stem}.xml",
            "application/xml",
            icon=":material/checklist:",
            on_click="ignore",
        )
        first = next(iter(outcome.report.anomalies), None)
        if first is not None:
            st.download_button(
                "Failing test (pytest)",
                lambda: of_log(outcome.smallest(first), first, outcome.strategy).encode(),
                file_name(outcome.strategy, first.kind),
                "text/x-python",
                icon=":material/science:",
                on_click="ignore",
                help="The smallest part of the log that shows the first anomaly, as a test that fails.",
            )
        st.download_button(
            "Operation log",
            outcome.log.read_bytes,
            f"{stem}.jsonl",
            "application/jsonl",
            icon=":material/receipt_long:",
            on_click="ignore",
        )


def command(run: Run, strategy: str) -> str:
    """What to type to run the same people, words and moments."""
    workload = run.workload
    parts = [f"python -m rag simulate --strategy {strategy} --users {workload.users} --turns {workload.turns}"]
    if workload.tabs > 1:
        parts.append(f"--tabs {workload.tabs}")
    if workload.processes > 1:
        parts.append(f"--processes {workload.processes}")
    if workload.restart:
        parts.append("--restart")
    if workload.cancelled is not None:
        parts.append(f"--cancelled {workload.cancelled}")
    parts.append(f"--latency {workload.latency} --arrival '{workload.arrival}' --seed {workload.seed}")
    return " ".join(parts)


def _html(outcome: Outcome) -> str:
    first = next(iter(outcome.report.anomalies), None)
    return as_html(outcome.report, outcome.strategy, outcome.smallest(first) if first else (), first)
