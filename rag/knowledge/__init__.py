"""The library: articles for everybody, documents for one session only, and the search over both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rag.knowledge.types import COVERED, Document, DocumentInfo, Failure, IngestReport, Owner, Passage, Progress

if TYPE_CHECKING:
    from rag.knowledge.library import Library, open_library

__all__ = [
    "COVERED",
    "Document",
    "DocumentInfo",
    "Failure",
    "IngestReport",
    "Library",
    "Owner",
    "Passage",
    "Progress",
    "open_library",
]


if not TYPE_CHECKING:  # which would take it for a promise that every name is there

    def __getattr__(name: str) -> Any:
        # Not imported before: the processes that read or write documents need a small part of this package.
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from rag.knowledge import library

        return getattr(library, name)
