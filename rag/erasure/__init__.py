"""Deletes all that is stored of a session, and looks whether anything is left of it."""

from rag.erasure.erase import compact, erase
from rag.erasure.marks import Marks, marks_of
from rag.erasure.proof import Place, Proof, look

__all__ = ["Marks", "Place", "Proof", "compact", "erase", "look", "marks_of"]
