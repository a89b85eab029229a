"""One ingest: file by file, so that each is whole in the library or not touched, and a broken one stops nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from rag.errors import BadDocument
from rag.knowledge.embedding.embedders import Embedder
from rag.knowledge.ingest.preparing import Parse, fingerprint, prepare
from rag.knowledge.ingest.sources import Source, Sources
from rag.knowledge.parsing.limits import MAX_BYTES, too_large
from rag.knowledge.search.records import Entry
from rag.knowledge.storage.collection import DocumentCollection
from rag.knowledge.types import Failure, IngestReport, Outcome, Progress

TOGETHER = 16
"""Documents a write: opening Chroma for each one would take as long as storing it."""


class Ingest:
    """Used once. `progress` is called for each file once that is stored, in this thread."""

    def __init__(
        self,
        collection: DocumentCollection,
        embedder: Embedder,
        parse: Parse,
        errors: Callable[[], AbstractContextManager[None]],
        progress: Callable[[Progress], None] | None,
    ) -> None:
        # Chroma's errors are translated around Chroma only: one that `progress` raises is its caller's own.
        self._errors = errors
        self._collection = collection
        self._embedder = embedder
        self._parse = parse
        self._progress = progress
        self._ids: dict[Outcome, list[str]] = {"added": [], "changed": [], "unchanged": [], "removed": []}
        self._failed: list[Failure] = []
        self._waiting: list[tuple[Outcome, Entry]] = []
        self._done = 0
        self._total = 0

    def run(self, sources: Sources, *, prune: bool) -> IngestReport:
        """Store what is new or different, and with `prune` remove what is gone from the folders read."""
        gone = self._gone(sources) if prune else []
        self._total = len(sources.files) + len(sources.failed) + len(gone)
        for failure in sources.failed:
            self._fail(failure)
        for source in sources.files:
            self._one(source)
        self._store()
        for document_id in gone:
            with self._errors():
                self._collection.remove(document_id)
            self._report("removed", document_id)
        self._collection.index()
        added, changed, unchanged, removed = map(tuple, self._ids.values())
        return IngestReport(added, changed, unchanged, removed, tuple(self._failed))

    def _gone(self, sources: Sources) -> list[str]:
        there = {source.document_id for source in sources.files}
        return [
            document_id
            for document_id, entry in self._collection.entries.items()
            if entry.origin in sources.folders and document_id not in there
        ]

    def _one(self, source: Source) -> None:
        name = source.path.name
        try:
            data = _read(source.path)
            old = self._collection.entries.get(source.document_id)
            if old and old.fingerprint == fingerprint(name, data) and old.origin == source.origin:
                self._report("unchanged", source.document_id)
                return
            document = prepare(
                name, data, source.document_id, source.origin, self._embedder, self._parse, private=False
            )
        except BadDocument as exc:
            self._fail(Failure(str(source.path), str(exc)))
            return
        self._waiting.append(("changed" if old else "added", document))
        if len(self._waiting) >= TOGETHER:
            self._store()

    def _store(self) -> None:
        stored, self._waiting = self._waiting, []
        if stored:
            with self._errors():
                self._collection.put(*(document for _, document in stored))
        for outcome, document in stored:
            self._report(outcome, document.info.id)

    def _report(self, outcome: Outcome, document_id: str) -> None:
        self._ids[outcome].append(document_id)
        self._tell(outcome, document_id)

    def _fail(self, failure: Failure) -> None:
        self._failed.append(failure)
        self._tell("failed", failure.name, failure.message)

    def _tell(self, outcome: Outcome, name: str, detail: str = "") -> None:
        self._done += 1
        if self._progress:
            self._progress(Progress(self._done, self._total, name, outcome, detail))


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise BadDocument(path.name, "it is not a regular file")
        if (size := path.stat().st_size) > MAX_BYTES:
            raise too_large(path.name, size)
        return path.read_bytes()
    except OSError as exc:
        raise BadDocument(path.name, f"it cannot be read ({exc.strerror or exc})") from exc
