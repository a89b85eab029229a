"""The library: articles for everybody, documents for one session only, and the search over both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.knowledge.types import (
    COVERED,
    Document,
    DocumentInfo,
    Failure,
    IngestReport,
    Library,
    Passage,
    Progress,
)

if TYPE_CHECKING:
    from rag.knowledge.embedding.embedders import Embedder
    from rag.settings import Settings

__all__ = [
    "COVERED",
    "Document",
    "DocumentInfo",
    "Failure",
    "IngestReport",
    "Library",
    "Passage",
    "Progress",
    "open_library",
]


def open_library(settings: Settings, embedder: Embedder | None = None) -> Library:
    """The library that these settings name. Raises LibraryUnavailable or BadSetting."""
    # Not imported before: the processes that read or write documents need a small part of this package.
    from rag.knowledge.library import opened

    return opened(settings, embedder)
