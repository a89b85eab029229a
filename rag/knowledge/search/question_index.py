"""Questions as customers type them, named by an article's front matter: more ways to find it, and never shown.

They are compared with each other and with no passage: a document is as likely as the best of its own questions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rag.knowledge.embedding.embedders import Vectors
from rag.knowledge.search.keywords import Keywords, Scores, tokens
from rag.knowledge.search.ranking import blend
from rag.knowledge.search.records import NO_QUESTIONS, Questions


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """How much like the best of its own questions each document was asked for, 0 to 1, in the order of `documents`.

    `led`: the passages that those questions lead to, of the likest documents, the likest first.
    """

    scores: Scores
    led: list[str]


class QuestionIndex:
    """All questions of some documents. Never changes once made, so many threads may read it."""

    def __init__(self, documents: Iterable[tuple[str, Questions]] = ()) -> None:
        found = [(document_id, asked) for document_id, asked in documents if asked.questions]
        counts = [len(asked.questions) for _, asked in found]
        self.documents = [document_id for document_id, _ in found]
        self._leads = [f"{document_id}#{number}" for document_id, asked in found for number in asked.passages]
        self._starts = np.cumsum([0, *counts])[:-1]
        self._document = np.repeat(np.arange(len(found)), counts)
        self._vectors = np.concatenate([asked.vectors for _, asked in found]) if found else NO_QUESTIONS.vectors
        self._keywords = Keywords([tokens(question) for _, asked in found for question in asked.questions])

    def likeness(self, words: list[str], vector: Vectors, led: int) -> Likeness:
        """Of each document that has questions, with the passages of the `led` likest."""
        if not self._leads:
            return Likeness(np.zeros(0, dtype=np.float32), [])
        scores = blend((self._vectors @ vector).clip(0.0, 1.0), self._keywords.scores(words))
        best = np.maximum.reduceat(scores, self._starts)
        likest = np.flatnonzero(scores == best[self._document])
        lead = np.zeros(len(best), dtype=np.intp)
        lead[self._document[likest]] = likest
        return Likeness(best, [self._leads[number] for number in lead[best.argsort()[::-1][:led]].tolist()])
