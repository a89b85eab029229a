"""One ingest: file by file, so that each is whole in the library or not touched, and a broken one stops nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from rag.errors import BadDocument
from rag.knowledge.embedding.embedders import Embedder
from rag.knowledge.ingest.preparing import Parse, fingerprint, prepare
from rag.knowledge.ingest.sources import Source, Sources
from rag.knowledge.parsing.limits import MAX_BYTES, too_large
from rag.knowledge.search.records import Entry
from rag.knowledge.storage.collection import DocumentCollection
from rag.knowledge.types import Failure, IngestReport, Outcome, Progress

OUTCOMES: tuple[Outcome, ...] = ("added", "changed", "unchanged", "removed")
TOGETHER = 16
"""Documents a write: opening Chroma for each one would take as long as storing it."""


@dataclass
class Ingest:
    """Used once. `progress` is called for each file once that is stored, in this thread.

    `errors` translates Chroma's errors, around Chroma only: one that `progress` raises is its caller's own.
    """

    collection: DocumentCollection
    embedder: Embedder
    parse: Parse
    errors: Callable[[], AbstractContextManager[None]]
    progress: Callable[[Progress], None] | None
    _done: list[Progress] = field(default_factory=list)
    _waiting: list[tuple[Outcome, Entry]] = field(default_factory=list)
    _total: int = 0

    def run(self, sources: Sources, *, prune: bool) -> IngestReport:
        """Store what is new or different, and with `prune` remove what is gone from the folders read."""
        there = {source.document_id for source in sources.files}
        stored = self.collection.entries.items()
        gone = [id_ for id_, old in stored if prune and old.origin in sources.folders and id_ not in there]
        self._total = len(sources.files) + len(sources.failed) + len(gone)
        for failure in sources.failed:
            self._tell("failed", failure.name, failure.message)
        for source in sources.files:
            self._one(source)
        self._store()
        with self.errors():
            self.collection.write(removed=gone)
            self.collection.index()
        for document_id in gone:
            self._tell("removed", document_id)
        added, changed, unchanged, removed = (
            tuple(one.name for one in self._done if one.outcome == outcome) for outcome in OUTCOMES
        )
        failed = tuple(Failure(one.name, one.detail) for one in self._done if one.outcome == "failed")
        return IngestReport(added, changed, unchanged, removed, failed)

    def _one(self, source: Source) -> None:
        name = source.path.name
        try:
            data = _read(source.path)
            old = self.collection.entries.get(source.document_id)
            if old and old.fingerprint == fingerprint(name, data) and old.origin == source.origin:
                self._tell("unchanged", source.document_id)
                return
            document = prepare(name, data, source.document_id, source.origin, self.embedder, self.parse, private=False)
        except BadDocument as exc:
            self._tell("failed", str(source.path), str(exc))
            return
        self._waiting.append(("changed" if old else "added", document))
        if len(self._waiting) >= TOGETHER:
            self._store()

    def _store(self) -> None:
        stored, self._waiting = self._waiting, []
        with self.errors():
            self.collection.write([document for _, document in stored])
        for outcome, document in stored:
            self._tell(outcome, document.info.id)

    def _tell(self, outcome: Outcome, name: str, detail: str = "") -> None:
        self._done.append(Progress(len(self._done) + 1, self._total, name, outcome, detail))
        if self.progress:
            self.progress(self._done[-1])


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise BadDocument(path.name, "it is not a regular file")
        if (size := path.stat().st_size) > MAX_BYTES:
            raise too_large(path.name, size)
        return path.read_bytes()
    except OSError as exc:
        raise BadDocument(path.name, f"it cannot be read ({exc.strerror or exc})") from exc
