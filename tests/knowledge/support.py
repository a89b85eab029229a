"""Settings on a temporary folder, small documents, and an embedder that keeps count."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from rag.knowledge.embedding.embedders import Embedder, Vectors, WordLlamaEmbedder
from rag.knowledge.library import Library
from rag.knowledge.storage.embedded import EmbeddedStore
from rag.settings import Settings


def settings(folder: Path, **overrides: object) -> Settings:
    return Settings(state_dir=folder / "state", knowledge_dir=folder / "knowledge", **overrides)  # type: ignore[arg-type]


@cache
def wordllama() -> WordLlamaEmbedder:
    return WordLlamaEmbedder()


class RecordingEmbedder(Embedder):
    """WordLlama, with the number of texts of every call."""

    def __init__(self, name: str = WordLlamaEmbedder.name) -> None:
        self.name = name
        self.calls: list[int] = []

    def embed(self, texts: list[str]) -> Vectors:
        self.calls.append(len(texts))
        return wordllama().embed(texts)

    def question(self, text: str) -> Vectors:
        return wordllama().question(text)


@contextmanager
def library(folder: Path, embedder: Embedder | None = None) -> Iterator[Library]:
    """The library of this folder, with an embedder that is made once."""
    used = settings(folder)
    embedder = embedder or wordllama()
    opened = Library(EmbeddedStore(used.state_dir, embedder.name), embedder, used.knowledge_dir)
    try:
        yield opened
    finally:
        opened.close()


def write(folder: Path, **files: str) -> Path:
    """Write `a__b="text"` as a/b.md under folder/knowledge, and return that folder."""
    root = folder / "knowledge"
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ".md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def pdf(text: str, *, password: str | None = None) -> bytes:
    """A PDF of one page; encrypted by pypdf if there is a password."""
    out = pdf_of(1, f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET".encode("latin-1"))
    return _encrypted(out, password) if password else out


def pdf_of(pages: int, drawn: bytes) -> bytes:
    """A PDF written by hand whose pages all show the same."""
    packed = zlib.compress(drawn)
    kids = b" ".join(b"%d 0 R" % (5 + page) for page in range(pages))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, pages),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed),
        *[
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
            b" /Resources << /Font << /F1 3 0 R >> >> >>"
        ]
        * pages,
    ]
    out, table = bytearray(b"%PDF-1.4\n"), b"0000000000 65535 f \n"
    for number, body in enumerate(objects, 1):
        table += b"%010d 00000 n \n" % len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    size = len(objects) + 1
    trailer = b"xref\n0 %d\n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return bytes(out + trailer % (size, table, size, len(out)))


def _encrypted(plain: bytes, password: str) -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(plain)))
    writer.encrypt(password, algorithm="AES-256")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()
