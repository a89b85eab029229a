"""The sessions of a recording: who was shown somebody else's data first, and each one's turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from rag.colours import colour
from rag.inspector.turns.model import Turn
from rag.inspector.turns.recorded import Recorded
from rag.safe_text import line
from rag.ui.avatar import badge
from rag.ui.escaping import count, escaped
from rag.ui.feedback import errors_shown
from rag.ui.inspector.context import Context
from rag.ui.inspector.recordings import Source, recording
from rag.ui.inspector.turns import turn_view

ROWS = 500
BESIDE = 3
TURNS = 20


@errors_shown("error", str)
def draw(context: Context, source: Source) -> None:
    found = recording(source)
    rows = found.sessions()
    foreign = sum(row.foreign > 0 for row in rows)
    st.subheader(source.title, anchor=False)
    note = "" if found.whole else " Only the first turns of a long recording are read."
    said = f"{foreign} of {count(len(rows), 'session')} held somebody else's data." if rows else "Nobody spoke yet."
    st.caption(f"{said} Everything in it is made up, so nothing is masked.{note}")
    if not rows:
        return
    shown = rows[:ROWS]
    chosen = _table(source, shown)
    made_up = replace(context, reveal=True, people=found.people())
    for column, row in zip(st.columns(max(1, min(len(chosen), BESIDE)), gap="medium"), chosen, strict=False):
        with column:
            _session(made_up, row, found.turns(row.id))
    if len(chosen) > BESIDE:
        st.caption(f"Showing {BESIDE} of {len(chosen)} selected sessions.")


def _table(source: Source, rows: Sequence[Recorded]) -> list[Recorded]:
    cells = [
        {
            "Colour": badge(row.name, colour(row.name)),
            "Name": line(row.name, 60),
            "Foreign": row.foreign,
            "Turns": row.turns,
            "First question": line(row.question, 160),
        }
        for row in rows
    ]
    wanted = st.query_params.get("session")
    first = next((number for number, row in enumerate(rows) if wanted in (row.id, row.name)), 0)
    table = st.dataframe(
        cells,
        hide_index=True,
        height=min(38 + 35 * len(rows), 300),
        key=f"inspector_recorded_{source.id}",
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [first]}},
        column_config={
            "Colour": st.column_config.ImageColumn("", width=40),
            "Foreign": st.column_config.NumberColumn(width=70, help="Turns that held somebody else's data."),
            "Turns": st.column_config.NumberColumn(width=60),
            "First question": st.column_config.TextColumn(width="large"),
        },
    )
    return [rows[number] for number in table["selection"]["rows"] if number < len(rows)]


def _session(context: Context, row: Recorded, turns: Sequence[Turn]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.image(badge(row.name, context.colour(row.id)), width=40)
        st.subheader(escaped(line(row.name, 60)), anchor=False, width="content")
    st.caption(f"{escaped(line(row.id, 60))} · {count(row.turns, 'turn')} · {row.foreign} with foreign data")
    for turn in turns[:TURNS]:
        turn_view.draw(context, row.id, turn)
    if len(turns) > TURNS:
        st.caption(f"{len(turns) - TURNS} more turns in the log.")
