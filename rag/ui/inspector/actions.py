"""What can be done with the chosen sessions: changed, after a preview and a confirmation, and exported."""

from __future__ import annotations

from functools import partial

import streamlit as st

from rag.errors import CrosswireError
from rag.inspector.actions.changes import Act, Acts, Done
from rag.inspector.actions.exporting import export
from rag.inspector.actions.importing import import_new, read_export
from rag.ui.escaping import count
from rag.ui.inspector import session_table
from rag.ui.inspector.context import Desk

DONE = "inspector_done"
NAMED = 10
PROBLEM = "inspector_problem"
MINUTES = "inspector_minutes"
BUTTONS: dict[Act, tuple[str, str]] = {
    "extend": ("Extend", ":material/more_time:"),
    "pin": ("Pin", ":material/keep:"),
    "unpin": ("Unpin", ":material/keep_off:"),
    "expire": ("Expire now", ":material/timer_off:"),
    "clear": ("Clear", ":material/ink_eraser:"),
    "delete": ("Delete", ":material/delete:"),
}


def draw(desk: Desk, ids: list[str]) -> None:
    _undo(desk)
    if not ids:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{count(len(ids), 'session')} chosen**", width="content")
        if desk.ours:
            for act, (label, icon) in BUTTONS.items():
                if st.button(label, icon=icon, key=f"inspector_act_{act}", disabled=not desk.changes):
                    _confirm(desk, act, ids)
        _download(desk, ids)
    if desk.ours and not desk.changes:
        st.caption("Switch on “Allow changes” in the sidebar to change sessions, “Reveal texts” to export them.")


@st.dialog("Change sessions?", icon=":material/edit:")
def _confirm(desk: Desk, act: Act, ids: list[str]) -> None:
    label, icon = BUTTONS[act]
    try:
        seen = Acts(desk.inspector, desk.who).preview(act, ids)
        st.write(f"{icon} **{label}**: {seen}")
        names = [row.name for row in seen.rows]
        st.caption(", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else ""))
    except CrosswireError as exc:
        st.error(str(exc), icon=":material/error:")
        return
    if act == "extend":
        st.number_input("Minutes after each turn", 1, 525_600, 1440, key=MINUTES)
    st.caption("It is audited. The last change can be undone in this tab.")
    with st.container(horizontal=True):
        if st.button(label, type="primary", key="inspector_confirm", on_click=_do, args=(desk, act, ids)):
            st.rerun()
        if st.button("Leave them", key="inspector_leave"):
            st.rerun()


def _do(desk: Desk, act: Act, ids: list[str]) -> None:
    st.session_state.pop(PROBLEM, None)
    try:
        seconds = 60 * int(st.session_state.get(MINUTES, 1440))
        st.session_state[DONE] = Acts(desk.inspector, desk.who).do(act, ids, seconds)
    except CrosswireError as exc:
        st.session_state[PROBLEM] = str(exc)
        return
    if act in ("expire", "delete"):
        session_table.choose([])


def _undo(desk: Desk) -> None:
    if problem := st.session_state.get(PROBLEM):
        st.error(problem, icon=":material/error:")
    done: Done | None = st.session_state.get(DONE)
    if done is None or not desk.ours:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        label = BUTTONS[done.act][0]
        st.success(f"{label}: {count(len(done.ids), 'session')}.", icon=":material/check:")
        if done.ids and desk.changes and st.button("Undo", icon=":material/undo:", key="inspector_undo"):
            try:
                back = Acts(desk.inspector, desk.who).undo(done)
            except CrosswireError as exc:
                st.error(str(exc), icon=":material/error:")
                return
            st.session_state.pop(DONE, None)
            left = len(done.ids) - len(back)
            st.toast(f"{count(len(back), 'session')} as before." + (f" {left} went on, and were left." if left else ""))
            st.rerun()


def _download(desk: Desk, ids: list[str]) -> None:
    with st.popover("Export", icon=":material/download:", disabled=not desk.reveal):
        for form, label, mime in (
            ("json", "JSON, to import again", "application/json"),
            ("markdown", "Markdown", "text/markdown"),
            ("csv", "CSV", "text/csv"),
        ):
            st.download_button(
                label,
                partial(_exported, desk, ids, form),
                f"sessions.{'md' if form == 'markdown' else form}",
                mime,
                key=f"inspector_export_{form}",
                on_click="ignore",
                width="stretch",
            )
        st.caption("What was said is in it, in the clear. Exporting is audited.")


def _exported(desk: Desk, ids: list[str], form: str) -> str:
    taken = export(desk.inspector, ids)
    if desk.ours:
        for one in taken.sessions:
            desk.inspector.store.audit.add("export", one["id"], desk.who, form=form)
    return {"json": taken.json, "markdown": taken.markdown, "csv": taken.csv}[form]()


def bring_in(desk: Desk) -> None:
    """Sessions from an export into new ones."""
    st.caption("Sessions from an export come back as new ones, to reproduce what a user saw. Nothing is overwritten.")
    if not desk.changes:
        st.caption("Switch on “Allow changes” in the sidebar to import.")
        return
    file = st.file_uploader("An export, as JSON", type="json", key="inspector_import")
    if file is None or not st.button("Import", icon=":material/upload:", type="primary", key="inspector_bring"):
        return
    try:
        made = [import_new(desk.inspector, one, desk.who) for one in read_export(file.getvalue())]
    except CrosswireError as exc:
        st.error(str(exc), icon=":material/error:")
        return
    session_table.choose(made[:1])
    st.success(
        f"{count(len(made), 'session')} imported. The first one is chosen in the table.", icon=":material/check:"
    )
