"""How sessions end, for everybody who ends one: what Redis holds first, then their documents.

A session that ended, or was cleared, has no collection of documents from that moment on: if it goes on, it names
another one (`rag.knowledge.Owner`). So nobody finds what it had, whatever the library does. A library that is away
stops nobody from deleting messages: whose documents are still to go is kept in Redis, and the sweep of any process
deletes them when the library is back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.errors import CrosswireError
from rag.knowledge import DocumentInfo, Library, Owner
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
    """Of sessions that were cleared or ended. False: the library is away, and a sweep will. library: is called once;
    may raise CrosswireError as it is opened.

    Raises SessionStoreUnavailable where that cannot be kept in mind.
    """
    if not session_ids:
        return True
    try:
        _forget_ended(store, library(), session_ids, only=session_ids)
    except CrosswireError as exc:
        LOG.warning("The documents of %d sessions are deleted later: %s", len(session_ids), exc)
        store.documents_due.add(session_ids)
        return False
    return True


def add_document(services: Services, session_id: str, name: str, data: bytes) -> DocumentInfo:
    """For this session only, which lives anew. Raises CrosswireError."""
    store, library = services.store, services.library
    collection = store.touch(session_id)
    if not collection:
        # An earlier version named no collections: what it stored is added to, unless it is due.
        earlier = any(info.private for info in library.documents(session_id))
        if not earlier or store.documents_due.holds(session_id):
            collection = store.collect(session_id)
    return library.add_private(session_id, name, data, collection)


def sweep(services: Services) -> int:
    """Take ended sessions out of the index, and delete their private documents. Returns how many had some.

    What this process remembers of sessions that ended, wherever that was, goes too, also while the library is away.
    Safe when several processes do it at once: forgetting twice is forgetting once. Raises CrosswireError, when all has
    been tried.
    """
    store, library, gone = services.store, services.library, set[str]()

    def documents() -> None:
        due = store.documents_due.all()
        gone.update(owner.session_id for owner in _forget_ended(store, library, due))
        if due:
            store.documents_due.remove(due)

    failed: list[CrosswireError] = []
    for part in (store.directory.sweep, store.drop_ended, documents, library.drop_ended):
        try:
            part()
        except CrosswireError as exc:  # which is no reason to keep the rest
            failed.append(exc)
    if failed:
        raise failed[0]
    return len(gone)


def _forget_ended(
    store: SessionStore, library: Library, cleared: Collection[str], only: Collection[str] | None = None
) -> list[Owner]:
    """Delete what no session calls its own any more, first of all from memory. only: of these sessions."""
    library.let_go(_ended(store, library.remembered(), cleared))
    owners = [owner for owner in library.owners() if only is None or owner.session_id in only]
    gone = _ended(store, owners, cleared)
    if gone:
        library.forget(*gone)
    return gone


def _ended(store: SessionStore, owners: Iterable[Owner], cleared: Collection[str]) -> list[Owner]:
    """The sessions are asked after the collections were listed: one that is added meanwhile is not among them.

    cleared: sessions that were, and may go on. An earlier version named no collections, so only this tells.
    """
    listed = [*owners]
    now = store.collections({owner.session_id for owner in listed})

    def over(owner: Owner) -> bool:
        if owner.collection:
            return now.get(owner.session_id) != owner.collection
        return owner.session_id not in now or owner.session_id in cleared

    return [*filter(over, listed)]
