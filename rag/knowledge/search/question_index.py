"""Questions as customers type them, named by an article's front matter: more ways to find it, and never shown.

They are compared with each other and with no passage: a document is as likely as the best of its own questions.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rag.knowledge.embedding.embedders import Vectors
from rag.knowledge.search.keywords import Keywords, Scores, tokens
from rag.knowledge.search.ranking import blend
from rag.knowledge.search.records import NO_QUESTIONS, Questions


class QuestionIndex:
    """All questions of some documents. Never changes once made, so many threads may read it."""

    def __init__(self, documents: Iterable[tuple[str, Questions]] = ()) -> None:
        found = [(document_id, questions) for document_id, questions in documents if questions.texts]
        counts = [len(questions.texts) for _, questions in found]
        self.documents = [document_id for document_id, _ in found]
        """The ids of the documents that have questions."""
        self._starts = np.cumsum([0, *counts])[:-1]
        self._vectors = np.concatenate([questions.vectors for _, questions in found] or [NO_QUESTIONS.vectors])
        self._keywords = Keywords([tokens(text) for _, questions in found for text in questions.texts])

    def likeness(self, words: list[str], vector: Vectors) -> Scores:
        """How much like the best of its own questions each of `documents` was asked for, 0 to 1."""
        if not self.documents:
            return np.zeros(0, dtype=np.float32)
        scores = blend((self._vectors @ vector).clip(0.0, 1.0), self._keywords.scores(words))
        best: Scores = np.maximum.reduceat(scores, self._starts)
        return best
