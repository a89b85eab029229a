"""Chroma's files in STATE_DIR/library, for every process that uses that folder.

Chroma is open only while one thread of one process reads or writes: opening takes some 7 ms, and searches need none
of it, since each process has the passages and their vectors in memory. So nobody owns the files, a killed process
leaves nothing but a lock that the kernel takes back, and nothing listens anywhere.

    chroma.lock      exclusive, while Chroma is open
    waiting.lock     held while waiting for it, so that who just had it does not overtake those who wait
    ingest.lock      exclusive, for the length of an ingest
    revisions/NAME   replaced after each write to that collection: all that a search looks at, to see what others wrote

Chroma's own server was weighed instead (chromadb 1.5.9, `chroma run`): 0.6 s to start, 124 MB, 2 ms a query, and it
listens on a TCP port without any authentication, where every local user may read everybody's private documents.
"""

from __future__ import annotations

import atexit
import os
import pickle
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from filelock import BaseFileLock, FileLock, Timeout

from rag.errors import CrosswireError
from rag.knowledge.storage.chroma import WAITING_SECONDS, Batch, Change, LibraryBusy, Store
from rag.knowledge.storage.erasing import drop_empty_indexes, erase
from rag.knowledge.types import Owner
from rag.knowledge.workers import Workers

if TYPE_CHECKING:
    from chromadb import Collection
    from chromadb.api.client import Client
    from chromadb.api.collection_configuration import CreateHNSWConfiguration
    from chromadb.config import Settings as ChromaSettings

INGEST_SECONDS = 600.0
LONGEST_SECONDS = 300.0
"""A write that takes longer is given up, and its process with it."""

_DAMAGED = "Stop every Crosswire that uses it, delete that folder and start again: the articles are read anew."


_LOCK = threading.RLock()
"""Of all such stores in this process: one lock is enough to hold while it is forked."""


class EmbeddedStore(Store):
    """Survives fork(): no process is forked while Chroma is open in it."""

    hnsw: ClassVar[CreateHNSWConfiguration] = {
        "space": "cosine",
        "ef_construction": 1,
        "max_neighbors": 2,
        "sync_threshold": 1_000_000_000,
    }
    """As cheap as can be, as it is made anew whenever Chroma is opened; and never written. A process that is killed
    while it writes that index leaves files on which every later one crashes, whereas what is in SQLite survives."""

    def __init__(self, state_dir: Path, embeddings: str) -> None:
        from chromadb.config import Settings as ChromaSettings

        folder = state_dir / "library"
        super().__init__(embeddings, str(folder), _DAMAGED, _LOCK)
        self._folder = folder
        self._chroma = folder / "chroma"
        self._revisions = folder / "revisions"
        self._erase = folder / "erase"
        self._client: Client | None = None
        self._quiet = ChromaSettings(anonymized_telemetry=False)  # made once: that takes as long as opening Chroma

    @contextmanager
    def opened(self, seconds: float = WAITING_SECONDS) -> Iterator[Client]:
        if not self.lock.acquire(timeout=seconds):
            raise self._busy("it is being written to")
        with ExitStack() as held:
            held.callback(self.lock.release)
            yield self._client or held.enter_context(self._opened_alone(seconds))

    @contextmanager
    def ingesting(self) -> Iterator[None]:
        try:
            with self._file_lock("ingest").acquire(INGEST_SECONDS):
                yield
        except Timeout as exc:
            raise self._busy("another process has been adding articles for 10 minutes") from exc

    def revision(self, name: str) -> str:
        with suppress(OSError):
            found = os.stat(f"{self._revisions}{os.sep}{name}")  # noqa: PTH116 - at every search, and pathlib is slow
            return f"{found.st_ino}-{found.st_mtime_ns}"
        return ""

    def revision_of(self, collection: Collection) -> str:
        return self.revision(collection.name)

    def changed(self, collection: Collection) -> str:
        new = self._revisions / f".{uuid.uuid4().hex}"
        new.touch(mode=0o600)
        new.replace(self._revisions / collection.name)
        return self.revision(collection.name)

    def erase_later(self) -> None:
        self._erase.touch(mode=0o600)

    def deleting(self, name: str) -> None:
        self.erase_later()
        (self._revisions / name).unlink(missing_ok=True)

    def write(self, request: Change | frozenset[Owner], batches: Iterable[Batch] = ()) -> str:
        """Done by another process. Batches are sent one by one, so that none is long."""
        head = (self._folder.parent, self._embeddings, request)
        try:
            with _WRITERS.lent(LONGEST_SECONDS) as worker:
                for part in chain([head], batches, [None]):
                    pickle.dump(part, worker.requests)
                worker.requests.flush()
                answer: str | CrosswireError = pickle.load(worker.answers)  # noqa: S301 - our own process
        except (OSError, EOFError, pickle.PickleError) as exc:
            # Whether it has written is not known.
            raise self._busy("the process that writes to it broke off") from exc
        if isinstance(answer, CrosswireError):
            raise answer
        return answer

    def _make_folders(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._revisions.mkdir(exist_ok=True, mode=0o700)
        except OSError as exc:
            todo = "Set STATE_DIR to a folder that can be written."
            raise self.unavailable(exc.strerror or str(exc), todo) from exc

    @contextmanager
    def _opened_alone(self, seconds: float) -> Iterator[Client]:
        """Chroma, opened for one use and with the lock of all processes."""
        self._make_folders()
        deadline = time.monotonic() + seconds
        try:
            with self._file_lock("waiting").acquire(seconds):
                alone = self._file_lock("chroma").acquire(max(deadline - time.monotonic(), 0.0))
        except Timeout as exc:
            raise self._busy("another process holds it and does not give it back") from exc
        with alone:
            drop_empty_indexes(self._chroma)  # also those that a killed process left half written
            client = self._client = _open(str(self._chroma), self._quiet)
            try:
                yield client
            finally:
                self._client = None
                client.close()
                drop_empty_indexes(self._chroma)
                if self._erase.exists():
                    erase(self._chroma, self._erase)

    def _file_lock(self, name: str) -> BaseFileLock:
        # One for each use: a forked child may not go on with those of its parent.
        return FileLock(self._folder / f"{name}.lock", mode=0o600, thread_local=False, poll_interval=0.005)

    def _busy(self, reason: str) -> LibraryBusy:
        return LibraryBusy(self._target, reason, "Stop the other Crosswire, then try again.")


def _open(path: str, settings: ChromaSettings) -> Client:
    import chromadb
    from chromadb.api.shared_system_client import SharedSystemClient

    try:
        return cast("Client", chromadb.PersistentClient(path, settings=settings))
    except BaseException:
        # Chroma would hand out the client that failed again, even when its folder has been repaired.
        SharedSystemClient._identifier_to_system.pop(path, None)
        raise


_WRITERS = Workers("rag.knowledge.storage.worker")
"""Chroma's bindings keep the interpreter for as long as they write: with another's, nobody here waits for an answer."""

atexit.register(_WRITERS.close)
if sys.platform != "win32":
    os.register_at_fork(before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release)
