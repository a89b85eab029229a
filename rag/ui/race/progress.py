"""What a visitor has done in the race lab's lesson, kept for the browser's session: a reload or another tab finds it.

A file of that session, a goal a line: goals are only ever added to its end, so two tabs that reach two of them at once
lose neither. Found by the cookie alone, never by the address.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from pathlib import Path

import streamlit as st

from rag.settings import Settings
from rag.ui.visitor import visitor

DONE = "race_done"
FOLDER = "lesson"


def recall(settings: Settings) -> None:
    """Called once a run, before anything asks what is done."""
    if DONE not in st.session_state:
        me = visitor(settings)
        st.session_state[DONE] = kept(settings.state_dir / FOLDER, me.session_id) if me.lasting else frozenset()


def done(name: str) -> bool:
    return name in st.session_state.get(DONE, ())


def reach(settings: Settings, name: str) -> None:
    """The page is drawn anew the first time: its chapters stand above what reaches them."""
    if done(name):
        return
    st.session_state[DONE] = frozenset({*st.session_state.get(DONE, ()), name})
    me = visitor(settings)
    if me.lasting:
        keep(settings.state_dir / FOLDER, me.session_id, name, settings.session_ttl_seconds)
    st.rerun()


def kept(root: Path, session_id: str) -> frozenset[str]:
    """The goals that this session has reached."""
    with suppress(OSError):
        return frozenset(_of(root, session_id).read_text().split())
    return frozenset()


def keep(root: Path, session_id: str, name: str, ttl: float) -> None:
    """Add a goal, and delete what is older than so many seconds. Progress is no reason to stop a lesson: where it
    cannot be kept, it lasts until a reload."""
    with suppress(OSError):
        root.mkdir(parents=True, exist_ok=True)
        with _of(root, session_id).open("a") as file:
            file.write(f"{name}\n")
        for left in root.iterdir():
            if left.stat().st_mtime < time.time() - ttl:
                left.unlink(missing_ok=True)


def _of(root: Path, session_id: str) -> Path:
    return root / hashlib.sha256(session_id.encode()).hexdigest()
