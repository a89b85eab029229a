"""“Which memory should I use?”: every memory through the same scenes, measured now, each answer with its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from rag.crosstalk.background.comparisons import Weighing
from rag.crosstalk.checker.sentences import BY_DESIGN
from rag.crosstalk.run.comparison import CRITERIA, Row, asked
from rag.crosstalk.strategies import STRATEGIES
from rag.ui.escaping import escaped
from rag.ui.feedback import download, errors_shown

ANSWERS = {True: "✅ yes", False: "❌ no", None: "❔ can't tell"}
SHORT = {"survives a restart": "restart", "spans processes": "processes"}
"""For all columns to fit."""
EVERY = 1.0


def draw(weighing: Weighing, session_id: str) -> None:
    st.caption(
        "Four scenes: a hundred users; two tabs each; two processes; a restart halfway. "
        "Every memory runs all four, now, on this machine."
    )
    table = weighing.table(session_id)
    if table is None or not table.busy:
        label = "Measure all" if table is None else "Measure again"
        if st.button(label, type="primary" if table is None else "secondary", icon=":material/balance:"):
            with errors_shown():
                weighing.start(session_id)
                st.rerun()
    if table is None:
        st.info("Not measured yet. This takes a few minutes; results appear as they come in.", icon=":material/info:")
    else:
        st.fragment(_shown, run_every=EVERY if table.busy else None)(weighing, session_id, table.busy)


def _shown(weighing: Weighing, session_id: str, busy: bool) -> None:
    """busy: whether it was, when the page was drawn. The page is drawn anew when it is over."""
    table = weighing.table(session_id)
    if table is None or table.busy != busy:
        st.rerun()
    if busy:
        st.progress(min(1.0, table.share), text=f"Measuring {table.doing} …")
        if st.button("Stop", icon=":material/stop:", key="stop-weighing"):
            weighing.stop(session_id)
    elif table.problem:
        st.error(table.problem, icon=":material/error:")
    rows = tuple(table.rows)
    if not rows:
        return
    when = datetime.fromtimestamp(table.at, UTC).astimezone().strftime("%d %B, %H:%M")
    st.caption(f"Measured on {when}. “Yes” is what these runs showed, not a proof. Select a row for the evidence.")
    frame = _frame(rows)
    state: Any = st.dataframe(
        frame,
        hide_index=True,
        height="content",
        placeholder="–",
        on_select="rerun",
        selection_mode="single-row",
        key="which-memory",
        column_config={
            # The name stays in sight while a phone's reader goes through the columns; wide enough for those to come.
            "memory": st.column_config.TextColumn(pinned=True, width=180),
            **{f"{long}?": st.column_config.TextColumn(f"{short}?", help=f"{long}?") for long, short in SHORT.items()},
            "turns/s": st.column_config.NumberColumn(format="%.0f"),
            "p95 (ms)": st.column_config.NumberColumn(format="%.0f"),
            "round trips": st.column_config.NumberColumn(format="%.1f", help="Redis round trips per turn"),
        },
    )
    for row in state["selection"]["rows"]:
        _evidence(rows[row])
    if not busy:
        download("Download as CSV", frame.to_csv(index=False), "which-memory.csv", "text/csv", "download")


def _frame(rows: Sequence[Row]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "memory": row.name,
                **{f"{criterion}?": _answer(row, criterion) for criterion in CRITERIA},
                "turns/s": row.rate,
                "p95 (ms)": row.p95 * 1000,
                "round trips": row.round_trips,
            }
            for row in rows
        ]
    )


def _answer(row: Row, criterion: str) -> str:
    return ANSWERS[row.answers[criterion]] if asked(row.name, criterion) else "– by design"


def _evidence(row: Row) -> None:
    kind = STRATEGIES[row.name]
    st.markdown(f"##### {row.name}")
    st.markdown(f"{escaped(kind.lesson)} {escaped(kind.wrong)}")
    if not kind.keeps:
        st.info(f"It {BY_DESIGN}: isolation is what it is judged by.", icon=":material/info:")
    questions = [criterion for criterion in CRITERIA if asked(row.name, criterion)]
    for criterion in questions:
        if row.answers[criterion] is True:
            continue
        st.markdown(f"**{criterion}?** {ANSWERS[row.answers[criterion]]}")
        for scene, report in row.against(criterion):
            with st.expander(f"{scene}: {escaped(report.why)}"):
                for anomaly in report.anomalies:
                    if anomaly.kind in CRITERIA[criterion][0]:
                        st.markdown(f"- `{anomaly.kind}` {escaped(anomaly.explanation)}")
    if all(row.answers[criterion] for criterion in questions):
        st.success("No evidence against it.", icon=":material/check_circle:")
