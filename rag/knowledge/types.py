"""The values that the library gives out, all frozen: what a page, a chat or a test stands on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

COVERED = 0.27
"""A best score under this says that the library does not cover the question. Chosen as the numbers in `search`."""

Outcome = Literal["added", "changed", "unchanged", "removed", "failed"]


class Owner(NamedTuple):
    """Of a private collection: a session, and how that names the collection that it has now; empty: it names none.

    A session that is cleared, or that ends, and goes on names another one. So what it had is not found from then on,
    whenever that is deleted.
    """

    session_id: str
    collection: str = ""


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

    def scored(self, score: float) -> Passage:
        """The same with this score. (`replace` takes five times as long.)"""
        return Passage(self.id, self.document_id, self.title, self.heading, self.text, score, self.private)


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
    failed: tuple[Failure, ...] = ()
