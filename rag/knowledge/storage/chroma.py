"""Our collections in a Chroma: one for the shared articles and one for each session, for one kind of embeddings.

Collections of others in the same Chroma are never touched: ours carry our mark in name and metadata. Chroma's
telemetry and its own embeddings are off. Where Chroma runs, and how several processes use it, is a subclass's matter.
"""

from __future__ import annotations

import errno
import hashlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from rag.errors import CrosswireError, LibraryUnavailable
from rag.knowledge.types import Owner

if TYPE_CHECKING:
    from chromadb import Collection
    from chromadb.api.client import Client
    from chromadb.api.collection_configuration import CreateHNSWConfiguration

WAITING_SECONDS = 15.0
BATCH = 500
"""Passages at a time: under Chroma's limit, and soon made into what Chroma takes."""

VERSION = 1
"""Of what a collection holds; in its metadata as `v`, left out for 1."""
_SHARED = "crosswire-articles"
_PRIVATE = "crosswire-session"

Batch = dict[str, Any]
"""Some passages, as the arguments of Chroma's `upsert`."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to one collection at once, if it is still at the revision `expected`. Its passages follow.

    `owner` is None for the shared articles. `erase`: what was deleted or replaced has to leave the disk as well.
    """

    owner: Owner | None
    expected: str
    deletes: tuple[str, ...] = ()
    erase: bool = False


class LibraryBusy(LibraryUnavailable):
    """Another process or thread is writing. What is in memory can be searched meanwhile."""


class OutOfDate(LibraryBusy):
    """Somebody else wrote to the collection meanwhile: read it again, and decide again."""


def private_start(session_id: str) -> str:
    """How the names of a session's collections begin, whatever the embeddings, and those of their files."""
    return f"{_PRIVATE}-{hashlib.sha256(session_id.encode('utf-8', 'surrogatepass')).hexdigest()}-"


def _owner(collection: Collection) -> Owner | None:
    found = collection.metadata or {}
    session_id = found.get("session")
    return Owner(str(session_id), str(found.get("collection", ""))) if session_id else None


