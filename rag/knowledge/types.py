"""The values that the library gives out, all frozen, and its interface: what a page, a chat or a test stands on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

COVERED = 0.27
"""A best score under this says that the library does not cover the question. Chosen as the numbers in `search`."""

Outcome = Literal["added", "changed", "unchanged", "removed", "failed"]


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document, as found by a search.

    `score` is a confidence from 0 to 1 that the passage is about the question: it can be compared between questions,
    and COVERED is the value below which the library should be taken not to cover it.
    """

    id: str
    document_id: str
    title: str
    heading: str
    text: str
    score: float
    private: bool


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """What the library knows of a document without its text. `characters` counts its readable text."""

    id: str
    title: str
    name: str
    passages: int
    characters: int
    private: bool


@dataclass(frozen=True, slots=True)
class Document:
    """A document with its readable text: Markdown, or plain text for .txt."""

    info: DocumentInfo
    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """One file of an ingest is done. `done` of `total`; `detail` is the reason when it failed."""

    done: int
    total: int
    name: str
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that was skipped, and the one line that says why and what to do."""

    name: str
    message: str


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest did: document ids by outcome, and the files that were skipped."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = field(default=())

    @property
    def documents(self) -> int:
        """How many documents are in the library because of this run."""
        return len(self.added) + len(self.changed) + len(self.unchanged)


class Library(Protocol):
    """Articles that everybody may search, and documents that only one session may. Safe to call from many threads.

    Every method may raise LibraryUnavailable. A session's private documents are reached with that session's id only.
    """

    def search(self, text: str, k: int = 4, session_id: str | None = None) -> list[Passage]:
        """The `k` best passages for a question, best first; fewer if there are fewer. An empty text finds nothing."""
        ...

    def documents(self, session_id: str | None = None) -> list[DocumentInfo]:
        """All shared documents and, after them, those of this session; each part by id."""
        ...

    def document(self, document_id: str, session_id: str | None = None) -> Document | None:
        """A document with its text, or None if there is none that this session may see."""
        ...

    def add(
        self,
        paths: Iterable[Path],
        progress: Callable[[Progress], None] | None = None,
        *,
        prune: bool = False,
    ) -> IngestReport:
        """Read files and whole folders into the shared library; unchanged files cost nothing.

        `prune` also removes the documents that came from the same folders earlier and are gone from them now.
        """
        ...

    def add_private(self, session_id: str, name: str, data: bytes) -> DocumentInfo:
        """Add a document for this session only; one of the same name is replaced. Raises BadDocument."""
        ...

    def remove_private(self, session_id: str, document_id: str) -> bool:
        """Remove one of this session's documents; True if there was one."""
        ...

    def forget(self, *session_ids: str) -> None:
        """Delete all private documents of these sessions, from the disk as well."""
        ...

    def private_sessions(self) -> list[str]:
        """The ids of all sessions that have private documents."""
        ...

    def health(self) -> None:
        """Return if a search can be answered now. Raises LibraryUnavailable with one line; cheap enough for a probe."""
        ...

    def close(self) -> None:
        """Give the library back. Closing twice is fine."""
        ...
