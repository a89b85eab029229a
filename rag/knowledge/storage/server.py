"""A Chroma server that the operator runs (CHROMA_URL), and other processes may write to.

It shows to all what it has acknowledged to one (chromadb 1.5), so a session's collection is asked for at each search:
0.4 ms of this process, and no more for many sessions. Who was told that a document is stored finds it everywhere.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from rag.knowledge.storage.chroma import WAITING_SECONDS, Batch, Change, Store
from rag.knowledge.types import Owner
from rag.settings import without_password

if TYPE_CHECKING:
    from chromadb import Collection
    from chromadb.api.client import Client


class ServerStore(Store):
    """One client for as long as it is open. A collection's revision is in its metadata, where every process sees it."""

    articles_seconds = 1.0

    def __init__(self, url: str, embeddings: str) -> None:
        super().__init__(embeddings, without_password(url), "Start it, or correct CHROMA_URL.", threading.RLock())
        self._ingesting = threading.Lock()
        with self.errors():
            import chromadb
            from chromadb.config import Settings as ChromaSettings

            parts = urlsplit(url)
            secure = parts.scheme == "https"
            port = parts.port or (443 if secure else 80)
            quiet = ChromaSettings(anonymized_telemetry=False)
            client = chromadb.HttpClient(parts.hostname or "localhost", port, ssl=secure, settings=quiet)
            self._client = cast("Client", client)

    def opened(self, seconds: float = WAITING_SECONDS) -> AbstractContextManager[Client]:
        del seconds  # nobody waits for anybody
        return nullcontext(self._client)

    def ingesting(self) -> AbstractContextManager[object]:
        return self._ingesting

    def revision(self, name: str) -> str:
        collection = self.found(name)
        return self.revision_of(collection) if collection else ""

    def revisions(self, names: Sequence[str]) -> list[str]:
        found = {collection.name: self.revision_of(collection) for collection in self.ours()} if names else {}
        return [found.get(name, "") for name in names]

    def revision_of(self, collection: Collection) -> str:
        return str((collection.metadata or {}).get("revision", ""))

    def changed(self, collection: Collection) -> str:
        collection.modify(metadata={**(collection.metadata or {}), "revision": uuid.uuid4().hex})
        return self.revision_of(collection)

    def write(self, request: Change | frozenset[Owner], batches: Iterable[Batch] = ()) -> str:
        revision = super().write(request, batches)
        # Nobody can be kept from writing at the same time. Articles come in many writes, and only the last one erases.
        between = isinstance(request, Change) and request.owner is None and not request.erase
        return revision if between else ""

    def deleting(self, name: str) -> None:
        """Its revision goes with it."""

    def close(self) -> None:
        self._client.close()
