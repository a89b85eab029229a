"""Questions as customers type them, named by an article's front matter: more ways to find it, and never shown.

They are compared with each other and with no passage: a document is as likely as the best of its own questions.
Stored with the document's first passage, so that they change and go with it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from rag.knowledge.embeddings import Vectors
from rag.knowledge.keywords import Keywords, Scores, tokens
from rag.knowledge.ranking import blend

_STORED = np.float16


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A document's questions, the number of the passage that each leads to, and one vector each."""

    questions: tuple[str, ...]
    passages: tuple[int, ...]
    vectors: Vectors

    @classmethod
    def led(cls, questions: tuple[str, ...], vectors: Vectors, passages: Vectors) -> Asked:
        """Each question leads to the nearest of the document's passages, given by their vectors."""
        nearest = (vectors @ passages.T).argmax(axis=1) if questions else ()
        # Rounded as they are stored, so that a score is the same before and after a restart.
        rounded = vectors.astype(_STORED).astype(np.float32)
        return cls(questions, tuple(int(number) for number in nearest), rounded)

    def metadata(self) -> dict[str, str]:
        """What `stored` reads: texts only, because Chroma keeps no others in metadata."""
        if not self.questions:
            return {}
        packed = base64.b64encode(self.vectors.astype(_STORED).tobytes()).decode("ascii")
        return {"asked": json.dumps([self.questions, self.passages]), "asked_vectors": packed}

    @classmethod
    def stored(cls, metadata: Mapping[str, object]) -> Asked:
        """The questions in the metadata of a document's first passage, if there are any."""
        if "asked" not in metadata:
            return NOTHING_ASKED
        questions, passages = json.loads(str(metadata["asked"]))
        vectors = np.frombuffer(base64.b64decode(str(metadata["asked_vectors"])), dtype=_STORED)
        return cls(tuple(questions), tuple(passages), vectors.astype(np.float32).reshape(len(questions), -1))


NOTHING_ASKED = Asked((), (), np.zeros((0, 0), dtype=np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """How much like the best of its own questions each document was asked for, 0 to 1, in the order of `documents`.

    `led`: the passages that those questions lead to, of the likest documents, the likest first.
    """

    scores: Scores
    led: list[str]


class AskedIndex:
    """All questions of some documents. Never changes once made, so many threads may read it."""

    def __init__(self, documents: Iterable[tuple[str, Asked]] = ()) -> None:
        found = [(document_id, asked) for document_id, asked in documents if asked.questions]
        counts = [len(asked.questions) for _, asked in found]
        self.documents = [document_id for document_id, _ in found]
        self._leads = [f"{document_id}#{number}" for document_id, asked in found for number in asked.passages]
        self._starts = np.cumsum([0, *counts])[:-1]
        self._document = np.repeat(np.arange(len(found)), counts)
        self._vectors = np.concatenate([asked.vectors for _, asked in found]) if found else NOTHING_ASKED.vectors
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
