"""A file's bytes into a document ready to be stored: read, split, embedded. Touches neither disk nor Chroma."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from rag.knowledge.embedding.embedders import Embedder, Vectors
from rag.knowledge.parsing.document import ParsedDocument
from rag.knowledge.search.records import Entry, Questions, make_passage
from rag.knowledge.types import DocumentInfo

VERSION = "5"
"""Part of every fingerprint: raise it when documents must be split or embedded again."""

CONTEXT = 0.3
"""How much of its document, and of the title, is in a passage's vector."""


Parse = Callable[[str, bytes], ParsedDocument]
"""A file's name and bytes to what it says: DocumentReader.read, or `parse` for what is trusted. Raises BadDocument."""


def fingerprint(name: str, data: bytes) -> str:
    """The same for as long as the document would be stored the same."""
    return hashlib.sha256(b"\0".join([VERSION.encode(), name.encode(), data])).hexdigest()


def prepare(
    name: str, data: bytes, document_id: str, origin: str, embedder: Embedder, parse: Parse, *, private: bool
) -> Entry:
    """Raises BadDocument when the file cannot be read, LibraryUnavailable when the embeddings' server cannot.

    A private document has no questions of its own: it must not outrank the articles by what it says of itself.
    """
    parsed = parse(name, data)
    questions, chunks = () if private else parsed.asked, parsed.chunks
    texts = [chunk.embedded(parsed.title, parsed.keywords) for chunk in chunks]
    made = embedder.embed([*texts, parsed.title, *questions])
    vectors = in_context(made[: len(texts) + 1])
    found = Questions.made(questions, made[len(texts) + 1 :])
    info = DocumentInfo(document_id, parsed.title, name, len(chunks), len(parsed.text), private)
    passages = tuple(make_passage(info, number, chunk.heading, chunk.text) for number, chunk in enumerate(chunks))
    keywords = ", ".join(parsed.keywords)
    return Entry(info, fingerprint(name, data), origin, keywords, passages, vectors, found, parsed.text)


def in_context(vectors: Vectors) -> Vectors:
    """Unit vectors of the passages, each drawn a little towards its document. The last row given is the title's."""
    passages, title = vectors[:-1], vectors[-1]
    drawn = passages + CONTEXT * (title + passages.mean(axis=0))
    unit: Vectors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return unit
