"""The conversations of other applications, sent here by `crosswire.trace` or any writer of OTLP: as turns, masked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from rag.colours import colour
from rag.inspector import Pace, Progress
from rag.inspector.timestamps import moment
from rag.inspector.turns.owners import Owners
from rag.inspector.turns.traced import traced_owners, traced_turns
from rag.safe_text import line
from rag.sessions.names import friendly_name
from rag.tracing.store import Traced, TraceStore
from rag.ui.avatar import badge
from rag.ui.escaping import count, duration
from rag.ui.feedback import errors_shown
from rag.ui.inspector.context import Context
from rag.ui.inspector.turns import foreign_parts, turn_view

TITLE = "Other apps (crosswire.trace)"
CHOSEN = "inspector_traced_chosen"
BESIDE = 3
SNIPPET = """\
import crosswire

handler = crosswire.trace("redis://localhost:6379/0")  # or "https://this-server", token=TRACE_TOKEN
chain.invoke(question, config={"callbacks": [handler], "metadata": {"session_id": session_id}})"""


def draw(context: Context) -> None:
    st.subheader("Other apps", anchor=False)
    st.fragment(_live, run_every=context.every)(context)


@errors_shown("cloud_off", str)
def _live(context: Context) -> None:
    store = TraceStore(context.services.client)
    rows = store.conversations()
    if not rows:
        st.caption("No turns yet. A LangChain app sends them with two lines:")
        st.code(SNIPPET, language="python")
        st.caption("Texts stay in the app unless you pass `text=True`. The newest 50 turns are kept for a day.")
        return
    chosen = _table(rows)
    for column, one in zip(st.columns(max(1, min(len(chosen), BESIDE)), gap="medium"), chosen, strict=False):
        with column:
            _conversation(context, store, one)


def _table(rows: Sequence[Traced]) -> list[Traced]:
    cells = [
        {
            "Colour": badge(friendly_name(one.id), colour(one.id)),
            "Name": friendly_name(one.id),
            "Conversation": line(one.id, 60),
            "Turns": one.turns,
            "Last turn": moment(one.at),
            "Expires in": duration(one.ttl) if one.ttl is not None else "never",
        }
        for one in rows
    ]
    held = st.session_state.get(CHOSEN, [])
    picked = [number for number, one in enumerate(rows) if one.id in held]
    table = st.dataframe(
        cells,
        hide_index=True,
        height=min(38 + 35 * len(rows), 300),
        key="inspector_traced_" + str(hash(tuple(one.id for one in rows))),
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": picked or [0]}},
        column_config={
            "Colour": st.column_config.ImageColumn("", width=40),
            "Turns": st.column_config.NumberColumn(width=60),
            "Last turn": st.column_config.DatetimeColumn(format="distance", width=130),
        },
    )
    chosen = [rows[number] for number in table["selection"]["rows"] if number < len(rows)]
    st.session_state[CHOSEN] = [one.id for one in chosen]
    return chosen


def _conversation(context: Context, store: TraceStore, one: Traced) -> None:
    context.looked(one.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.image(badge(friendly_name(one.id), colour(one.id)), width=40)
        st.subheader(friendly_name(one.id), anchor=False, width="content")
        context.reveal_button(one.id, f"inspector_reveal_traced_{one.id}")
        if context.changes:
            st.button("Forget", icon=":material/delete:", key=f"inspector_forget_{one.id}", type="tertiary",
                      on_click=partial(_forget, context, store, one.id))  # fmt: skip
    st.code(line(one.id), language=None)

    def find(wanted: Sequence[str], pace: Pace, tell: Callable[[Progress], None]) -> Owners:
        return traced_owners(store, wanted, one.id, pace, tell)

    turns = traced_turns(store.turns(one.id), one.id)
    st.caption(f"{count(len(turns), 'turn')} recorded")
    for turn in foreign_parts.named(one.id, turns, find):
        turn_view.draw(context, one.id, turn)


def _forget(context: Context, store: TraceStore, conversation_id: str) -> None:
    store.forget(conversation_id)
    context.log("forget trace", conversation_id)
