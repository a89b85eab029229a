"""The table of sessions: sorted and paged in Redis where it keeps an order, else kept by a walk that can be stopped.

What is chosen is chosen by id. While something is, the rows stay where they are and only their values change, so that
nothing moves under the pointer.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import pandas as pd
import streamlit as st

from rag.inspector import FLAGS, Filter, Found, Progress, flags
from rag.inspector.timestamps import moment
from rag.inspector.views.session_table import Order
from rag.safe_text import MASK, line
from rag.sessions.ids import SessionId
from rag.sessions.listing.directory import Order as Indexed
from rag.sessions.listing.directory import Page, Row
from rag.sessions.protocol.replies import SessionInfo
from rag.ui.avatar import badge
from rag.ui.background_job import drop, progress, start
from rag.ui.escaping import duration
from rag.ui.feedback import errors_shown
from rag.ui.inspector.context import Context

TITLE = "Sessions"
CHOSEN = "inspector_chosen"
PICKED = "inspector_picked"
"""Something was chosen in the table, and the rest of the page is to follow."""
HELD = "inspector_held"
EDITION = "inspector_edition"
JOB = "inspector_search"
START = "inspector_start"
ROWS = 50
SEARCHED = "Searches every message of every session, in small steps. Case is ignored."
NOT_SEARCHED = (
    ":material/visibility_off: Texts are masked, so only a secret such as an order number can be searched for. To "
    "search for words, turn on “Reveal all texts”."
)
TITLES = "Shown once texts are revealed."
SHOWN = ("Colour", "Name", "First question", "Flags", "Turns", "Bytes", "Last turn", "Expires in")
"""Columns that are there at first; the others are in the table's menu."""
INDEXED: dict[str, Indexed] = {
    "Last activity": "newest",
    "Expires first": "ending",
    "Expires last": "lasting",
    "Longest idle": "oldest",
}
WALKED: dict[str, Order] = {"Newest": "created", "Most turns": "turns", "Most messages": "messages", "Largest": "bytes"}


@dataclass(frozen=True, slots=True)
class Wish:
    """What the controls say. order: a name of INDEXED or WALKED."""

    find: str
    order: str
    filter: Filter

    def walks(self, context: Context) -> bool:
        """Whether every session is looked at: what is asked for is in no index."""
        filtered = self.filter != Filter(you=context.you)
        if context.ours:
            return not self.find and (filtered or self.order in WALKED)
        return filtered or bool(self.find)


def chosen() -> list[str]:
    return list(st.session_state.get(CHOSEN, []))


def choose(ids: Sequence[str]) -> None:
    """Instead of what was chosen in the table. Before the table is drawn, or in a callback."""
    st.session_state[CHOSEN] = list(ids)
    # The table remembers what was clicked in it; another one does not.
    st.session_state[EDITION] = st.session_state.get(EDITION, 0) + 1


def draw(context: Context) -> None:
    wish = _controls(context)
    if wish.walks(context):
        _search(context, wish)
    else:
        drop(JOB)
        st.fragment(_live, run_every=context.every)(context, wish)


def _controls(context: Context) -> Wish:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        find = st.text_input("Find", key="inspector_find", placeholder="name or id prefix", width=220)
        text = st.text_input("Search texts", key="inspector_text", placeholder="ORD-48213", width=220, help=SEARCHED)
        orders = [*INDEXED, *WALKED] if context.ours else ["Most messages"]
        order = st.selectbox("Sort by", orders, key="inspector_order", width=170)
        with st.popover("Filter", icon=":material/filter_alt:"):
            wanted = _filter(context, text)
    if text and not context.may_search(text):
        st.caption(NOT_SEARCHED)
        wanted = replace(wanted, text="")
    wish = Wish(find.strip(), order or "Last activity", wanted)
    if st.session_state.get("inspector_wish") != (wish, context.inspector.layout.name):
        st.session_state["inspector_wish"] = (wish, context.inspector.layout.name)
        for name in (START, HELD):
            st.session_state.pop(name, None)
        drop(JOB)
    return wish


def _filter(context: Context, text: str) -> Filter:
    kinds = FLAGS if context.ours else ()
    wanted = st.pills("Flags", kinds, selection_mode="multi", key="inspector_flags") if kinds else []
    idle = st.number_input("Idle, at least (minutes)", min_value=0, value=0, key="inspector_idle") if kinds else 0
    ends = st.number_input("Expires within (minutes, 0: any)", min_value=0, value=0, key="inspector_ends")
    size = st.number_input("Messages, at least", min_value=0, value=0, key="inspector_size")
    return Filter(
        text=text,
        flags=frozenset(wanted),
        idle=(idle * 60 if idle else -math.inf, math.inf),
        ttl=(-math.inf, ends * 60 if ends else math.inf),
        messages=(size, math.inf),
        you=context.you,
    )


# --- by the index, live


@errors_shown("cloud_off", str)
def _live(context: Context, wish: Wish) -> None:
    held: list[str] = st.session_state.get(HELD, [])
    if wish.find:
        rows = tuple(context.inspector.find(wish.find, ROWS))
        page = Page(rows, 0, len(rows))
    else:
        page = context.inspector.page(st.session_state.get(START, 0), ROWS, INDEXED.get(wish.order, "newest"))
    rows, ids = page.rows, [row.info.id for row in page.rows]
    moved = context.ours and ids != held and not set(held).isdisjoint(chosen())
    if moved:
        rows = tuple(context.inspector.store.directory.rows([SessionId(one) for one in held]))
    else:
        st.session_state[HELD] = ids
    _grid(context, rows)
    with st.container(horizontal=True, vertical_alignment="center"):
        _pages(context, page, wish)
        if moved and st.button("Refresh the list", icon=":material/update:", key="inspector_let_go"):
            choose([])
            st.rerun()


