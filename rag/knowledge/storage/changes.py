"""What is done to one collection at once, as plain values: it may be carried out in another process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Batch = dict[str, Any]
"""Some passages, as the arguments of Chroma's `upsert`."""


@dataclass(frozen=True, slots=True)
class Change:
    """Made only if the collection is still at the revision `expected`; its passages follow in batches.

    `session_id` is None for the shared articles. `drop` deletes the whole collection. `erase`: what was deleted or
    replaced has to leave the disk as well.
    """

    name: str
    session_id: str | None
    expected: str
    deletes: tuple[str, ...] = ()
    drop: bool = False
    erase: bool = False
