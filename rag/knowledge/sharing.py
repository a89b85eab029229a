"""Embedded Chroma belongs to one process at a time."""

from __future__ import annotations

from rag.knowledge.chroma import Store
from rag.knowledge.embeddings import make_embedder
from rag.knowledge.library import ChromaLibrary
from rag.knowledge.types import Library
from rag.settings import Settings


def open_library(settings: Settings) -> Library:
    """The library that these settings name."""
    embedder = make_embedder(settings)
    (settings.state_dir / "library").mkdir(parents=True, exist_ok=True, mode=0o700)
    return ChromaLibrary(Store(settings, embedder.name), embedder, settings.knowledge_dir)
