"""What can be done with the selected sessions: changed, after a preview and a confirmation, and exported."""

from __future__ import annotations

from functools import partial

import streamlit as st

from rag.errors import CrosswireError
from rag.inspector.actions.changes import Change, Changes, Done
from rag.inspector.actions.exporting import export
from rag.inspector.actions.importing import import_new, read_export
from rag.ui.escaping import count
from rag.ui.feedback import download, errors_shown
from rag.ui.inspector import session_table
from rag.ui.inspector.context import Context

DONE = "inspector_done"
NAMED = 10
PROBLEM = "inspector_problem"
MINUTES = "inspector_minutes"
BUTTONS: dict[Change, tuple[str, str, str]] = {
    "extend": ("Extend", ":material/more_time:", "extended"),
    "pin": ("Pin", ":material/keep:", "pinned"),
    "unpin": ("Unpin", ":material/keep_off:", "unpinned"),
    "expire": ("Expire now", ":material/timer_off:", "expired"),
    "clear": ("Clear", ":material/ink_eraser:", "cleared"),
    "delete": ("Delete", ":material/delete:", "deleted"),
}
FORMS = {
    "json": ("JSON, can be imported", "json", "application/json"),
    "markdown": ("Markdown", "md", "text/markdown"),
    "csv": ("CSV", "csv", "text/csv"),
}


def draw(context: Context, ids: list[str]) -> None:
    _undo(context)
    if not ids:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{count(len(ids), 'session')} selected**", width="content")
        if context.ours:
            for change, (label, icon, _) in BUTTONS.items():
                if st.button(label, icon=icon, key=f"inspector_act_{change}", disabled=not context.changes):
                    _confirm(context, change, ids)
        with st.popover("Export", icon=":material/download:", disabled=not all(map(context.shows, ids))):
            for form, (label, ending, mime) in FORMS.items():
                made, key = partial(_exported, context, ids, form), f"inspector_export_{form}"
                download(label, made, f"sessions.{ending}", mime, key=key, width="stretch")
            st.caption("Contains all messages in plain text. Exports are logged.")
    if context.ours and not context.changes:
        st.caption("To change sessions, turn on “Allow changes” in the sidebar. To export them, reveal their texts.")


@st.dialog("Change sessions?", icon=":material/edit:")
@errors_shown("error", str)
def _confirm(context: Context, change: Change, ids: list[str]) -> None:
    label, icon, _ = BUTTONS[change]
    seen = Changes(context.inspector, context.who).preview(change, ids)
    st.write(f"{icon} {seen}")
    names = [row.name for row in seen.rows]
    st.caption(", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else ""))
    if change == "extend":
        st.number_input("Minutes after each turn", 1, 525_600, 1440, key=MINUTES)
    st.caption("This is logged. You can undo your last change in this tab.")
    with st.container(horizontal=True):
        did = st.button(label, type="primary", key="inspector_confirm", on_click=_do, args=(context, change, ids))
        if did or st.button("Cancel", key="inspector_leave"):
            st.rerun()


def _do(context: Context, change: Change, ids: list[str]) -> None:
    st.session_state.pop(PROBLEM, None)
    try:
        seconds = 60 * int(st.session_state.get(MINUTES, 1440))
        st.session_state[DONE] = Changes(context.inspector, context.who).do(change, ids, seconds)
    except CrosswireError as exc:
        st.session_state[PROBLEM] = str(exc)
        return
    if change in ("expire", "delete"):
        session_table.choose([])


@errors_shown("error", str)
def _undo(context: Context) -> None:
    if problem := st.session_state.get(PROBLEM):
        st.error(problem, icon=":material/error:")
    done: Done | None = st.session_state.get(DONE)
    if done is None or not context.ours:
        return
    with st.container(horizontal=True, vertical_alignment="center", border=True, gap="small"):
        said = f":green[:material/check:] {count(len(done.ids), 'session')} {BUTTONS[done.change][2]}."
        st.markdown(said, width="content")
        may = bool(done.ids) and context.changes
        if may and st.button("Undo", icon=":material/undo:", key="inspector_undo", type="tertiary"):
            back = Changes(context.inspector, context.who).undo(done)
            st.session_state.pop(DONE, None)
            left = len(done.ids) - len(back)
            more = f" {count(left, 'session')} in use since then: left as is." if left else ""
            st.toast(f"{count(len(back), 'session')} restored.{more}")
            st.rerun()


def _exported(context: Context, ids: list[str], form: str) -> str:
    taken = export(context.inspector, ids)
    if context.ours:
        for one in taken.sessions:
            context.inspector.store.audit.add("export", one["id"], context.who, form=form)
    return taken.written(form)


@errors_shown("error", str)
def bring_in(context: Context) -> None:
    """Sessions from an export into new ones."""
    st.caption("Exported sessions are imported as new ones, to reproduce what a user saw. Nothing is overwritten.")
    if not context.changes:
        st.caption("Turn on “Allow changes” in the sidebar to import.")
        return
    file = st.file_uploader("JSON export", type="json", key="inspector_import")
    if file is None or not st.button("Import", icon=":material/upload:", type="primary", key="inspector_bring"):
        return
    made = [import_new(context.inspector, one, context.who) for one in read_export(file.getvalue())]
    session_table.choose(made[:1])
    imported = f"{count(len(made), 'session')} imported. The first one is selected in the table."
    st.success(imported, icon=":material/check:")
