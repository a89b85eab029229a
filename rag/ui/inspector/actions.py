"""What can be done with the selected sessions: changed, after a preview and a confirmation, and exported."""

from __future__ import annotations

import time
from functools import partial

import streamlit as st

from rag.erasure import LATER, Proof, delete_documents, erase, look, marks_of
from rag.errors import CrosswireError
from rag.inspector.actions.changes import ENDING, Change, Changes, Done
from rag.inspector.actions.exporting import export
from rag.inspector.actions.importing import import_new, read_export
from rag.sessions.names import friendly_name
from rag.ui.escaping import count, escaped
from rag.ui.feedback import download, errors_shown
from rag.ui.inspector import session_table
from rag.ui.inspector.context import Context

ASKED = "inspector_asked"
"""The change that is to be confirmed, and of which sessions. A click is kept by its callback: a run that a refresh or
another click ends before it comes to the buttons would never see it."""
DONE, UNTIL = "inspector_done", "inspector_undo_until"
UNDO_MINUTES = 10
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

PROOF, SAID = "inspector_proof", "inspector_erased"
MOST_PROVED = 1
"""Each proof reads all that is stored."""
_COLOURS = {"erased": ":green[:material/check:]", "left": ":red[:material/error:]", "unknown": ":gray[:material/help:]"}


_VERDICTS = {
    "erased": ":green[**Nothing is left of {name}.**]",
    "left": ":red[**Something is left of {name}.**]",
    "unknown": "**It cannot be told whether anything is left of {name}.**",
}


def draw(context: Context, ids: list[str]) -> None:
    _undo(context)
    if not ids:
        _answered()
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{count(len(ids), 'session')} selected**", width="content")
        if context.ours:
            for change, (label, icon, _) in BUTTONS.items():
                st.button(label, icon=icon, key=f"inspector_act_{change}", disabled=not context.changes,
                          on_click=_ask, args=(change, ids))  # fmt: skip
        with st.popover("Export", icon=":material/download:", disabled=not all(map(context.shows, ids))):
            for form, (label, ending, mime) in FORMS.items():
                made, key = partial(_exported, context, ids, form), f"inspector_export_{form}"
                download(label, made, f"sessions.{ending}", mime, key=key, width="stretch")
            st.caption("Contains all messages in plain text. Exports are logged.")
    if context.ours and not context.changes:
        st.caption("To change sessions, turn on “Allow changes” in the sidebar. To export them, reveal their texts.")
    asked: tuple[Change, list[str]] | None = st.session_state.get(ASKED)
    if asked and context.changes:
        _confirm(context, *asked)


def _ask(change: Change, ids: list[str]) -> None:
    st.session_state[ASKED] = change, ids


def _answered() -> None:
    st.session_state.pop(ASKED, None)


@st.dialog("Change sessions?", icon=":material/edit:", on_dismiss=_answered)
@errors_shown("error", str)
def _confirm(context: Context, change: Change, ids: list[str]) -> None:
    if ASKED not in st.session_state:
        st.rerun()  # all of the page, which closes this
    label, icon, _ = BUTTONS[change]
    seen = Changes(context.inspector, context.who).preview(change, ids)
    st.write(f"{icon} {seen}")
    names = [row.name for row in seen.rows]
    st.caption(", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else ""))
    if change == "extend":
        st.number_input("Minutes after each turn", 1, 525_600, 1440, key=MINUTES)
    copy = f", which keeps a copy of the messages for {UNDO_MINUTES} minutes" if change in ENDING else ""
    st.caption(f"This is logged. You can undo your last change in this tab{copy}.")
    with st.container(horizontal=True):
        st.button(label, type="primary", key="inspector_confirm", on_click=_do, args=(context, change, ids))
        if change == "delete":
            tip = "No copy is kept. One session: then everything stored is searched for what may be left of it."
            st.button("Delete for good", key="inspector_erase", help=tip, on_click=_erase, args=(context, ids))
        st.button("Cancel", key="inspector_leave", on_click=_answered)


def _do(context: Context, change: Change, ids: list[str]) -> None:
    _answered()
    st.session_state.pop(PROBLEM, None)
    try:
        seconds = 60 * int(st.session_state.get(MINUTES, 1440))
        st.session_state[DONE] = Changes(context.inspector, context.who).do(change, ids, seconds)
        st.session_state[UNTIL] = time.monotonic() + 60 * UNDO_MINUTES
        if change in ENDING and not delete_documents(context.inspector.store, lambda: context.services.library, ids):
            st.session_state[PROBLEM] = LATER
    except CrosswireError as exc:
        st.session_state[PROBLEM] = str(exc)
        return
    if change in ("expire", "delete"):
        session_table.choose([])


@st.fragment(run_every=30)
@errors_shown("error", str)
def _undo(context: Context) -> None:
    if problem := st.session_state.get(PROBLEM):
        st.error(problem, icon=":material/error:")
    _proof()
    if time.monotonic() > st.session_state.get(UNTIL, 0.0):
        st.session_state.pop(DONE, None)
    done: Done | None = st.session_state.get(DONE)
    if done is None or not context.ours:
        return
    with st.container(horizontal=True, vertical_alignment="center", border=True, gap="small"):
        said = f":green[:material/check:] {count(len(done.ids), 'session')} {BUTTONS[done.change][2]}."
        st.markdown(said, width="content")
        may = bool(done.ids) and context.changes
        if may and st.button("Undo", icon=":material/undo:", key="inspector_undo", type="tertiary",
                             on_click=_take_back, args=(context, done)):  # fmt: skip
            st.rerun()


def _take_back(context: Context, done: Done) -> None:
    st.session_state.pop(PROBLEM, None)
    try:
        back = Changes(context.inspector, context.who).undo(done)
    except CrosswireError as exc:
        st.session_state[PROBLEM] = str(exc)
        return
    st.session_state.pop(DONE, None)
    left = len(done.ids) - len(back)
    more = f" {count(left, 'session')} in use since then: left as is." if left else ""
    st.toast(f"{count(len(back), 'session')} restored.{more}")


def _erase(context: Context, ids: list[str]) -> None:
    services = context.services
    _answered()
    st.session_state.pop(PROOF, None)
    try:
        marks = [marks_of(services, one) for one in ids[:MOST_PROVED]]
        erased = [erase(services, one, context.who) for one in ids]
        later = "" if all(one.documents for one in erased) else f" {LATER}"
        st.session_state[SAID] = f"{count(len(ids), 'session')} deleted for good.{later}"
        if len(ids) <= MOST_PROVED:
            st.session_state[PROOF] = look(services, marks[0], rewritten=all(one.rewritten for one in erased))
    except CrosswireError as exc:
        st.session_state[SAID] = str(exc)
    session_table.choose([])


def _proof() -> None:
    """What was deleted last, and the proof."""
    if said := st.session_state.get(SAID):
        with st.container(border=True, gap="small"):
            st.markdown(escaped(said))
            if proof := st.session_state.get(PROOF):
                _draw(proof)


def _draw(proof: Proof) -> None:
    st.markdown(_VERDICTS[proof.verdict].format(name=friendly_name(proof.session_id)))
    tip = "Its id, those of its messages, and pieces of what was said in it, of its documents and of their names."
    st.caption(f"Each place was searched for {count(proof.looked_for, 'identifying text')} of it.", help=tip)
    for place in proof.places:
        st.markdown(f"{_COLOURS[place.verdict]} **{place.name}**: {escaped(place.detail)}")


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
