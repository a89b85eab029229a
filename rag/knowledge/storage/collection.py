"""One Chroma collection and what is needed to search it, in memory.

A reader sees one immutable Index from start to end. A changed document is written over the old one before anything
of the old is removed, so no search ever finds the document gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain, count, repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.errors import BadDocument
from rag.knowledge.embedding.embedders import Vectors
from rag.knowledge.search.index import Index
from rag.knowledge.search.ranking import Ranked
from rag.knowledge.search.records import Entry, Questions, make_passage
from rag.knowledge.storage.chroma import BATCH, WAITING_SECONDS, Batch, Change, OutOfDate, Store
from rag.knowledge.types import Document, DocumentInfo

if TYPE_CHECKING:
    from chromadb import Collection, Include, Metadata, Where

Stored = tuple[str, "Metadata", Any]
ATTEMPTS = 20


class DocumentCollection:
    """The documents of one session, or those for everybody. Writers take turns; readers never wait for them."""

    def __init__(self, store: Store, session_id: str | None = None) -> None:
        self._store = store
        self._session_id = session_id
        self._name = store.shared_name if session_id is None else store.private_name(session_id)
        self._entries: dict[str, Entry] = {}
        self._index = Index(self._entries)
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

    def put(self, *documents: Entry, most: int | None = None) -> None:
        """Store documents, each over an older one of the same id. Raises BadDocument for one more than `most`."""

        def plan(entries: dict[str, Entry]) -> list[str]:
            gone: list[str] = []
            for entry in documents:
                if most is not None and entry.info.id not in entries and len(entries) >= most:
                    reason, todo = f"this session already has {most} documents", "It was not added; remove one first."
                    raise BadDocument(entry.info.name, reason, todo)
                if old := entries.get(entry.info.id):
                    kept = {passage.id for passage in entry.passages}
                    gone += [passage.id for passage in old.passages if passage.id not in kept]
                entries[entry.info.id] = replace(entry, text="")
            return gone

        self._write(plan, documents)

    def remove(self, document_id: str) -> bool:
        """Remove a document; True if there was one."""

        def plan(entries: dict[str, Entry]) -> list[str]:
            old = entries.pop(document_id, None)
            found.append(old is not None)
            return [passage.id for passage in old.passages] if old else []

        found: list[bool] = []
        self._write(plan)
        self.index()
        return found[-1]

    def erase(self) -> None:
        """See to it that what was removed or replaced leaves the disk as well. A private document's does by itself."""
        self._write(lambda _: [], erase=True)

    def document(self, document_id: str) -> Document | None:
        """A document with its text."""
        entry = self._entries.get(document_id)
        if entry is None:
            return None
        with self._store.opened():
            collection = self._store.found(self._name)
            stored = list(_pages(collection, ["metadatas"], {"document": document_id})) if collection else []
        pieces = sorted((int(str(meta["n"])), str(meta.get("full", ""))) for _, meta, _ in stored)
        text = "".join(piece for _, piece in pieces)
        return Document(entry.info, text or "\n\n".join(passage.text for passage in entry.passages))

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
                self._index = Index(self._entries)

    def _write(
        self,
        plan: Callable[[dict[str, Entry]], Sequence[str]],
        documents: Sequence[Entry] = (),
        *,
        erase: bool = False,
    ) -> None:
        """Store what `plan` makes of the documents by id. It returns the ids of the passages that are to go."""
        with self._store.lock:
            for _ in range(ATTEMPTS):
                self.refresh()
                there = self._store.revision(self._name)
                if not there and self._session_id is not None:
                    self._entries = {}  # its session was forgotten
                entries = dict(self._entries)
                gone = plan(entries)
                lost = any(entries.get(id_) is not entry for id_, entry in self._entries.items())
                if not (documents or lost or erase):
                    return
                change = Change(
                    self._name,
                    self._session_id,
                    there and self._revision,
                    tuple(gone),
                    drop=self._session_id is not None and not entries,
                    erase=erase or (self._session_id is not None and lost),
                )
                with suppress(OutOfDate):
                    self._revision = self._store.write(change, chain.from_iterable(map(_batches, documents)))
                    self._entries = entries
                    return
        raise self._store.unavailable("others write to it again and again", "Try again.")

    def _catch_up(self, collection: Collection | None) -> None:
        revision = self._store.revision_of(collection) if collection else self._store.revision(self._name)
        if revision != self._revision:
            self._entries = _read(collection, private=self._session_id is not None) if collection else {}
            self._revision = revision


def _batches(entry: Entry) -> Iterator[Batch]:
    """Each passage says all of its document: `_read` needs no other collection."""
    info = entry.info
    meta = {
        "document": info.id,
        "title": info.title,
        "name": info.name,
        "hash": entry.fingerprint,
        "origin": entry.origin,
        "passages": info.passages,
        "characters": info.characters,
        "keywords": entry.keywords,
    }
    share = -(-len(entry.text) // info.passages)
    for start in range(0, info.passages, BATCH):
        passages = entry.passages[start : start + BATCH]
        yield {
            "ids": [passage.id for passage in passages],
            "embeddings": entry.vectors[start : start + BATCH],
            "documents": [passage.text for passage in passages],
            "metadatas": [
                # The whole text, in as many pieces as there are passages: as one it would be too long to pass on.
                {**meta, "n": n, "heading": passage.heading, "full": entry.text[n * share : (n + 1) * share]}
                | (entry.questions.metadata() if n == 0 else {})
                for n, passage in enumerate(passages, start)
            ],
        }


def _read(collection: Collection, *, private: bool) -> dict[str, Entry]:
    """All documents of a collection by id, in order of their ids."""
    stored: dict[str, list[Stored]] = {}
    for one in _pages(collection, ["documents", "metadatas", "embeddings"]):
        stored.setdefault(str(one[1]["document"]), []).append(one)
    return {id_: _entry(id_, found, private=private) for id_, found in sorted(stored.items())}


def _pages(collection: Collection, include: Include, where: Where | None = None) -> Iterator[Stored]:
    """Text, metadata and vector of each passage. Read page by page, as making Python's objects stops other threads."""
    for start in count(0, BATCH):
        page = collection.get(include=include, where=where, limit=BATCH, offset=start)
        metadatas = page["metadatas"] or []
        vectors = page["embeddings"] if page["embeddings"] is not None else repeat(None)
        yield from zip(page["documents"] or repeat(""), metadatas, vectors, strict=False)
        if len(metadatas) < BATCH:
            return


def _entry(document_id: str, stored: list[Stored], *, private: bool) -> Entry:
    stored.sort(key=lambda one: int(str(one[1]["n"])))
    meta = {name: str(value) for name, value in stored[0][1].items()}
    # Half written, when a process was killed: to be written again.
    whole = len(stored) == int(meta["passages"]) and all(one["hash"] == meta["hash"] for _, one, _ in stored)
    info = DocumentInfo(document_id, meta["title"], meta["name"], len(stored), int(meta["characters"]), private)
    return Entry(
        info,
        meta["hash"] if whole else "",
        meta["origin"],
        meta["keywords"],
        tuple(make_passage(info, int(str(one["n"])), str(one["heading"]), text) for text, one, _ in stored),
        np.asarray([vector for *_, vector in stored], dtype=np.float32),
        Questions.stored(stored[0][1]),
    )
