"""The documents of a forgotten session leave the disk, too: Chroma by itself only marks their bytes free.

Runs before Chroma is opened and after it is closed, because two copies of SQLite in one process do not see each
other's locks. A single document that a session removes stays in Chroma's journal until that session is forgotten.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path

_MARK = "erase"


def request(library: Path) -> None:
    """Note that something was deleted which has to leave the disk."""
    (library / _MARK).touch(mode=0o600)


def erase(library: Path) -> None:
    """Overwrite what was deleted, if anything was. Only for the holder of the lock, with Chroma closed."""
    if not (library / _MARK).exists():
        return
    with contextlib.suppress(sqlite3.Error, OSError):
        # What cannot be erased now, because of a full disk or a damaged file, is tried again at the next start.
        _erase(library / "chroma")
        (library / _MARK).unlink()


def _erase(chroma: Path) -> None:
    with contextlib.closing(sqlite3.connect(chroma / "chroma.sqlite3", isolation_level=None)) as database:
        live = {row[0] for row in database.execute("SELECT id FROM segments")}
        database.execute("INSERT INTO embedding_fulltext_search(embedding_fulltext_search) VALUES ('optimize')")
        database.execute("VACUUM")
    for folder in chroma.iterdir():
        if folder.is_dir() and folder.name not in live:
            shutil.rmtree(folder)
