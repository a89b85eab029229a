"""One Chroma collection and what is needed to search it, in memory.

A reader sees one immutable Index from start to end. A changed document is written over the old one before anything
of the old is removed, so no search ever finds the document gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rag.errors import BadDocument
from rag.knowledge.embedding.embedders import Vectors
from rag.knowledge.search.index import Index
from rag.knowledge.search.ranking import Ranked
from rag.knowledge.search.records import Entry, PreparedDocument, Questions, make_row
from rag.knowledge.storage.chroma import WAITING_SECONDS, Store
from rag.knowledge.types import Document, DocumentInfo

if TYPE_CHECKING:
    from chromadb import Collection

BATCH = 2000
"""Passages a write: under Chroma's limit."""


class DocumentCollection:
    """The documents of one session, or those for everybody. Writers take turns; readers never wait for them."""

    def __init__(self, store: Store, session_id: str | None = None) -> None:
        self._store = store
        self._session_id = session_id
        self._private = session_id is not None
        self._name = store.shared_name if session_id is None else store.private_name(session_id)
        self._entries: dict[str, Entry] = {}
        self._index = Index(self._entries, private=self._private)
        self._revision = ""

    @property
    def entries(self) -> dict[str, Entry]:
        """The documents by id. Not to be changed."""
        return self._entries

    def make(self) -> None:
        """See to it that Chroma has this collection. Raises LibraryUnavailable for another's of that name."""
        with self._store.opened(), self._store.lock:
            collection = self._store.made(self._name, self._session_id)
            if not self._store.revision(self._name):
                self._store.changed(collection)

    def refresh(self, seconds: float = WAITING_SECONDS) -> None:
        """Read the collection again if somebody else wrote to it. One that is gone is kept as it was."""
        if self._store.revision(self._name) not in ("", self._revision):
            with self._store.opened(seconds), self._store.lock:
                self._catch_up(self._store.found(self._name))
                self.index()

    def probe(self, seconds: float) -> None:
        """Read a passage from Chroma, past what is in memory. Raises what Chroma raises."""
        with self._store.opened(seconds):
            collection = self._store.found(self._name)
            if collection is None:
                raise self._store.unavailable("its articles are gone", "Restart Crosswire: they are read anew.")
            collection.get(limit=1, include=["documents", "embeddings", "metadatas"])

    def put(self, *documents: PreparedDocument, most: int | None = None) -> None:
        """Store documents, each over an older one of the same id. Raises BadDocument for one more than `most`."""
        with self._store.opened(), self._store.lock:
            collection = self._store.made(self._name, self._session_id)
            self._catch_up(collection)
            replaced = False
            for document in documents:
                entry = document.entry
                if most is not None and entry.info.id not in self._entries and len(self._entries) >= most:
                    reason, todo = f"this session already has {most} documents", "It was not added; remove one first."
                    raise BadDocument(entry.info.name, reason, todo)
                _upsert(collection, document)
                if old := self._entries.get(entry.info.id):
                    replaced = True
                    new = {row.id for row in entry.rows}
                    _delete(collection, [row.id for row in old.rows if row.id not in new])
                self._entries = {**self._entries, entry.info.id: entry}
            self._revision = self._store.changed(collection)
            if self._private and replaced:
                self.erase()

    def remove(self, document_id: str) -> bool:
        """Remove a document; True if there was one."""
        with self._store.opened(), self._store.lock:
            collection = self._store.made(self._name, self._session_id)
            self._catch_up(collection)
            entries = dict(self._entries)
            old = entries.pop(document_id, None)
            if old is None:
                return False
            _delete(collection, [row.id for row in old.rows])
            self._entries = entries
            self._revision = self._store.changed(collection)
            if self._private:
                self.erase()
            self.index()
            return True

    def erase(self) -> None:
        """See to it that what was removed or replaced leaves the disk as well, once Chroma is closed again."""
        with self._store.opened():
            if collection := self._store.found(self._name):
                collection.get(limit=1, include=[])  # with that, Chroma's tables catch up with its journal
            self._store.erase_later()

    def document(self, document_id: str) -> Document | None:
        """A document with its text."""
        entry = self._entries.get(document_id)
        if entry is None:
            return None
        with self._store.opened():
            collection = self._store.found(self._name)
            found = collection.get(ids=[f"{document_id}#0"], include=["metadatas"])["metadatas"] if collection else None
        text = str(found[0].get("full", "")) if found else ""
        return Document(entry.info, text or "\n\n".join(row.text for row in entry.rows))

    def ranked(self, words: list[str], vector: Vectors, count: int) -> list[Ranked]:
        """The `count` best passages, best first."""
        if self._index.entries is not self._entries and self._store.lock.acquire(blocking=False):
            try:
                self.index()
            finally:
                self._store.lock.release()
        return self._index.ranked(words, vector, count)

    def index(self) -> None:
        """Bring the index up to date now, not at the next search that finds nobody writing."""
        with self._store.lock:
            if self._index.entries is not self._entries:
                self._index = Index(self._entries, private=self._private)

    def _catch_up(self, collection: Collection | None) -> None:
        revision = self._store.revision_of(collection) if collection else self._store.revision(self._name)
        if revision != self._revision:
            self._entries = _read(collection, private=self._private) if collection else {}
            self._revision = revision