class Store(ABC):
    """Safe to use from many threads. `target` and `todo` are the words of its errors."""

    hnsw: ClassVar[CreateHNSWConfiguration] = {"space": "cosine"}
    """How Chroma makes an index of its own, for others: nothing here asks it for what is near."""

    articles_seconds: float = 0.0
    """How long it is not asked again whether others wrote to the articles."""

    def __init__(self, embeddings: str, target: str, todo: str, lock: threading.RLock) -> None:
        self.lock = lock
        """Held by a thread of this process that writes, or reads what another process wrote."""
        self._embeddings = embeddings
        self._target = target
        self._todo = todo

    @abstractmethod
    def opened(self, seconds: float = WAITING_SECONDS) -> AbstractContextManager[Client]:
        """A client to read and write with. A thread that has it may ask for it again.

        Raises LibraryBusy when others do not let go of it within that time.
        """

    @abstractmethod
    def revision(self, name: str) -> str:
        """What a collection is at now: another value says that somebody wrote to it. Empty when there is none."""

    def revisions(self, names: Sequence[str]) -> list[str]:
        """What each of these is at."""
        return [self.revision(name) for name in names]

    @abstractmethod
    def revision_of(self, collection: Collection) -> str:
        """What a collection that was just read is at, within `opened`."""

    @abstractmethod
    def changed(self, collection: Collection) -> str:
        """Tell every process that a collection was written to, within `opened`. Returns its new revision."""

    @abstractmethod
    def deleting(self, name: str) -> None:
        """Tell every process that a collection is about to be deleted, within `opened`."""

    def erase_later(self) -> None:  # noqa: B027 - a server sees to its own
        """What is deleted in this `opened` has to leave the disk at its end."""

    @abstractmethod
    def ingesting(self) -> AbstractContextManager[object]:
        """At most one ingest at a time, of all processes that can be told to wait."""

    def write(self, request: Change | frozenset[Owner], batches: Iterable[Batch] = ()) -> str:
        """Have a change made, or all that these own deleted, as `carry_out` does, outside of `opened`.

        Returns the revision at which the collection holds the change and nothing that others wrote; empty if that is
        not known, so that it has to be read again.
        """
        return self.carry_out(request, batches)

    def close(self) -> None:  # noqa: B027 - embedded, nothing is held between two uses
        """Give back what is held. Closing twice is fine."""

    def name(self, owner: Owner | None) -> str:
        """The name of the collection that is this one's, or of that of the articles."""
        if owner is None:
            return f"{_SHARED}-{self._embeddings}"
        named = f"{owner.collection}-" if owner.collection else ""
        return f"{private_start(owner.session_id)}{named}{self._embeddings}"

    def made(self, owner: Owner | None) -> Collection:
        """The collection that is this one's, or that of the articles, made if it is not there."""
        name = self.name(owner)
        ours = {"owner": "crosswire", "embeddings": self._embeddings}
        ours |= {"kind": "articles"} if owner is None else {"kind": "session", "session": owner.session_id}
        ours |= {"collection": owner.collection} if owner and owner.collection else {}
        with self.opened() as client:
            collection = client.get_or_create_collection(
                name, metadata=ours, embedding_function=None, configuration={"hnsw": self.hnsw}
            )
        found = collection.metadata or {}
        if any(found.get(key) != value for key, value in ours.items()):
            reason = f"its collection {name} was not made by Crosswire"
            raise self.unavailable(reason, "Rename or delete that collection.")
        return self._known(collection)

    def found(self, name: str) -> Collection | None:
        """The collection of this name, if there is one."""
        from chromadb.errors import NotFoundError

        with self.opened() as client:
            try:
                return self._known(client.get_collection(name, embedding_function=None))
            except NotFoundError:
                return None

    def _known(self, collection: Collection) -> Collection:
        """What a later version wrote is neither read nor written: two versions may run side by side."""
        if (collection.metadata or {}).get("v", VERSION) != VERSION:
            reason = f"its collection {collection.name} was written by a later version"
            raise self.unavailable(reason, "Nothing was lost: go back to that version of Crosswire.")
        return collection

    def ours(self) -> list[Collection]:
        """Every collection of ours, of whichever embeddings."""
        with self.opened() as client:
            found = client.list_collections()
        return [collection for collection in found if (collection.metadata or {}).get("owner") == "crosswire"]

    def owners(self) -> set[Owner]:
        """Of all private collections, of whichever embeddings."""
        return {owner for owner in map(_owner, self.ours()) if owner is not None}

    def recover(self) -> None:
        """See to it that every collection has a revision.

        One has none that is of an earlier version, of a backup, or of a process that was killed between its two writes.
        """
        for collection in self.ours():
            if not self.revision(collection.name):
                self.changed(collection)

    def carry_out(self, request: Change | frozenset[Owner], batches: Iterable[Batch]) -> str:
        """Make a change, or delete all that these own; fine if that is gone already.

        Returns the collection's new revision. Raises OutOfDate if it was at another than expected.
        """
        with self.opened() as client:
            if isinstance(request, Change):
                return self._change(request, batches)
            for collection in self.ours():
                if _owner(collection) in request:
                    self._delete(client, collection.name)
            return ""

    def _change(self, change: Change, batches: Iterable[Batch]) -> str:
        collection = self.made(change.owner)
        if self.revision_of(collection) != change.expected:
            raise OutOfDate(self._target, "others are writing to it", "Try again.")
        for batch in batches:
            collection.upsert(**batch)
        for start in range(0, len(change.deletes), BATCH):
            collection.delete(ids=list(change.deletes[start : start + BATCH]))
        revision = self.changed(collection)
        if change.erase:
            collection.get(limit=1, include=[])  # with that, Chroma's tables catch up with its journal
            self.erase_later()
        return revision

    def _delete(self, client: Client, name: str) -> None:
        from chromadb.errors import NotFoundError

        self.deleting(name)
        with suppress(NotFoundError):
            client.delete_collection(name)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Chroma's errors, and those of its files and its server, as one line."""
        import httpx
        from chromadb.errors import ChromaError

        try:
            yield
        except CrosswireError:
            raise
        except (ChromaError, httpx.HTTPError, OSError, RuntimeError, ValueError, KeyError, TypeError) as exc:
            reason = (str(exc).strip().splitlines() or [type(exc).__name__])[0][:200]
            full = "is full" in reason or getattr(exc, "errno", 0) == errno.ENOSPC
            todo = "Nothing was stored: free some space on that disk, then try again." if full else self._todo
            raise self.unavailable(reason, todo) from exc

    def unavailable(self, reason: str, todo: str) -> LibraryUnavailable:
        """The error that names this Chroma."""
        return LibraryUnavailable(self._target, reason, todo)
