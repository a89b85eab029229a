"""A run as files: for people, for machines, for CI."""

from __future__ import annotations

import streamlit as st

from rag.crosstalk.background.runs import Outcome, Run
from rag.crosstalk.report.export import as_html, as_junit
from rag.crosstalk.report.reproduce import command, file_name, of_run
from rag.ui.feedback import download


def draw(run: Run, outcome: Outcome) -> None:
    stem = f"crosswire-{outcome.strategy}-{run.workload.seed}"
    first = next(iter(outcome.report.anomalies), None)
    st.caption(f"To repeat this run: `{command(run.workload, strategy=outcome.strategy)}`")
    with st.container(horizontal=True):
        download("Report (HTML)", lambda: _html(outcome), f"{stem}.html", "text/html", "description")
        download("Report (JSON)", outcome.whole.read_bytes, f"{stem}.json", "application/json", "data_object")
        junit = f"{stem}.xml"
        download("JUnit", lambda: as_junit(outcome.report, outcome.strategy), junit, "application/xml", "checklist")
        if first is not None:
            download(
                "Failing test (pytest)",
                lambda: of_run(outcome.strategy, run.workload, first).encode(),
                file_name(outcome.strategy, first.kind),
                "text/x-python",
                "science",
                help="This run as a test. It fails until the memory is fixed.",
            )
        download("Operation log", outcome.log.read_bytes, f"{stem}.jsonl", "application/jsonl", "receipt_long")


def _html(outcome: Outcome) -> str:
    first = next(iter(outcome.report.anomalies), None)
    return as_html(outcome.report, outcome.strategy, outcome.smallest(first) if first else (), first)
