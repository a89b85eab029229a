"""The library: shared articles, and one more collection for each session, searched in the memory of this process.

A session's documents are reached through its own collection only, by its exact id and the name that it has for that
collection (`Owner`); no query is filtered by session.
Every collection's name holds the name of the embeddings that filled it, so no other embeddings ever query it.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePath

from rag.errors import BadDocument, LibraryUnavailable
from rag.knowledge.embedding.embedders import Embedder, make_embedder
from rag.knowledge.ingest.preparing import prepare
from rag.knowledge.ingest.run import Ingest
from rag.knowledge.ingest.sources import collect
from rag.knowledge.parsing.limits import OWN
from rag.knowledge.parsing.reader import DocumentReader
from rag.knowledge.search.keywords import tokens
from rag.knowledge.search.ranking import CANDIDATES, best
from rag.knowledge.storage.chroma import LibraryBusy, Store
from rag.knowledge.storage.collection import DocumentCollection
from rag.knowledge.storage.embedded import EmbeddedStore
from rag.knowledge.storage.server import ServerStore
from rag.knowledge.types import Document, DocumentInfo, IngestReport, Owner, Passage, Progress
from rag.settings import Settings

LOG = logging.getLogger(__name__)

MAX_PRIVATE = 20
LOADED = 256
"""Sessions whose documents are kept in memory: those of any other are read again when it asks."""

READING_SHARE = 0.1
"""How much of the time may go into reading again what other processes write to the articles."""

PATIENCE_SECONDS = 0.25
"""How long a search waits for another process that is writing, before it makes do with what it has in memory."""

PROBE_SECONDS = 2.0
"""How long the answer of a health probe is good for: anybody may ask for it, as often as they like."""

PRIVATE_ID = "upload:"
_LONGEST_QUESTION = 4000


def open_library(settings: Settings, embedder: Embedder | None = None) -> Library:
    """The library that these settings name. Raises LibraryUnavailable or BadSetting."""
    embedder = embedder or make_embedder(settings)
    store: Store
    if settings.chroma_url == "embedded":
        store = EmbeddedStore(settings.state_dir, embedder.name)
    else:
        store = ServerStore(settings.chroma_url, embedder.name)
    return Library(store, embedder, settings.knowledge_dir)


class Library:
    """Articles that everybody may search, and documents that only one session may. Safe to call from many threads.

    Every method may raise LibraryUnavailable. A session's private documents are reached with that session's id only,
    and with what it calls its `collection` now, as `SessionStore.collection` says.
    """

    def __init__(self, store: Store, embedder: Embedder, knowledge_dir: Path) -> None:
        self.embedder = embedder
        """What the passages were embedded with: stateless, for whoever compares other texts with a question."""
        self._store = store
        self._reader = DocumentReader()
        self._knowledge_dir = knowledge_dir
        self._loaded: OrderedDict[Owner, DocumentCollection] = OrderedDict()
        self._read_again_at = 0.0
        self._probed_at = -PROBE_SECONDS
        self._probed: LibraryUnavailable | None = None
        self._shared = DocumentCollection(store)
        with store.errors(), store.opened():
            store.made(None)
            store.recover()
            self._shared.refresh()

    def search(self, text: str, k: int = 4, session_id: str | None = None, collection: str = "") -> list[Passage]:
        """The `k` best passages for a question, best first; fewer if there are fewer. An empty text finds nothing."""
        text = text.strip()[:_LONGEST_QUESTION]
        if not text or k < 1:
            return []
        words, vector = tokens(text), self.embedder.question(text)
        found = self._collections(session_id, collection)
        return best([one.ranked(words, vector, max(CANDIDATES, 2 * k)) for one in found], k)

    def documents(self, session_id: str | None = None, collection: str = "") -> list[DocumentInfo]:
        """All shared documents and, after them, those of this session; each part by id."""
        found = self._collections(session_id, collection)
        return [entry.info for one in found for _, entry in sorted(one.entries.items())]

    def document(self, document_id: str, session_id: str | None = None, collection: str = "") -> Document | None:
        """A document with its text, or None if there is none that this session may see."""
        private = document_id.startswith(PRIVATE_ID)
        found = self._collections(session_id, collection)[1:] if private else [self._shared]
        with self._store.errors():
            return found[0].document(document_id) if found else None

    def passages(self, ids: Iterable[str], session_id: str | None = None, collection: str = "") -> dict[str, Passage]:
        """Those of these passages that this session may see, as they are now, by id."""
        found: dict[str, Passage] = {}
        collections = self._collections(session_id, collection)
        for passage_id in ids:
            document_id = passage_id.rpartition("#")[0]
            for entry in (one.entries.get(document_id) for one in collections):
                found |= {one.id: one for one in (entry.passages if entry else ()) if one.id == passage_id}
        return found

    def add(
        self, paths: Iterable[Path], progress: Callable[[Progress], None] | None = None, *, prune: bool = False
    ) -> IngestReport:
        """Read files and whole folders into the shared library; unchanged files cost nothing.

        `prune` also removes the documents that came from the same folders earlier and are gone from them now.
        One ingest runs at a time; another one waits for it.
        """
        sources = collect(paths, self._knowledge_dir)
        with self._store.ingesting():
            with self._store.errors():
                self._shared.refresh()
            read = partial(self._reader.read, limits=OWN)
            report = Ingest(self._shared, self.embedder, read, self._store.errors, progress).run(sources, prune=prune)
            if report.changed or report.removed:
                with self._store.errors():
                    self._shared.write(erase=True)
            return report

    def add_private(self, session_id: str, name: str, data: bytes, collection: str = "") -> DocumentInfo:
        """Add a document for this session only; one of the same name is replaced. Raises BadDocument."""
        name = _file_name(name)
        document = prepare(name, data, PRIVATE_ID + name, "", self.embedder, self._reader.read, private=True)
        with self._store.errors(), self._store.lock:
            owner = Owner(session_id, collection)
            found = self._collection(owner)
            found.write([document], most=MAX_PRIVATE)
            self._keep(owner, found)
            return document.info

    def remove_private(self, session_id: str, document_id: str, collection: str = "") -> bool:
        """Remove one of this session's documents; True if there was one."""
        with self._store.errors(), self._store.lock:
            return self._collection(Owner(session_id, collection)).write(removed=[document_id])

    def forget(self, *owners: Owner) -> None:
        """Delete all private documents of these, from the disk as well."""
        with self._store.errors(), self._store.lock:
            try:
                self._store.write(frozenset(owners))
            finally:
                self.let_go(owners)

    def let_go(self, owners: Iterable[Owner]) -> None:
        """Forget what this process has in memory of their documents."""
        for owner in owners:
            self._loaded.pop(owner, None)

    def drop_ended(self) -> None:
        """Forget what this process has in memory of documents that another one deleted or replaced."""
        with self._store.errors():
            loaded = [*self._loaded.items()]
            now = self._store.revisions([self._store.name(owner) for owner, _ in loaded])
            self.let_go(owner for (owner, one), revision in zip(loaded, now, strict=True) if one.revision != revision)

    def remembered(self) -> list[Owner]:
        """Whose private documents are in the memory of this process."""
        return [*self._loaded]

    def owners(self) -> list[Owner]:
        """Who has private documents, or had some."""
        with self._store.errors():
            return sorted(self._store.owners())

    def health(self) -> None:
        """Return if a search can be answered now. Raises LibraryUnavailable with one line; cheap enough for a probe."""
        if time.monotonic() - self._probed_at >= PROBE_SECONDS:
            self._probed_at = time.monotonic()
            failure = None
            try:
                with self._store.errors(), suppress(LibraryBusy):
                    self._shared.probe(PATIENCE_SECONDS)
            except LibraryUnavailable as exc:
                failure = exc
            self._probed = failure
        if (failure := self._probed) is not None:
            raise failure.with_traceback(None)

    def close(self) -> None:
        """Give the library back. Closing twice is fine."""
        self._reader.close()
        self._store.close()

    def _collections(self, session_id: str | None, collection: str) -> list[DocumentCollection]:
        """Those that this session may see, the shared one first, as others left them."""
        self._read_shared()
        if session_id is None:
            return [self._shared]
        owner = Owner(session_id, collection)
        found = self._collection(owner)
        with self._store.errors():
            if found.refresh():
                self._keep(owner, found)
                return [self._shared, found]
        self._loaded.pop(owner, None)  # forgotten by another process
        return [self._shared]

    def _collection(self, owner: Owner) -> DocumentCollection:
        return self._loaded.get(owner) or DocumentCollection(self._store, owner)

    def _keep(self, owner: Owner, found: DocumentCollection) -> None:
        self._loaded.setdefault(owner, found)
        with suppress(KeyError):  # forgotten meanwhile by another thread
            self._loaded.move_to_end(owner)
            if len(self._loaded) > LOADED:
                self._loaded.popitem(last=False)

    def _read_shared(self) -> None:
        """See what other processes wrote, in one thread; a Chroma that fails does not stop what is in memory."""
        if time.monotonic() < self._read_again_at or not self._store.lock.acquire(blocking=False):
            return
        begun = time.monotonic()
        try:
            with self._store.errors():
                self._shared.refresh(PATIENCE_SECONDS)
        except LibraryUnavailable as exc:
            LOG.warning("Searching in what was read before: %s", exc)
        finally:
            ended = time.monotonic()
            self._read_again_at = ended + max(self._store.articles_seconds, (ended - begun) * (1 / READING_SHARE - 1))
            self._store.lock.release()


def _file_name(name: str) -> str:
    """The last part of an uploaded file's name, printable and of bearable length. Raises BadDocument for none."""
    last = PurePath(name.replace("\\", "/")).name
    shown = "".join(char for char in last if char.isprintable()).strip()
    if not shown:
        raise BadDocument(repr(name[:40]), "the file has no name", "Give it one, and add it again.")
    path = PurePath(shown)
    return path.stem[:100] + path.suffix[:20]
