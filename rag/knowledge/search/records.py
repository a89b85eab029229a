"""What is known of a stored document: its passages with their words, and the questions that customers ask for it.

The questions are stored with the document's first passage, so that they change and go with it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from rag.knowledge.embedding.embedders import Vectors
from rag.knowledge.search.keywords import tokens
from rag.knowledge.types import DocumentInfo

_STORED = np.float16


@dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """A document's questions, the number of the passage that each leads to, and one vector each."""

    questions: tuple[str, ...]
    passages: tuple[int, ...]
    vectors: Vectors

    @classmethod
    def led(cls, questions: tuple[str, ...], vectors: Vectors, passages: Vectors) -> Questions:
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
    def stored(cls, metadata: Mapping[str, object]) -> Questions:
        """The questions in the metadata of a document's first passage, if there are any."""
        if "asked" not in metadata:
            return NO_QUESTIONS
        questions, passages = json.loads(str(metadata["asked"]))
        vectors = np.frombuffer(base64.b64decode(str(metadata["asked_vectors"])), dtype=_STORED)
        return cls(tuple(questions), tuple(passages), vectors.astype(np.float32).reshape(len(questions), -1))


NO_QUESTIONS = Questions((), (), np.zeros((0, 0), dtype=np.float32))


@dataclass(frozen=True, slots=True)
class Row:
    """A stored passage. `embedded` is what its vector and its keywords are made of."""

    id: str
    document_id: str
    title: str
    heading: str
    text: str
    words: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored document. An empty fingerprint says that it must be written again."""

    info: DocumentInfo
    fingerprint: str
    origin: str
    rows: tuple[Row, ...]
    asked: Questions = field(default=NO_QUESTIONS, repr=False)


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """A document that is ready to be stored: split, and with one vector a passage."""

    entry: Entry
    text: str
    keywords: str
    vectors: Vectors


def make_row(document_id: str, number: int, title: str, heading: str, text: str, keywords: str) -> Row:
    """A passage with its words: those of the title, of the headings, of the keywords and of the text."""
    words = tuple(tokens("\n".join((title, heading, keywords, text))))
    return Row(f"{document_id}#{number}", document_id, title, heading, text, words)
