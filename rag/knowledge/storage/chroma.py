"""The Chroma client and the names of our collections in it. Its telemetry and its own embeddings are off.

Collections of others in the same Chroma are never touched: ours carry our mark in name and metadata.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import urlsplit

from rag.errors import CrosswireError, LibraryUnavailable
from rag.knowledge.storage import erasing
from rag.settings import Settings, without_password

if TYPE_CHECKING:
    from chromadb import Collection
    from chromadb.api.client import Client
    from chromadb.config import Settings as ChromaSettings

_T = TypeVar("_T")
_SHARED = "crosswire-articles"
_PRIVATE = "crosswire-session"
_DAMAGED = "Stop every Crosswire that uses it, delete that folder and start again: the articles are read anew."


class Store:
    """Our collections in one Chroma, for one kind of embeddings."""

    def __init__(self, settings: Settings, embeddings: str) -> None:
        self.remote = settings.chroma_url != "embedded"
        self._target = without_password(settings.chroma_url) if self.remote else str(settings.state_dir / "library")
        self._folder = settings.state_dir / "library"
        self._todo = "Start it, or correct CHROMA_URL." if self.remote else _DAMAGED
        self._embeddings = embeddings
        with self.errors():
            self._client = _connect(settings)

    def shared(self) -> Collection:
        """The collection of the shared articles."""
        return self._collection(self.shared_name, {"kind": "articles"})

    @property
    def shared_name(self) -> str:
        """The name of the collection of the shared articles."""
        return f"{_SHARED}-{self._embeddings}"

    def private(self, session_id: str) -> Collection:
        """The collection of this session, made if it is not there."""
        return self._collection(self.private_name(session_id), {"kind": "session", "session": session_id})

    def private_name(self, session_id: str) -> str:
        """The name of this session's collection."""
        digest = hashlib.sha256(session_id.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{_PRIVATE}-{digest}-{self._embeddings}"

    def revisions(self) -> dict[str, str]:
        """The name of each of our collections, and what it is at. Another value says that somebody wrote to it."""
        return {item.name: str((item.metadata or {}).get("revision", "")) for item in self._ours()}

    def sessions(self) -> dict[str, list[str]]:
        """The names of every session's collections, of whichever embeddings, by session id."""
        found: dict[str, list[str]] = {}
        for collection in self._ours():
            if session := (collection.metadata or {}).get("session"):
                found.setdefault(str(session), []).append(collection.name)
        return found

    def delete(self, name: str) -> None:
        """Delete a collection with all that is in it; fine if it is gone already."""
        from chromadb.errors import NotFoundError

        self.erase_later()
        try:
            self._client.delete_collection(name)
        except NotFoundError:
            return

    def unless_gone(self, question: Callable[[], _T], otherwise: _T) -> _T:
        """The answer; or `otherwise` when the collection was deleted meanwhile, because its session was forgotten."""
        from chromadb.errors import NotFoundError

        try:
            return question()
        except NotFoundError:
            return otherwise

    def erase_later(self) -> None:
        """What is deleted now has to leave the disk as well, when this Chroma is closed. A server sees to its own."""
        if not self.remote:
            erasing.request(self._folder)

    def close(self) -> None:
        """Give the client back."""
        self._client.close()

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
            raise LibraryUnavailable(self._target, reason, self._todo) from exc

    def _ours(self) -> Iterator[Collection]:
        for collection in self._client.list_collections():
            if (collection.metadata or {}).get("owner") == "crosswire":
                yield collection

    def _collection(self, name: str, metadata: dict[str, str]) -> Collection:
        ours = {"owner": "crosswire", "embeddings": self._embeddings, **metadata}
        collection = self._client.get_or_create_collection(
            name,
            metadata=ours,
            embedding_function=None,
            configuration={"hnsw": {"space": "cosine", "ef_search": 200}},
        )
        found = collection.metadata or {}
        if any(found.get(key) != value for key, value in ours.items()):
            raise LibraryUnavailable(
                self._target, f"its collection {name} was not made by Crosswire", "Rename or delete that collection."
            )
        return collection


def _embedded(path: str, settings: ChromaSettings) -> Client:
    import chromadb
    from chromadb.api.shared_system_client import SharedSystemClient

    try:
        return cast("Client", chromadb.PersistentClient(path, settings=settings))
    except Exception:
        # Chroma would hand out the client that failed again, even when its folder has been repaired.
        SharedSystemClient._identifier_to_system.pop(path, None)
        raise


def _connect(settings: Settings) -> Client:
    import chromadb
    from chromadb.config import Settings as ChromaSettings

    quiet = ChromaSettings(anonymized_telemetry=False)
    if settings.chroma_url == "embedded":
        return _embedded(str(settings.state_dir / "library" / "chroma"), quiet)
    parts = urlsplit(settings.chroma_url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    return cast("Client", chromadb.HttpClient(parts.hostname or "localhost", port, ssl=secure, settings=quiet))
