"""What a stranger's document may cost. Its name and size are judged here, before anything reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from rag.errors import BadDocument

MAX_BYTES = 10 * 1024 * 1024
MAX_CHARACTERS = 10_000_000
"""Of readable text: some formats say in a few bytes what is long when it is written out."""

MAX_DEPTH = 200
"""Elements of HTML inside one another."""

MAX_PAGES = 2000
MAX_OPERATORS = 1_000_000
"""Drawing instructions of a PDF, all pages together."""

MAX_LABEL = 300
"""Characters of a title, a path of headings, a keyword or a question: each is repeated for every passage."""

MAX_LABELS = 100
"""Keywords, and questions, of one document."""

SUFFIXES = (".md", ".markdown", ".txt", ".html", ".htm", ".pdf")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may take: seconds and bytes of the process that reads it, passages of the server's memory."""

    seconds: float
    passages: int
    memory: int = 512 * 1024 * 1024


UPLOADED = Limits(20, 5000)
"""A novel of a thousand pages has fewer passages."""

OWN = Limits(120, 100_000)
"""Articles that whoever runs the server gives: a book in PDF takes a minute."""


def check(name: str, data: bytes) -> None:
    """Raise BadDocument for a file that is empty, too large or of a kind that cannot be read."""
    suffix = PurePath(name).suffix.lower()
    if suffix not in SUFFIXES:
        known = ", ".join(SUFFIXES[:-1]) + " or " + SUFFIXES[-1]
        kind = suffix or "without suffix"
        raise BadDocument(name, f"files of the kind {kind} cannot be read", f"It was skipped; give {known}.")
    if len(data) > MAX_BYTES:
        raise too_large(name, len(data))
    if not data or data.isspace():
        raise BadDocument(name, "the file is empty")


def too_large(name: str, size: int) -> BadDocument:
    """The error for a file over the limit."""
    return BadDocument(name, f"the file has {size / 1024 / 1024:.1f} MB, more than 10", "It was skipped; split it.")


def too_much(name: str, what: str) -> BadDocument:
    """The error for a document that asks for more than a limit; `what` says which."""
    return BadDocument(name, what, "It was skipped; split it, or give it as plain text.")
