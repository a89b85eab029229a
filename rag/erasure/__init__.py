"""Deletes all that is stored of a session, and looks whether anything is left of it."""

from rag.erasure.ending import LATER, SWEEP_SECONDS, Cleared, add_document, clear, delete_documents, sweep
from rag.erasure.erase import REWRITE_SECONDS, Erased, compact, erase
from rag.erasure.marks import Marks, marks_of
from rag.erasure.proof import Place, Proof, look

__all__ = [
    "LATER",
    "REWRITE_SECONDS",
    "SWEEP_SECONDS",
    "Cleared",
    "Erased",
    "Marks",
    "Place",
    "Proof",
    "add_document",
    "clear",
    "compact",
    "delete_documents",
    "erase",
    "look",
    "marks_of",
    "sweep",
]
