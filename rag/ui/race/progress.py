"""What a visitor has done in the race lab's lesson, kept for the browser's session: a reload or another tab finds it.

An empty file for each goal, in a folder of that session: nothing is read and written back, so two tabs that reach two
goals at once lose neither. Found by the cookie alone, never by the address.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path

import streamlit as st

from rag.settings import Settings
from rag.ui.visitor import visitor

DONE = "race_done"
_NAME = re.compile(r"[a-z-]{1,40}")


def recall(settings: Settings) -> None:
    """Called once a run, before anything asks what is done."""
    if DONE not in st.session_state:
        me = visitor(settings)
        st.session_state[DONE] = kept(_root(settings), me.session_id) if me.lasting else frozenset()


def done(name: str) -> bool:
    return name in st.session_state.get(DONE, ())


def reach(settings: Settings, name: str) -> None:
    """The page is drawn anew the first time: its chapters stand above what reaches them."""
    if done(name):
        return
    st.session_state[DONE] = frozenset({*st.session_state.get(DONE, ()), name})
    me = visitor(settings)
    if me.lasting:
        keep(_root(settings), me.session_id, name, settings.session_ttl_seconds)
    st.rerun()


def kept(root: Path, session_id: str) -> frozenset[str]:
    """The goals that this session has reached."""
    with suppress(OSError):
        return frozenset(path.name for path in _of(root, session_id).iterdir() if _NAME.fullmatch(path.name))
    return frozenset()


def keep(root: Path, session_id: str, name: str, ttl: float) -> None:
    """Add a goal. Progress is no reason to stop a lesson: where it cannot be kept, it lasts until a reload."""
    folder = _of(root, session_id)
    with suppress(OSError):
        if not folder.exists():
            _forget(root, time.time() - ttl)
            folder.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def _forget(root: Path, before: float) -> None:
    """Delete what sessions kept that have not gone on since then (epoch seconds)."""
    if not root.exists():
        return
    for folder in root.iterdir():
        with suppress(OSError):
            if folder.stat().st_mtime < before:
                shutil.rmtree(folder, ignore_errors=True)


def _of(root: Path, session_id: str) -> Path:
    return root / hashlib.sha256(session_id.encode()).hexdigest()


def _root(settings: Settings) -> Path:
    return settings.state_dir / "race"
