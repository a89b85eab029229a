"""One Chroma collection and what is needed to search it, in memory: passages, their keywords, and what is asked.

A reader sees one immutable View from start to end. A changed document is written over the old one before anything
of the old is removed, so no search ever finds the document gone.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

from rag.knowledge.embedding.embedders import Vectors
from rag.knowledge.search.keywords import Keywords
from rag.knowledge.search.question_index import QuestionIndex
from rag.knowledge.search.ranking import Ranked, Values, blend, lifted
from rag.knowledge.search.records import Entry, PreparedDocument, Questions, Row, make_row
from rag.knowledge.types import Document, DocumentInfo

if TYPE_CHECKING:
    from chromadb import Collection, Metadata

BATCH = 2000
"""Passages a write: under Chroma's limit, and short enough that searches get their turn."""


LED = 16
"""How many documents get a passage into a search by their own questions alone."""


@dataclass(frozen=True, slots=True)
class View:
    """What a search sees: the documents by id, and all their passages by id."""

    entries: dict[str, Entry]
    rows: dict[str, Row]


class Index:
    """What is looked up of the passages of one View: the keyword index, and that of what is asked.

    `places` of the passages in `rows` by id, and `order`, that of their ids; the numbers of their documents, and of
    the documents that have questions.
    """

    def __init__(self, view: View) -> None:
        ids = [row.id for row in view.rows.values()]
        numbers = {id_: number for number, id_ in enumerate(view.entries)}
        self.rows = tuple(view.rows.values())
        self.places = {id_: place for place, id_ in enumerate(ids)}
        self.order = np.array([place for place, _ in sorted(enumerate(ids), key=itemgetter(1))], np.intp).argsort()
        self.documents = np.array([numbers[row.document_id] for row in self.rows], np.intp)
        self.keywords = Keywords([row.words for row in self.rows])
        self.asked = QuestionIndex((id_, entry.asked) for id_, entry in view.entries.items())
        self.with_questions = np.array([numbers[id_] for id_ in self.asked.documents], np.intp)
        self.size = len(numbers)


