"""The library: articles for everybody, documents for one session only, and the search over both."""

from __future__ import annotations

from rag.knowledge.library import open_library
from rag.knowledge.search.ranking import COVERED
from rag.knowledge.types import (
    Document,
    DocumentInfo,
    Failure,
    IngestReport,
    Library,
    Passage,
    Progress,
)

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
