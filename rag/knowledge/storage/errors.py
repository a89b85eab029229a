"""What may pass when it is tried again."""

from __future__ import annotations

from rag.errors import LibraryUnavailable


class LibraryBusy(LibraryUnavailable):
    """Another process or thread is writing. What is in memory can be searched meanwhile."""


class OutOfDate(LibraryBusy):
    """Somebody else wrote to the collection meanwhile: read it again, and decide again."""
