"""What is known of a stored document: its passages with their words, and the questions that customers ask for it.

The questions are stored with the document's first passage, so that they change and go with it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from rag.knowledge.embedding.embedders import Vectors
from rag.knowledge.search.keywords import tokens
from rag.knowledge.types import DocumentInfo, Passage

_STORED = np.float16


@dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """The questions of one document, and one vector each."""

    texts: tuple[str, ...]
    vectors: Vectors

    @classmethod
    def made(cls, texts: tuple[str, ...], vectors: Vectors) -> Questions:
        """Rounded as they are stored, so that a score is the same before and after a restart."""
        return cls(texts, vectors.astype(_STORED).astype(np.float32))

    def metadata(self) -> dict[str, str]:
        """What `stored` reads: texts only, because Chroma keeps no others in metadata."""
        if not self.texts:
            return {}
        packed = base64.b64encode(self.vectors.astype(_STORED).tobytes()).decode("ascii")
        return {"questions": json.dumps(self.texts), "question_vectors": packed}

    @classmethod
    def stored(cls, metadata: Mapping[str, object]) -> Questions:
        """The questions in the metadata of a document's first passage, if there are any."""
        if "questions" not in metadata:
            return NO_QUESTIONS
        texts = tuple(json.loads(str(metadata["questions"])))
        vectors = np.frombuffer(base64.b64decode(str(metadata["question_vectors"])), dtype=_STORED)
        return cls(texts, vectors.astype(np.float32).reshape(len(texts), -1))


NO_QUESTIONS = Questions((), np.zeros((0, 0), dtype=np.float32))


@dataclass(frozen=True, eq=False)
class Entry:
    """A document, with one vector a passage. `keywords` are those of its front matter.

    An empty fingerprint says that it must be written again. Once it is stored, its whole text is in Chroma only.
    """

    info: DocumentInfo
    fingerprint: str
    origin: str
    keywords: str
    passages: tuple[Passage, ...]
    vectors: Vectors = field(repr=False)
    questions: Questions = NO_QUESTIONS
    text: str = field(default="", repr=False)

    @cached_property
    def words(self) -> list[tuple[str, ...]]:
        """Those of each passage: of the title, of the headings, of the keywords and of the text. As tuples: the garbage
        collector passes over those that hold only texts, and looking at all of them would stop every turn."""
        return [tuple(tokens("\n".join((one.title, one.heading, self.keywords, one.text)))) for one in self.passages]


def make_passage(info: DocumentInfo, number: int, heading: str, text: str) -> Passage:
    """A document's passage of this number, as nobody has asked for it yet."""
    return Passage(f"{info.id}#{number}", info.id, info.title, heading, text, 0.0, info.private)
