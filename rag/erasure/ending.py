"""How sessions end, for everybody who ends one: what Redis holds first, then their documents.

A library that is away stops nobody from deleting messages: whose documents are still to go is kept in Redis, and the
sweep of any process deletes them when the library is back, also of a session that has gone on meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.errors import CrosswireError
from rag.knowledge import DocumentInfo, Library
from rag.sessions import SessionStore

if TYPE_CHECKING:  # who only deletes loads no model
    from rag.services import Services

LOG = logging.getLogger("crosswire")
SWEEP_SECONDS = 30.0
"""From one sweep of a process to its next."""
LATER = "The library cannot be reached: documents are deleted when it is back."


@dataclass(frozen=True, slots=True)
class Cleared:
    """messages: whether there were any. documents: whether they are deleted; False: they will be, by a sweep."""

    messages: bool
    documents: bool


def clear(services: Services, *session_ids: str, who: str = "session") -> Cleared:
    """All of these sessions goes. Raises SessionStoreUnavailable: then nothing is deleted of what it did not reach."""
    had = [services.store.clear(one, who) for one in session_ids]
    return Cleared(any(had), delete_documents(services.store, lambda: services.library, session_ids))


def delete_documents(store: SessionStore, library: Callable[[], Library], session_ids: Sequence[str]) -> bool:
    """False: the library is away, and a sweep will. library: is called once; may raise CrosswireError as it is opened.

    Raises SessionStoreUnavailable where that cannot be kept in mind.
    """
    if not session_ids:
        return True
    try:
        library().forget(*session_ids)
    except CrosswireError as exc:
        LOG.warning("The documents of %d sessions are deleted later: %s", len(session_ids), exc)
        store.documents_due.add(session_ids)
        return False
    return True


def add_document(services: Services, session_id: str, name: str, data: bytes) -> DocumentInfo:
    """For this session only, which lives anew. Raises CrosswireError.

    Those of before that are still due go first: the sweep would take this one with them.
    """
    services.store.touch(session_id)
    if services.store.documents_due.holds(session_id):
        _delete_due(services, session_id)
    return services.library.add_private(session_id, name, data)


def sweep(services: Services) -> int:
    """Take ended sessions out of the index, and delete their private documents. Returns how many had some.

    What this process remembers of sessions that ended, wherever that was, goes too, also while the library is away.
    Safe when several processes do it at once: forgetting twice is forgetting once. Raises CrosswireError.
    """
    services.store.directory.sweep()
    services.store.drop_ended()
    due = services.store.documents_due.all()
    owners = services.library.private_sessions()
    gone = set(owners) - services.store.live(owners) if owners else set()
    if gone:
        services.library.forget(*gone)
    for session_id in due:
        if services.store.documents_due.holds(session_id):  # else somebody else did, and there may be new ones
            _delete_due(services, session_id)
    services.library.drop_ended()
    return len(gone | (set(owners) & set(due)))


def _delete_due(services: Services, session_id: str) -> None:
    services.library.forget(session_id)
    services.store.documents_due.remove([session_id])
