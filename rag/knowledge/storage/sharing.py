"""Embedded Chroma belongs to one process at a time; every other process is its guest, with the same methods.

The owner holds an exclusive lock on `library/owner.lock`. The lock goes with the process, so a killed owner blocks
nobody: the next call of a guest takes the lock over, or finds the new owner.

After a fork, an open library is a guest in the child and never an owner: Chroma's threads stay with the parent.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol, TypeVar

from filelock import BaseFileLock, FileLock, Timeout

from rag.errors import LibraryUnavailable
from rag.knowledge.embedding.embedders import embedder_name, make_embedder
from rag.knowledge.files import Sources, collect
from rag.knowledge.library import ChromaLibrary
from rag.knowledge.storage.chroma import Store
from rag.knowledge.storage.erasing import erase
from rag.knowledge.storage.guest import Guest, OwnerGone
from rag.knowledge.storage.owner import Owner
from rag.knowledge.types import Document, DocumentInfo, IngestReport, Library, Passage, Progress
from rag.settings import Settings

OPENING_SECONDS = 15.0
_T = TypeVar("_T")


class Holder(Protocol):
    """What owner and guest have in common: `Library`, with the files of an ingest found already."""

    def search(self, text: str, k: int = 4, session_id: str | None = None) -> list[Passage]: ...
    def documents(self, session_id: str | None = None) -> list[DocumentInfo]: ...
    def document(self, document_id: str, session_id: str | None = None) -> Document | None: ...
    def ingest(
        self, sources: Sources, progress: Callable[[Progress], None] | None = None, *, prune: bool = False
    ) -> IngestReport: ...
    def add_private(self, session_id: str, name: str, data: bytes) -> DocumentInfo: ...
    def remove_private(self, session_id: str, document_id: str) -> bool: ...
    def forget(self, session_id: str) -> None: ...
    def private_sessions(self) -> list[str]: ...
    def health(self) -> None: ...
    def close(self) -> None: ...


def open_library(settings: Settings) -> Library:
    """The library that these settings name. Raises LibraryUnavailable or BadSetting."""
    if settings.chroma_url != "embedded":
        embedder = make_embedder(settings)
        return ChromaLibrary(Store(settings, embedder.name), embedder, settings.knowledge_dir)
    return SharedLibrary(settings)


class SharedLibrary:
    """Implements `Library` as owner or guest, whichever this process can be at the moment."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.state_dir / "library"
        self._name = embedder_name(settings)
        self._opening = threading.Lock()
        self._holder: Holder | None = None
        self._inherited: list[Holder | None] = []
        self._pid = os.getpid()
        self._closed = False
        self._open()

    @property
    def owner(self) -> bool:
        """True while this process holds Chroma itself."""
        return isinstance(self._holder, Owner)

    def search(self, text: str, k: int = 4, session_id: str | None = None) -> list[Passage]:
        """See Library."""
        return self._ask(lambda holder: holder.search(text, k, session_id))

    def documents(self, session_id: str | None = None) -> list[DocumentInfo]:
        """See Library."""
        return self._ask(lambda holder: holder.documents(session_id))

    def document(self, document_id: str, session_id: str | None = None) -> Document | None:
        """See Library."""
        return self._ask(lambda holder: holder.document(document_id, session_id))

    def add(
        self, paths: Iterable[Path], progress: Callable[[Progress], None] | None = None, *, prune: bool = False
    ) -> IngestReport:
        """See Library. The files are found here, by this process' settings, and read by the owner."""
        sources = collect(paths, self._settings.knowledge_dir)
        return self._ask(lambda holder: holder.ingest(sources, progress, prune=prune))

    def add_private(self, session_id: str, name: str, data: bytes) -> DocumentInfo:
        """See Library."""
        return self._ask(lambda holder: holder.add_private(session_id, name, data))

    def remove_private(self, session_id: str, document_id: str) -> bool:
        """See Library."""
        return self._ask(lambda holder: holder.remove_private(session_id, document_id))

    def forget(self, session_id: str) -> None:
        """See Library."""
        self._ask(lambda holder: holder.forget(session_id))

    def private_sessions(self) -> list[str]:
        """See Library."""
        return self._ask(lambda holder: holder.private_sessions())

    def health(self) -> None:
        """See Library."""
        self._ask(lambda holder: holder.health())

    def close(self) -> None:
        """See Library."""
        with self._opening:
            holder, self._holder, self._closed = self._holder, None, True
        if holder is not None and self._pid == os.getpid():
            holder.close()

    def _ask(self, question: Callable[[Holder], _T]) -> _T:
        # Every question may be asked twice: repeating one that a dying owner had carried out changes nothing more.
        deadline = time.monotonic() + OPENING_SECONDS
        while True:
            holder = self._open()
            try:
                return question(holder)
            except OwnerGone as exc:
                self._leave(holder)
                if time.monotonic() > deadline:
                    raise self._unavailable("its owner goes away again and again") from exc

    def _leave(self, holder: Holder) -> None:
        with self._opening:
            if self._holder is holder:
                self._holder = None
        holder.close()

    def _open(self) -> Holder:
        holder = self._holder
        if holder is not None and self._pid == os.getpid():
            return holder
        if self._pid != os.getpid():
            self._after_fork()
        with self._opening:
            if self._closed:
                raise self._unavailable("it was closed", "Open it again.")
            if self._holder is None:
                self._holder = self._become()
            return self._holder

    def _after_fork(self) -> None:
        # Kept, not dropped: Chroma's client would try to stop threads that this process does not have.
        self._inherited.append(self._holder)
        self._opening, self._holder, self._pid = threading.Lock(), None, os.getpid()

    def _become(self) -> Holder:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as exc:
            raise self._unavailable(exc.strerror or str(exc), "Set STATE_DIR to a folder that can be written.") from exc
        deadline = time.monotonic() + OPENING_SECONDS
        while True:
            if not self._inherited and (lock := _try_lock(self._folder / "owner.lock")):
                return self._own(lock)
            if guest := Guest.visit(self._folder, self._name):
                return guest
            if time.monotonic() > deadline:
                raise self._unavailable("another process holds it and does not answer")
            time.sleep(0.02)

    def _own(self, lock: BaseFileLock) -> Owner:
        try:
            embedder = make_embedder(self._settings)
            erase(self._folder)
            store = Store(self._settings, embedder.name)
            return Owner(store, embedder, self._settings.knowledge_dir, self._folder, lock)
        except BaseException:
            lock.release()
            raise

    def _unavailable(self, reason: str, todo: str = "Stop the other Crosswire, then try again.") -> LibraryUnavailable:
        return LibraryUnavailable(str(self._folder), reason, todo)


def _try_lock(path: Path) -> BaseFileLock | None:
    lock = FileLock(path, mode=0o600, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    return lock