def _upsert(collection: Collection, document: PreparedDocument) -> None:
    entry, meta = document.entry, _metadata(document)
    for start in range(0, len(entry.rows), BATCH):
        rows = entry.rows[start : start + BATCH]
        collection.upsert(
            ids=[row.id for row in rows],
            embeddings=entry.vectors[start : start + BATCH],
            documents=[row.text for row in rows],
            metadatas=[
                {**meta, "n": start + n, "heading": row.heading}
                | ({"full": document.text, **entry.questions.metadata()} if start + n == 0 else {})
                for n, row in enumerate(rows)
            ],
        )


def _delete(collection: Collection, ids: Sequence[str]) -> None:
    for start in range(0, len(ids), BATCH):
        collection.delete(ids=list(ids[start : start + BATCH]))


def _metadata(document: PreparedDocument) -> dict[str, str | int]:
    """What each passage says of its document: `_read` needs no other collection."""
    info = document.entry.info
    return {
        "document": info.id,
        "title": info.title,
        "name": info.name,
        "hash": document.entry.fingerprint,
        "origin": document.entry.origin,
        "passages": info.passages,
        "characters": info.characters,
        "keywords": document.keywords,
    }


def _read(collection: Collection, *, private: bool) -> dict[str, Entry]:
    """All documents of a collection by id, in order of their ids."""
    stored = collection.get(include=["documents", "metadatas", "embeddings"])
    vectors = np.asarray(stored["embeddings"], dtype=np.float32)
    texts, metadatas = stored["documents"] or [], stored["metadatas"] or []
    places: dict[str, list[int]] = {}

    def number(place: int) -> int:
        return int(str(metadatas[place]["n"]))

    def heading(place: int) -> str:
        return str(metadatas[place]["heading"])

    for place in sorted(range(len(metadatas)), key=number):
        places.setdefault(str(metadatas[place]["document"]), []).append(place)
    entries: dict[str, Entry] = {}
    for document_id, found in sorted(places.items()):
        meta = {name: str(value) for name, value in metadatas[found[0]].items()}
        rows = tuple(
            make_row(document_id, number(place), meta["title"], heading(place), texts[place], meta["keywords"])
            for place in found
        )
        # Half written, when a process was killed: to be written again.
        whole = len(rows) == int(meta["passages"]) and all(metadatas[place]["hash"] == meta["hash"] for place in found)
        info = DocumentInfo(document_id, meta["title"], meta["name"], len(rows), int(meta["characters"]), private)
        fingerprint = meta["hash"] if whole else ""
        entries[document_id] = Entry(
            info, fingerprint, meta["origin"], rows, vectors[found], Questions.stored(metadatas[found[0]])
        )
    return entries