class DocumentCollection:
    """The documents of one collection. Writers take turns; readers never wait for them."""

    def __init__(self, collection: Collection, *, private: bool) -> None:
        self._collection = collection
        self._private = private
        self._writing = threading.RLock()
        self._indexing = threading.Lock()
        self._view = View({}, {})
        self._indexed: tuple[dict[str, Row], Index] = (self._view.rows, Index(self._view))
        self._revision = ""
        self.reload(str((collection.metadata or {}).get("revision", "")))

    @property
    def entries(self) -> dict[str, Entry]:
        """The documents by id. Not to be changed."""
        return self._view.entries

    def reload(self, revision: str) -> None:
        """Read the collection again, because another process may have written to it, and left it at this revision."""
        with self._writing:
            self._revision = revision
            stored = self._collection.get(include=["documents", "metadatas"])
            found: dict[str, list[tuple[int, Metadata, Row]]] = {}
            for id_, text, meta in zip(
                stored["ids"], stored["documents"] or [], stored["metadatas"] or [], strict=True
            ):
                row = _row(id_, text, meta)
                found.setdefault(row.document_id, []).append((int(str(meta["n"])), meta, row))
            entries = {id_: self._entry(id_, rows) for id_, rows in sorted(found.items())}
            self._show(entries)
        self.index()

    def refresh(self, revision: str) -> None:
        """Reload if the collection is at another revision than the one that was read."""
        if revision != self._revision:
            self.reload(revision)

    def probe(self) -> None:
        """Ask Chroma as a search does, for whatever vector is nearest. Raises what Chroma raises."""
        if self._view.rows:
            some = self._collection.get(limit=1, include=["embeddings"])
            self._collection.query(query_embeddings=some["embeddings"], n_results=1, include=["distances"])
        else:
            self._collection.count()

    def put(self, document: PreparedDocument) -> None:
        """Store a document, over an older one of the same id."""
        entry, meta = document.entry, _metadata(document)
        with self._writing:
            for start in range(0, len(entry.rows), BATCH):
                rows = entry.rows[start : start + BATCH]
                self._collection.upsert(
                    ids=[row.id for row in rows],
                    embeddings=document.vectors[start : start + BATCH],
                    documents=[row.text for row in rows],
                    metadatas=[
                        {**meta, "n": start + n, "heading": row.heading}
                        | ({"full": document.text, **entry.asked.metadata()} if start + n == 0 else {})
                        for n, row in enumerate(rows)
                    ],
                )
            old = self._view.entries.get(entry.info.id)
            self._show({**self._view.entries, entry.info.id: entry})
            if old:
                new = {row.id for row in entry.rows}
                self._delete([row.id for row in old.rows if row.id not in new])
            self._mark()

    def remove(self, document_id: str) -> bool:
        """Remove a document; True if there was one."""
        with self._writing:
            entries = dict(self._view.entries)
            old = entries.pop(document_id, None)
            if old is None:
                return False
            self._delete([row.id for row in old.rows])
            self._show(entries)
            self._mark()
            return True

    def document(self, document_id: str) -> Document | None:
        """A document with its text."""
        entry = self._view.entries.get(document_id)
        if entry is None:
            return None
        found = self._collection.get(ids=[f"{document_id}#0"], include=["metadatas"])
        text = str(found["metadatas"][0].get("full", "")) if found["metadatas"] else ""
        return Document(entry.info, text or "\n\n".join(row.text for row in entry.rows))

    def ranked(self, words: list[str], vector: Vectors, count: int) -> Iterator[Ranked]:
        """Passages, best first: those among the `count` nearest or the `count` best by keywords, or asked for so."""
        view = self._view
        if not view.rows:
            return iter(())
        index = self._current()
        near, cosines = self._near(index, vector, min(count, len(view.rows)))
        lexical = index.keywords.scores(words)
        best = lexical.argsort()[::-1][:count]
        asked = index.asked.likeness(words, vector, LED)

        cosine = np.full(len(index.rows), cosines.min(initial=1.0) if near else 0.0)
        cosine[near] = cosines
        keyword = np.zeros(len(index.rows))
        keyword[best] = lexical[best]
        considered = keyword > 0
        considered[near] = True
        considered[[index.places[id_] for id_ in asked.led if id_ in index.places]] = True
        places = considered.nonzero()[0]

        likeness = np.zeros(index.size)
        likeness[index.with_questions] = asked.scores
        values = lifted(blend(cosine[places], keyword[places]), index.documents[places], likeness)
        order = np.lexsort((index.order[places], -values))
        found = zip(values[order].tolist(), places[order].tolist(), strict=True)
        return (
            Ranked(-value, row.id, row, self._private)
            for value, place in found
            if (row := view.rows.get(index.rows[place].id))
        )

    def _near(self, index: Index, vector: Vectors, count: int) -> tuple[list[int], Values]:
        """The places of the nearest passages, and how near they are. What is newer than the index is left out."""
        found = self._collection.query(query_embeddings=vector.reshape(1, -1), n_results=count, include=["distances"])
        distances = found["distances"][0] if found["distances"] else []
        near = [
            (index.places[id_], 1.0 - distance)
            for id_, distance in zip(found["ids"][0], distances, strict=True)
            if id_ in index.places
        ]
        return [place for place, _ in near], np.array([cosine for _, cosine in near]).clip(0.0)

    def index(self) -> None:
        """Bring the keyword index and that of what is asked up to date now."""
        with self._indexing:
            self._index()

    def _current(self) -> Index:
        """The index: brought up to date here, unless another thread is at it."""
        if self._indexed[0] is not self._view.rows and self._indexing.acquire(blocking=False):
            try:
                self._index()
            finally:
                self._indexing.release()
        return self._indexed[1]

    def _index(self) -> None:
        view = self._view
        if self._indexed[0] is not view.rows:
            self._indexed = (view.rows, Index(view))

    def _show(self, entries: dict[str, Entry]) -> None:
        self._view = View(entries, {row.id: row for entry in entries.values() for row in entry.rows})

    def _delete(self, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), BATCH):
            self._collection.delete(ids=list(ids[start : start + BATCH]))

    def _mark(self) -> None:
        self._revision = uuid.uuid4().hex
        self._collection.modify(metadata={**(self._collection.metadata or {}), "revision": self._revision})

    def _entry(self, document_id: str, found: list[tuple[int, Metadata, Row]]) -> Entry:
        found.sort(key=lambda item: item[0])
        meta = found[0][1]
        whole = {str(item[1]["hash"]) for item in found} == {str(meta["hash"])} and len(found) == meta["passages"]
        info = DocumentInfo(
            document_id,
            str(meta["title"]),
            str(meta["name"]),
            len(found),
            int(str(meta["characters"])),
            self._private,
        )
        rows = tuple(row for *_, row in found)
        return Entry(info, str(meta["hash"]) if whole else "", str(meta["origin"]), rows, Questions.stored(meta))


def _row(id_: str, text: str, meta: Metadata) -> Row:
    document_id, title, heading, keywords = (str(meta[name]) for name in ("document", "title", "heading", "keywords"))
    return replace(make_row(document_id, 0, title, heading, text, keywords), id=id_)


def _metadata(document: PreparedDocument) -> dict[str, str | int]:
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
