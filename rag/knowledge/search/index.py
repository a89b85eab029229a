"""All that a search needs of one collection, in memory: vectors, keywords, and the questions that customers ask.

The nearest passages are found exactly, by one product of a matrix and a vector: with a few thousand passages that
takes a fiftieth of what asking an approximate index takes, and no other process has to be asked.

An article's front matter may name questions as customers type them: more ways to find it, and never shown. They are
compared with each other and with no passage: a document is as likely as the best of its own questions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from rag.knowledge.embedding.embedders import Vectors
from rag.knowledge.search.keywords import Keywords, Scores, tokens
from rag.knowledge.search.ranking import Ranked, Values, blend, lifted
from rag.knowledge.search.records import Entry


class Texts:
    """Texts as their words and one vector each, document by document. At least one."""

    def __init__(self, words: Sequence[Sequence[str]], vectors: Sequence[Vectors]) -> None:
        self.starts = np.cumsum([0, *map(len, vectors)])[:-1]
        self._vectors = np.concatenate(vectors)
        self._keywords = Keywords(words)

    def scores(self, words: list[str], vector: Vectors) -> Scores:
        """How much like a question each text is, 0 to 1."""
        return blend((self._vectors @ vector).clip(0.0, 1.0), self._keywords.scores(words))


class Index:
    """The passages of some documents. Never changes once made, so many threads may read it."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self.entries = entries
        found = [entry for entry in entries.values() if entry.passages]
        self._passages = [passage for entry in found for passage in entry.passages]
        ids = np.asarray([passage.id for passage in self._passages])
        self._by_id = ids.argsort(kind="stable").argsort()
        """The place of each passage among all of them in order of their ids."""
        self._documents = np.repeat(np.arange(len(found)), [len(entry.passages) for entry in found])
        self._texts = found and Texts([words for one in found for words in one.words], [one.vectors for one in found])
        self._asked = [number for number, entry in enumerate(found) if entry.questions.texts]
        questions = [found[number].questions for number in self._asked]
        words = [tokens(text) for one in questions for text in one.texts]
        self._questions = questions and Texts(words, [one.vectors for one in questions])
        self._count = len(found)

    def ranked(self, words: list[str], vector: Vectors, count: int) -> Iterator[Ranked]:
        """The `count` best passages, best first, as they are asked for. `vector` is a unit vector, `words` are the
        question's tokens."""
        if not self._texts:
            return
        own = self._texts.scores(words, vector)
        minus = -lifted(own, self._texts.starts, self._documents, self.asked(words, vector))
        places = minus.argpartition(count - 1)[:count] if count < len(minus) else np.arange(len(minus))
        places = places[np.lexsort((self._by_id[places], minus[places]))]
        for value, place in zip(minus[places].tolist(), places.tolist(), strict=True):
            passage = self._passages[place]
            yield Ranked(value, passage.id, passage)

    def asked(self, words: list[str], vector: Vectors) -> Values:
        """How much like the best of its own questions each document was asked for, 0 to 1."""
        likeness = np.zeros(self._count)
        if self._questions:
            scores = self._questions.scores(words, vector)
            likeness[self._asked] = np.maximum.reduceat(scores, self._questions.starts)
        return likeness
