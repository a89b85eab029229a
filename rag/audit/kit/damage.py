"""One stored record that is damaged from outside, in whatever table of an SQLite file it is kept."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from rag.audit.kit.contract import NotApplicable

_HEADER = b"SQLite format 3\0"
NOT_REACHED = "no record of it can be damaged from outside: its folder has no SQLite file that holds its texts as text"


def damage(folder: str, word: str, neighbours: list[str]) -> str:
    """Cut off the one cell that holds the word, in the middle of the word. Where that was.

    Raises NotApplicable if there is no such cell, or if it holds a neighbour's word as well: the record is then more
    than one message.
    """
    reason = NOT_REACHED
    for file in sorted(Path(folder).rglob("*")):
        if not file.is_file() or file.open("rb").read(len(_HEADER)) != _HEADER:
            continue
        with closing(sqlite3.connect(file, timeout=5, isolation_level=None)) as database:
            cells = _cells_with(database, word)
            alone = [each for each in cells if not any(_holds(each[2], other) for other in neighbours)]
            if len(alone) == 1:
                table, column, cell = alone[0]
                short = cell[: cell.index(word.encode() if isinstance(cell, bytes) else word) + len(word) // 2]
                _execute(database, "UPDATE {} SET {} = ? WHERE {} = ?", table, column, column, given=(short, cell))
                return f"{table}.{column}"
            if cells:
                reason = "a message is not one record of its own: " + ", ".join(
                    sorted({f"{t}.{c}" for t, c, _ in cells})
                )
    raise NotApplicable(reason)


def _cells_with(database: sqlite3.Connection, word: str) -> list[tuple[str, str, Any]]:
    """Table, column and content."""
    found = []
    for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall():
        for _, column, *_ in _execute(database, "PRAGMA table_info({})", table):
            rows = _execute(
                database, "SELECT {} FROM {} WHERE instr(CAST({} AS TEXT), ?)", column, table, column, given=(word,)
            )
            found += [(table, column, cell) for (cell,) in rows if _holds(cell, word)]
    return found


def _holds(cell: Any, word: str) -> bool:
    return (word.encode() in cell) if isinstance(cell, bytes) else isinstance(cell, str) and word in cell


def _execute(database: sqlite3.Connection, form: str, *names: str, given: tuple[Any, ...] = ()) -> list[Any]:
    """With names of tables and columns put in, quoted as SQL wants it."""
    quoted = ['"' + each.replace('"', '""') + '"' for each in names]
    return database.execute(form.format(*quoted), given).fetchall()
