"""The library of the process that holds the Chroma client: shared articles, and one more collection for each session.

A session's documents are reached through its own collection only, by its exact id; no query is filtered by session.
Every collection's name holds the name of the embeddings that filled it, so no other embeddings ever query it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path, PurePath

from rag.errors import BadDocument
from rag.knowledge.embedding.embedders import Embedder
from rag.knowledge.files import Sources, collect
from rag.knowledge.ingest import Ingest
from rag.knowledge.preparing import prepare
from rag.knowledge.search.keywords import tokens
from rag.knowledge.search.ranking import CANDIDATES, Ranked, best
from rag.knowledge.storage.chroma import Store
from rag.knowledge.storage.collection import DocumentCollection
from rag.knowledge.types import Document, DocumentInfo, IngestReport, Passage, Progress

MAX_PRIVATE = 20
PRIVATE_ID = "upload:"
_LONGEST_QUESTION = 4000
_RECHECK_SECONDS = 1.0


class ChromaLibrary:
    """Implements `Library`. Safe to use from many threads; not after a fork."""

    def __init__(self, store: Store, embedder: Embedder, knowledge_dir: Path) -> None:
        self._store = store
        self._embedder = embedder
        self._knowledge_dir = knowledge_dir
        self._ingesting = threading.Lock()
        self._writing = threading.RLock()
        self._private: dict[str, DocumentCollection | None] = {}
        self._checked = time.monotonic()
        with store.errors():
            self._shared = DocumentCollection(store.shared(), private=False)
            self._private = dict.fromkeys(store.sessions())

    def search(self, text: str, k: int = 4, session_id: str | None = None) -> list[Passage]:
        """See Library."""
        text = text.strip()[:_LONGEST_QUESTION]
        if not text or k < 1:
            return []
        words = tokens(text)
        vector = self._embedder.question(text)
        count = max(CANDIDATES, 2 * k)
        with self._store.errors():
            self._recheck()
            found = [self._shared.ranked(words, vector, count)]
            if collection := self._collection(session_id):
                nothing: Iterator[Ranked] = iter(())
                found.append(self._store.unless_gone(partial(collection.ranked, words, vector, count), nothing))
        return best(found, k)

    def documents(self, session_id: str | None = None) -> list[DocumentInfo]:
        """See Library."""
        with self._store.errors():
            self._recheck()
            collections = [self._shared, self._collection(session_id)]
            return [
                entry.info
                for collection in collections
                if collection
                for _, entry in sorted(collection.entries.items())
            ]

    def document(self, document_id: str, session_id: str | None = None) -> Document | None:
        """See Library."""
        with self._store.errors():
            self._recheck()
            collection = self._collection(session_id) if document_id.startswith(PRIVATE_ID) else self._shared
            return self._store.unless_gone(partial(collection.document, document_id), None) if collection else None

    def add(
        self, paths: Iterable[Path], progress: Callable[[Progress], None] | None = None, *, prune: bool = False
    ) -> IngestReport:
        """See Library."""
        return self.ingest(collect(paths, self._knowledge_dir), progress, prune=prune)

    def ingest(
        self, sources: Sources, progress: Callable[[Progress], None] | None = None, *, prune: bool = False
    ) -> IngestReport:
        """`add`, with the files found already. One runs at a time."""
        with self._ingesting:
            return Ingest(self._shared, self._embedder, self._store.errors, progress).run(sources, prune=prune)

    def add_private(self, session_id: str, name: str, data: bytes) -> DocumentInfo:
        """See Library."""
        name = _file_name(name)
        document = prepare(name, data, PRIVATE_ID + name, "", self._embedder, private=True)
        with self._writing, self._store.errors():
            collection = self._collection(session_id)
            if collection is None:
                collection = DocumentCollection(self._store.private(session_id), private=True)
            entries = collection.entries
            if document.entry.info.id not in entries and len(entries) >= MAX_PRIVATE:
                raise BadDocument(
                    name, f"this session already has {MAX_PRIVATE} documents", "It was not added; remove one first."
                )
            collection.put(document)
            collection.index()
            self._private[session_id] = collection
            return document.entry.info

    def remove_private(self, session_id: str, document_id: str) -> bool:
        """See Library."""
        with self._writing, self._store.errors():
            collection = self._collection(session_id)
            removed = collection is not None and collection.remove(document_id)
            if collection is not None and not collection.entries:
                self.forget(session_id)
            return removed

    def forget(self, session_id: str) -> None:
        """See Library."""
        with self._writing, self._store.errors():
            self._private.pop(session_id, None)
            for name in self._store.sessions().get(session_id, []):
                self._store.delete(name)

    def private_sessions(self) -> list[str]:
        """See Library."""
        with self._store.errors():
            return sorted(self._store.sessions())

    def health(self) -> None:
        """See Library."""
        with self._store.errors():
            self._shared.probe()

    def close(self) -> None:
        """See Library."""
        self._store.close()

    def _collection(self, session_id: str | None) -> DocumentCollection | None:
        """This session's collection, read from Chroma at its first use."""
        if session_id is None or session_id not in self._private:
            return None
        collection = self._private[session_id]
        if collection is None:
            with self._writing:
                if self._private.get(session_id, collection) is None and session_id in self._private:
                    self._private[session_id] = DocumentCollection(self._store.private(session_id), private=True)
                collection = self._private.get(session_id)
        return collection

    def _recheck(self) -> None:
        """A Chroma server may have other writers: see at most once a second what they changed."""
        if not self._store.remote or time.monotonic() - self._checked < _RECHECK_SECONDS:
            return
        with self._writing:
            self._checked = time.monotonic()
            revisions = self._store.revisions()
            self._shared.refresh(revisions.get(self._store.shared_name, ""))
            sessions = self._store.sessions()
            for session_id in self._private.keys() - sessions.keys():
                del self._private[session_id]
            for session_id in sessions:
                collection = self._private.setdefault(session_id, None)
                if collection is not None:
                    collection.refresh(revisions.get(self._store.private_name(session_id), ""))


def _file_name(name: str) -> str:
    """The last part of an uploaded file's name, printable and of bearable length. Raises BadDocument for none."""
    last = PurePath(name.replace("\\", "/")).name
    shown = "".join(char for char in last if char.isprintable()).strip()
    if not shown:
        raise BadDocument(repr(name[:40]), "the file has no name", "Give it one, and add it again.")
    path = PurePath(shown)
    return path.stem[:100] + path.suffix[:20]
