"""What gives a session away wherever it lies: ids that no other session has, and pieces of what was said in it.

They are taken while the session is there; of one that is gone, its id is all there is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.errors import LibraryUnavailable, SealBroken
from rag.sessions.ids import SessionId

if TYPE_CHECKING:  # who only deletes loads no model
    from rag.services import Services

LENGTH = 32
"""Bytes of a piece: short, as files keep long texts in parts."""
SHORTEST = 16
EACH = 6
"""Pieces of one text, evenly spread."""
MOST = 400
"""Messages, the newest ones."""
_BREAKS = re.compile(rb'[\x00-\x1f"\\]')
"""What JSON writes in another way than it was said."""


@dataclass(frozen=True, slots=True)
class Marks:
    """ids: of its messages. said: pieces of its questions; owned: of its documents: others may hold the same.

    canaries: what only this session has said, as whoever asks knows.
    """

    session_id: SessionId
    ids: tuple[bytes, ...] = ()
    said: tuple[bytes, ...] = ()
    owned: tuple[bytes, ...] = ()
    canaries: tuple[bytes, ...] = ()


def marks_of(services: Services, session_id: str, canaries: Sequence[str] = ()) -> Marks:
    """Raises CrosswireError where the store cannot be read. Of a library that cannot, there are no marks."""
    sid = SessionId(session_id)
    given = tuple(one.encode() for one in canaries if one)
    try:
        records = services.store.records(sid, newest=True)[-MOST:]
    except SealBroken:
        records = []  # its key is not here: then nobody can read it
    texts = [str(record.message.text) for record in records if record.message.type == "human"]
    documents: list[str] = []
    with suppress(LibraryUnavailable):
        library = services.library
        named = services.store.collection(sid)
        private = [info for info in library.documents(sid, named) if info.private]
        found = [library.document(info.id, sid, named) for info in private]
        documents = [*(info.name for info in private), *(one.text for one in found if one is not None)]
    ids = tuple(record.id.encode() for record in records if record.id)
    return Marks(sid, ids, _pieces(texts), _pieces(documents), given)


def _pieces(texts: Iterable[str]) -> tuple[bytes, ...]:
    found: dict[bytes, None] = {}
    for text in texts:
        runs = [run for run in _BREAKS.split(text.encode("utf-8", "replace")) if len(run) >= SHORTEST]
        joined = sorted(runs, key=len, reverse=True)[:EACH]
        for run in joined:
            last = max(0, len(run) - LENGTH)
            starts = {last * number // max(1, EACH - 1) for number in range(EACH)} if len(joined) < EACH else {0}
            found |= dict.fromkeys(run[start : start + LENGTH] for start in starts)
    return tuple(found)
