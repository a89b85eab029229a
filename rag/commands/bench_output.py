"""How each benchmark gives what it measured: a table for people, the same as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from rich.table import Column, Table
from rich.text import Text

from rag.commands.options import console, write_json


def give(
    json_file: Path | None,
    rows: Iterable[Any],
    heads: Iterable[str],
    cells: Iterable[Sequence[str]],
    notes: Sequence[str] = (),
    **more: object,
) -> None:
    """rows: dataclasses or mappings, as JSON `{"rows": […], **more}`. cells: the same for people, under the heads.
    notes: lines below the table. Fits 80 columns."""
    # No blanks beside the lines, and nothing wrapped but heads: so that 80 columns are enough.
    table = Table(*(Column(head, no_wrap=" " not in head) for head in heads), padding=0)
    for row in cells:
        table.add_row(*row)
    write_json(json_file, {"rows": [_as_mapping(row) for row in rows], **more})
    shown = console(json_file)
    shown.print(table)
    for note in notes:
        shown.print(Text(note))


def _as_mapping(row: Any) -> Mapping[str, Any]:
    return asdict(row) if is_dataclass(row) and not isinstance(row, type) else dict(row)
