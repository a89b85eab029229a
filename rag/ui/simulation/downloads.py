"""A run as files: for people, for machines, for CI."""

from __future__ import annotations

import streamlit as st

from rag.crosstalk.background.runs import Outcome, Run
from rag.crosstalk.report.export import as_html, as_junit
from rag.crosstalk.report.reproduce import command, file_name, of_run


def draw(run: Run, outcome: Outcome) -> None:
    stem = f"crosswire-{outcome.strategy}-{run.workload.seed}"
    st.caption(f"The command that does the same: `{command(run.workload, strategy=outcome.strategy)}`")
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
                lambda: of_run(outcome.strategy, run.workload, first).encode(),
                file_name(outcome.strategy, first.kind),
                "text/x-python",
                icon=":material/science:",
                on_click="ignore",
                help="The same run as a test: it fails, and passes once the memory has been put right.",
            )
        st.download_button(
            "Operation log",
            outcome.log.read_bytes,
            f"{stem}.jsonl",
            "application/jsonl",
            icon=":material/receipt_long:",
            on_click="ignore",
        )


def _html(outcome: Outcome) -> str:
    first = next(iter(outcome.report.anomalies), None)
    return as_html(outcome.report, outcome.strategy, outcome.smallest(first) if first else (), first)
