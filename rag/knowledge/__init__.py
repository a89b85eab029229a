"""The library: articles for everybody, documents for one session only, and the search over both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.knowledge.types import (
    Document,
    DocumentInfo,
    Failure,
    IngestReport,
    Library,
    Passage,
    Progress,
)

if TYPE_CHECKING:
    from rag.knowledge.library import open_library
    from rag.knowledge.search.ranking import COVERED

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


def __getattr__(name: str) -> object:
    """What needs Chroma is imported when it is asked for: the process that reads documents never does."""
    if name == "open_library":
        from rag.knowledge.library import open_library

        return open_library
    if name == "COVERED":
        from rag.knowledge.search.ranking import COVERED

        return COVERED
    raise AttributeError(name)
