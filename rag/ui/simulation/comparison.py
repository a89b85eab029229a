"""“Which memory should I use?”: every memory through the same scenes, shipped or measured here, with the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from rag.crosstalk.background.comparisons import Weighing, shipped
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
    table, known = weighing.table(session_id), shipped()
    versions = ", ".join(f"{name} {version}" for name, version in known.versions.items())
    st.caption(
        f"Four scenes: a hundred users; two tabs each; two processes; a restart halfway. Measured on "
        f"{_day(known.at)} ({known.machine}). “Yes” is what these runs showed, not a proof.",
        help=f"With {versions}. `bench memories` measures them anew.",
    )
    if table.busy:
        st.fragment(_progress, run_every=EVERY)(weighing, session_id, table.measured)
    elif table.problem:
        st.error(table.problem, icon=":material/error:")
    elif table.stopped:
        st.warning(
            f"Stopped: {table.measured} of {len(table.names)} were measured again. The other rows are older.",
            icon=":material/timelapse:",
        )
    rows = table.over(known)
    frame = _frame(rows)
    state: Any = st.dataframe(
        frame,
        hide_index=True,
        height="content",
        placeholder="–",
        on_select="rerun",
        selection_mode="multi-row",
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
    chosen = [rows[row] for row in state["selection"]["rows"] if row < len(rows)]
    if not table.busy:
        label = f"Measure {len(chosen)} again, here" if chosen else "Measure all again, here"
        with st.container(horizontal=True):
            if st.button(label, icon=":material/balance:", help="Select rows to measure only those."):
                with errors_shown():
                    weighing.start(session_id, [row.name for row in chosen] or tuple(STRATEGIES))
                    st.rerun()
            download("Download as CSV", frame.to_csv(index=False), "which-memory.csv", "text/csv", "download")
    if not chosen:
        st.caption("Select a row for its evidence.")
    for row in chosen:
        _evidence(row)


def _progress(weighing: Weighing, session_id: str, measured: int) -> None:
    """measured: rows when the page was drawn. It is drawn anew when there is another one, or when it is over."""
    table = weighing.table(session_id)
    if table.measured != measured or not table.busy:
        st.rerun()
    left = f", {_minutes(table.left)} left" if table.left is not None else ""
    st.progress(min(1.0, table.share), text=f"Measuring {table.doing} …{left}")
    if st.button("Stop", icon=":material/stop:", key="stop-weighing"):
        weighing.stop(session_id)


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%d %B %Y").lstrip("0")


def _frame(rows: Sequence[Row]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "memory": STRATEGIES[row.name].title,
                **{f"{criterion}?": _answer(row, criterion) for criterion in CRITERIA},
                "turns/s": row.rate,
                "p95 (ms)": row.p95 * 1000,
                "round trips": row.round_trips,
                "measured": "here" if row.here else "shipped",
            }
            for row in rows
        ]
    )


def _answer(row: Row, criterion: str) -> str:
    return ANSWERS[row.answers[criterion]] if asked(row.name, criterion) else "– by design"


def _evidence(row: Row) -> None:
    kind = STRATEGIES[row.name]
    st.markdown(f"##### {kind.title} · `{row.name}`")
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
