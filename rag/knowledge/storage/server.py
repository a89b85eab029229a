"""A Chroma server that the operator runs (CHROMA_URL). Others may write to it: what they did is seen in a second."""

from __future__ import annotations

import threading
import time
import uuid
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from rag.knowledge.storage.chroma import WAITING_SECONDS, Store
from rag.settings import without_password

if TYPE_CHECKING:
    from chromadb import Collection
    from chromadb.api.client import Client


class ServerStore(Store):
    """One client for as long as it is open. A collection's revision is in its metadata, where every process sees it."""

    def __init__(self, url: str, embeddings: str) -> None:
        super().__init__(embeddings, without_password(url), "Start it, or correct CHROMA_URL.", threading.RLock())
        self._ingesting = threading.Lock()
        self._checking = threading.RLock()
        self._revisions: dict[str, str] = {}
        self._checked = 0.0
        self.recheck_seconds = 1.0
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
        with self._checking:
            if time.monotonic() - self._checked >= self.recheck_seconds:
                self._revisions = {collection.name: self.revision_of(collection) for collection in self.ours()}
                self._checked = time.monotonic()
            return self._revisions.get(name, "")

    def revision_of(self, collection: Collection) -> str:
        revision = str((collection.metadata or {}).get("revision", ""))
        with self._checking:
            self._revisions[collection.name] = revision
        return revision

    def changed(self, collection: Collection) -> str:
        collection.modify(metadata={**(collection.metadata or {}), "revision": uuid.uuid4().hex})
        return self.revision_of(collection)

    def deleting(self, name: str) -> None:
        with self._checking:
            self._revisions.pop(name, None)

    def close(self) -> None:
        self._client.close()