def _pages(context: Context, page: Page, wish: Wish) -> None:
    end = page.start + len(page.rows)
    if page.total > ROWS and not wish.find:
        st.button("Earlier", icon=":material/chevron_left:", key="inspector_back", disabled=page.start == 0,
                  on_click=_go, args=(max(0, page.start - ROWS),))  # fmt: skip
        st.button("Next", icon=":material/chevron_right:", key="inspector_next", disabled=end >= page.total,
                  on_click=_go, args=(end,))  # fmt: skip
    if page.total:
        st.caption(f"{page.start + 1:,} to {end:,} of {page.total:,}")
    elif wish.find:
        st.caption("No matching session.")
    else:
        st.caption("No sessions yet. Ask something in the chat." if context.ours else "No chat histories found.")
    if (looked := context.inspector.sample()) and not wish.find:
        st.caption(f"A first look at {looked[0]:,} of {looked[1]:,} keys. A search or a scan reads all of them.")


def _go(start: int) -> None:
    st.session_state[START] = start
    st.session_state.pop(HELD, None)
    choose([])


# --- by a walk


@errors_shown("cloud_off", str)
def _search(context: Context, wish: Wish) -> None:
    inspector, order = context.inspector, WALKED.get(wish.order, "seen" if context.ours else "messages")
    job = st.session_state.get(JOB) or start(
        JOB, lambda pace, tell: inspector.search(wish.filter, order, pace=pace, progress=tell), told=str
    )
    if job.running():
        progress(job, _searched, "inspector_search")
        return
    if job.problem:
        st.error(job.problem, icon=":material/error:")
        return
    found = cast(Found, job.result)
    rows = [row for row in found.rows if not wish.find or row.info.id.startswith(wish.find)]
    _grid(context, rows)
    shown = f"{len(rows):,} of {found.matching:,} matches; {found.looked_at:,} sessions searched."
    st.caption(shown if found.complete else f"Stopped: {shown}", help=f"Server load: {found.load}.")
    if st.button("Search again", icon=":material/refresh:", key="inspector_again"):
        drop(JOB)
        st.rerun()


def _searched(step: Progress) -> tuple[float, str]:
    return step.done, f"{step.sessions:,} sessions searched, {step.found:,} matches"


# --- drawn


def _grid(context: Context, rows: Sequence[Row]) -> None:
    if not rows:
        return
    ids = tuple(row.info.id for row in rows)
    # Another table for other rows: a click chooses what was under it, though they have moved meanwhile.
    known = "\n".join([str(st.session_state.get(EDITION, 0)), *ids])
    key = "inspector_rows_" + hashlib.blake2b(known.encode("utf-8", "replace"), digest_size=8).hexdigest()
    picked = [number for number, one in enumerate(ids) if one in chosen()]
    columns = _columns(rows, context)
    frame = {name: cells for name, (cells, _) in columns.items()}
    st.dataframe(
        pd.DataFrame(frame),
        hide_index=True,
        height=min(38 + 35 * len(rows), 420),
        key=key,
        on_select=partial(_pick, key, ids),
        selection_mode="multi-row",
        selection_default={"selection": {"rows": picked}},
        column_config={name: config for name, (_, config) in columns.items()},
        column_order=SHOWN if context.ours else None,
    )
    if st.session_state.pop(PICKED, False):
        st.rerun()  # all of the page, of which this may be a part


def _pick(key: str, ids: Sequence[str]) -> None:
    st.session_state[CHOSEN] = [ids[number] for number in st.session_state[key]["selection"]["rows"]]
    st.session_state[PICKED] = True


def _title(context: Context, info: SessionInfo) -> str:
    if not info.title:
        return ""
    if context.shows(info.id):
        context.log("reveal title", info.id)
        return line(info.title, 80)
    return MASK * 6


def left(row: Row) -> str:
    """How long it stays, as people say it."""
    if row.info.ttl is None:
        return "pinned" if row.pinned else "never"
    return duration(row.info.ttl)


def _columns(rows: Sequence[Row], context: Context) -> dict[str, tuple[list[Any], Any]]:
    """Of each column what is in it, and how it is drawn."""
    infos, config = [row.info for row in rows], st.column_config
    columns = {
        "Colour": ([badge(row.name, row.colour) for row in rows], config.ImageColumn("", width=40)),
        "Name": ([row.name for row in rows], config.TextColumn(width=170)),
    }
    marks = [flags(row, context.you) for row in rows]
    ends = {"Expires in": ([left(row) for row in rows], config.TextColumn(width=90, help="If it stays idle."))}
    if not context.ours:
        ids = {"Id": ([line(info.id, 60) for info in infos], config.TextColumn(width=220))}
        messages = [info.messages for info in infos]
        return {**columns, "Messages": (messages, config.NumberColumn(width=80)), **ends, **ids}
    ids = {"Id": ([line(info.id, 48) for info in infos], config.TextColumn(width=220))}
    time = config.DatetimeColumn(format="distance", width=125)
    return {
        **columns,
        "First question": ([_title(context, info) for info in infos], config.TextColumn(width=150, help=TITLES)),
        "Flags": ([", ".join(flag for flag in FLAGS if flag in mark) for mark in marks], config.TextColumn(width=90)),
        "Turns": ([info.turns for info in infos], config.NumberColumn(width=55)),
        "Bytes": ([row.bytes for row in rows], config.NumberColumn(format="compact", width=60)),
        "Last turn": ([moment(info.last_seen) for info in infos], time),
        **ends,
        **ids,
        "Started": ([moment(info.created) for info in infos], time),
        "Model": ([line(info.model, 24) for info in infos], config.TextColumn()),
    }
