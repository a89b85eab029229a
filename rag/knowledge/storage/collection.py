"""One Chroma collection and what is needed to search it, in memory.

A reader sees one immutable Index from start to end. A changed document is written over the old one before anything
of the old is removed, so no search ever finds the document gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain, count, repeat
from typing import TYPE_CHECKING, Any

import numpy as np
from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed

from rag.errors import BadDocument
from rag.knowledge.embedding.embedders import Vectors
from rag.knowledge.search.index import Index
from rag.knowledge.search.ranking import Ranked
from rag.knowledge.search.records import Entry, Questions, make_passage
from rag.knowledge.storage.chroma import BATCH, WAITING_SECONDS, Batch, Change, OutOfDate, Store
from rag.knowledge.types import Document, DocumentInfo, Owner

if TYPE_CHECKING:
    from chromadb import Collection, Include, Metadata, Where

Stored = tuple[str, "Metadata", Any]
ATTEMPTS = 20
HALF_MADE_SECONDS = 5.0
"""How long a collection may be there before Chroma's server can read it."""


class DocumentCollection:
    """The documents of one owner, or those for everybody. Writers take turns; readers never wait for them."""

    def __init__(self, store: Store, owner: Owner | None = None) -> None:
        self._store = store
        self._owner = owner
        self._name = store.name(owner)
        self.revision = ""
        """The one that `entries` and the index are of. Empty: they may be of none."""
        self.entries: dict[str, Entry] = {}
        """The documents by id. Not to be changed: written to, it is another."""
        self._index = Index(self.entries)

    def refresh(self, seconds: float = WAITING_SECONDS) -> str:
        """Read the collection again if somebody else wrote to it. One that is gone is kept as it was.

        Returns what it is at; empty when it is gone.
        """
        if (revision := self._store.revision(self._name)) in ("", self.revision):
            return revision
        with self._store.opened(seconds), self._store.lock:
            collection = self._store.found(self._name)
            revision = self._store.revision_of(collection) if collection else self._store.revision(self._name)
            if revision != self.revision:
                self.entries = _read(collection, private=self._owner is not None) if collection else {}
            self.index()
            self.revision = revision  # last: who sees it searches at once
            return revision

    def probe(self, seconds: float) -> None:
        """Read a passage from Chroma, past what is in memory. Raises what Chroma raises."""
        with self._store.opened(seconds):
            collection = self._store.found(self._name)
            if collection is None:
                raise self._store.unavailable("its articles are gone", "Restart Crosswire: they are read anew.")
            collection.get(limit=1, include=["documents", "embeddings", "metadatas"])

    def write(
        self,
        documents: Sequence[Entry] = (),
        *,
        removed: Sequence[str] = (),
        most: int | None = None,
        erase: bool = False,
    ) -> bool:
        """Store documents, each over an older one of the same id, and remove others. True if any was there before.

        `erase`: see to it that what was removed or replaced leaves the disk as well; a private document's does by
        itself. The last one leaves an empty collection, since another process may just be adding to it: only its
        owner's end takes that. Raises BadDocument for one more than `most`.
        """
        private = self._owner is not None
        with self._store.lock:
            for _ in range(ATTEMPTS):
                there = self.refresh()
                if not there and private:
                    self.entries = {}  # its session was forgotten
                entries = {id_: entry for id_, entry in self.entries.items() if id_ not in removed}
                entries |= {entry.info.id: replace(entry, text="") for entry in documents}
                if most is not None and most < len(entries) > len(self.entries):
                    reason, todo = f"this session already has {most} documents", "It was not added; remove one first."
                    raise BadDocument(documents[-1].info.name, reason, todo)
                lost = [entry for id_, entry in self.entries.items() if entries.get(id_) is not entry]
                if not (documents or lost or erase):
                    return False
                kept = {passage.id for entry in documents for passage in entry.passages}
                gone = tuple(passage.id for entry in lost for passage in entry.passages if passage.id not in kept)
                change = Change(
                    self._owner,
                    expected=there,
                    deletes=gone,
                    erase=erase or (private and bool(lost)),
                )
                with suppress(OutOfDate):
                    revision = self._store.write(change, chain.from_iterable(map(_batches, documents)))
                    self.entries = entries
                    if private:
                        self.index()
                    self.revision = revision
                    return bool(lost)
        raise self._store.unavailable("others write to it again and again", "Try again.")

    def document(self, document_id: str) -> Document | None:
        """A document with its text."""
        entry = self.entries.get(document_id)
        if entry is None:
            return None
        with self._store.opened():
            collection = self._store.found(self._name)
            stored = list(_pages(collection, ["metadatas"], {"document": document_id})) if collection else []
        pieces = sorted((int(str(meta["n"])), str(meta.get("full", ""))) for _, meta, _ in stored)
        text = "".join(piece for _, piece in pieces)
        return Document(entry.info, text or "\n\n".join(passage.text for passage in entry.passages))

    def ranked(self, words: list[str], vector: Vectors, count: int) -> Iterator[Ranked]:
        """The `count` best passages, best first."""
        if self._index.entries is not self.entries and self._store.lock.acquire(blocking=False):
            try:
                self.index()
            finally:
                self._store.lock.release()
        return self._index.ranked(words, vector, count)

    def index(self) -> None:
        """Bring the index up to date now, not at the next search that finds nobody writing."""
        with self._store.lock:
            if self._index.entries is not self.entries:
                self._index = Index(self.entries)


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
    get = retry(
        retry=retry_if_exception(_half_made),
        stop=stop_after_delay(HALF_MADE_SECONDS),
        wait=wait_fixed(0.1),
        reraise=True,
    )(collection.get)
    for start in count(0, BATCH):
        page = get(include=include, where=where, limit=BATCH, offset=start)
        metadatas = page["metadatas"] or []
        vectors = page["embeddings"] if page["embeddings"] is not None else repeat(None)
        yield from zip(page["documents"] or repeat(""), metadatas, vectors, strict=False)
        if len(metadatas) < BATCH:
            return


def _half_made(error: BaseException) -> bool:
    """Chroma's server says so for a moment while somebody else's first passages become a file."""
    return "Nothing found on disk" in str(error)


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
