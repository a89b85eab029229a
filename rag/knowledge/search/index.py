"""All that a search needs of one collection, in memory: vectors, keywords, and the questions that customers ask.

The nearest passages are found exactly, by one product of a matrix and a vector: with a few thousand passages that
takes a fiftieth of what asking an approximate index takes, and no other process has to be asked.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rag.knowledge.embedding.embedders import Vectors
from rag.knowledge.search.keywords import Keywords
from rag.knowledge.search.question_index import QuestionIndex
from rag.knowledge.search.ranking import Ranked, blend, by_rank, lifted
from rag.knowledge.search.records import Entry


class Index:
    """The passages of some documents. Never changes once made, so many threads may read it."""

    def __init__(self, entries: Mapping[str, Entry], *, private: bool) -> None:
        found = [entry for entry in entries.values() if entry.rows]
        numbers = {entry.info.id: number for number, entry in enumerate(found)}
        self.entries = entries
        self._private = private
        self._rows = [row for entry in found for row in entry.rows]
        lengths = [len(entry.rows) for entry in found]
        self._documents = np.repeat(np.arange(len(found)), lengths)
        self._starts = np.cumsum([0, *lengths])[:-1]
        self._vectors = np.concatenate([entry.vectors for entry in found]) if found else np.zeros((0, 0), np.float32)
        self._keywords = Keywords([row.words for row in self._rows])
        self._questions = QuestionIndex((entry.info.id, entry.questions) for entry in found)
        self._with_questions = np.array([numbers[id_] for id_ in self._questions.documents], np.intp)
        self._likeness = np.zeros(len(found))

    def ranked(self, words: list[str], vector: Vectors, count: int) -> list[Ranked]:
        """The `count` best passages, best first. `vector` is a unit vector, `words` are the question's tokens."""
        if not self._rows:
            return []
        own = blend((self._vectors @ vector).clip(0.0, 1.0), self._keywords.scores(words))
        likeness = self._likeness.copy()
        likeness[self._with_questions] = self._questions.likeness(words, vector)
        minus = -lifted(own, self._starts, self._documents, likeness)
        places = minus.argpartition(count - 1)[:count] if count < len(minus) else np.arange(len(minus))
        found = zip(minus[places].tolist(), [self._rows[place] for place in places.tolist()], strict=True)
        return sorted([Ranked(value, row.id, row, self._private) for value, row in found], key=by_rank)
