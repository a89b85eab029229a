"""How near texts are to a question: by the meaning of their embeddings, and by the words that they share with it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from rag.chat.offline.phrases import REFERRING
from rag.chat.offline.units import Unit, units
from rag.chat.prompt import Source
from rag.knowledge.embedding.embedders import Embedder, Vectors
from rag.knowledge.search.keywords import tokens

MEANING = 0.6
"""How much of a unit's score is its meaning; the rest is the words."""
PLACE = 0.5
"""How much the place of a unit says about it, beside its own words."""
UNKNOWN = 0.5
"""What a word of the question counts that nothing has: it may be there in other words."""
FEW = 2
"""A unit of no more words than these says what its place says as well."""
AMOUNT = 1.2
"""A unit with a number counts so much more where the question asks for an amount or a time."""
POINTER = 0.7
"""What a unit counts that only points elsewhere."""
REMEMBERED = 2048
"""Articles' passages whose units are kept ready. A passage of one session only is never kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """Units made ready to be compared: a unit vector of each, and how much it counts.

    counts: in the first row by itself, in the second where an amount is asked for.
    having: of each word, the numbers of the units that have it: with 1, or with PLACE if their place alone does.
    sources: where several are joined, the one that each unit is of.
    """

    units: Sequence[Unit]
    vectors: Vectors
    counts: npt.NDArray[np.float64]
    having: dict[str, dict[int, float]]
    sources: Sequence[Source] = ()


NOTHING = Ready((), np.zeros((0, 1), dtype=np.float32), np.zeros((2, 0)), {})


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A question as it is compared: `weights` is what each word counts, `own` the words that are not leant on."""

    vector: Vectors
    weights: dict[str, float]
    own: Sequence[str]
    leans: bool


class Ranker:
    """Compares texts with questions. Thread-safe; it remembers only what is the same for everybody."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._vector: Callable[[str], Vectors] = embedder.question
        self.tokens: Callable[[str], list[str]] = tokens
        self.spoken: Callable[[str], list[str]] = spoken
        self._article = lru_cache(REMEMBERED)(self._passage)
        self._examples: Callable[[tuple[str, ...]], Vectors] = cache(lambda texts: embedder.embed([*texts]))

    def for_one_reply(self) -> Ranker:
        """The same, that embeds and splits each text once. It holds somebody's words: not to be kept."""
        ranker = copy(self)
        ranker._vector = cache(self._vector)
        ranker.tokens, ranker.spoken = cache(tokens), cache(spoken)
        return ranker

    def sources(self, sources: Sequence[Source], asked: Iterable[str]) -> Ready:
        """The units of all sources as one. It knows only those of their words that `asked` has, too."""
        passages = [(self._passage if one.private else self._article)(one.text, one.label) for one in sources]
        found: list[Unit] = []
        having: dict[str, dict[int, float]] = {word: {} for text in asked for word in self.tokens(text)}
        for passage in passages:
            for word in having.keys() & passage.having.keys():
                having[word] |= {len(found) + number: part for number, part in passage.having[word].items()}
            found += passage.units
        if not found:
            return NOTHING
        return Ready(
            found,
            np.concatenate([passage.vectors for passage in passages if passage.units]),
            np.concatenate([passage.counts for passage in passages], axis=1),
            having,
            [source for source, passage in zip(sources, passages, strict=True) for _ in passage.units],
        )

    def _passage(self, text: str, place: str) -> Ready:
        return self.ready([*units(text, place)])

    def ready(self, found: Sequence[Unit]) -> Ready:
        """These units, embedded in their places."""
        if not found:
            return NOTHING
        where = list(dict.fromkeys(unit.place for unit in found if unit.place))
        vectors = self._embedder.embed([*(unit.text for unit in found), *where])
        at = {"": np.zeros_like(vectors[0]), **dict(zip(where, vectors[len(found) :], strict=True))}
        placed = {place: set(tokens(place)) for place in at}
        having: dict[str, dict[int, float]] = defaultdict(dict)
        parts, counts = [], []
        for number, unit in enumerate(found):
            own = set(tokens(unit.text))
            part = PLACE if len(own) > FEW else 1.0
            count = POINTER if unit.points else 1.0
            parts.append([part])
            counts.append([count, count * AMOUNT if any(map(str.isdigit, unit.text)) else count])
            for word in placed[unit.place]:
                having[word][number] = part
            for word in own:
                having[word][number] = 1.0
        placing = np.asarray(parts, dtype=np.float32) * np.stack([at[unit.place] for unit in found])
        return Ready(found, _unit(vectors[: len(found)] + placing), np.transpose(counts), having)

    def question(self, text: str, earlier: Sequence[str], known: Ready = NOTHING) -> Question:
        """A question, with what it may lean on (oldest first): the shorter it is, the more.

        `known` is what it is compared with: a word that few of these units hold counts more.
        """

        def rarity(word: str, unheard: float = 1.0) -> float:
            count = [*known.having.get(word, {}).values()].count(1.0)
            return math.log(1 + (len(known.units) - count + 0.5) / (count + 0.5)) * (1.0 if count else unheard)

        weights = {word: rarity(word, UNKNOWN) for word in self.tokens(text)}
        own, vector, lean = [*weights], self._vector(text), 1.0
        each = leaning(own, self.spoken(text))
        for before in reversed(earlier):
            lean *= each
            vector = vector + np.float32(lean) * self._vector(before)
            for word in self.tokens(before):
                if word not in weights:
                    weights[word] = lean * rarity(word)
        return Question(_unit(vector), weights, own, bool(earlier))

    def similarity(self, text: str, examples: tuple[str, ...]) -> float:
        """The greatest cosine of a text and any of some phrases of ours, which are remembered."""
        return float((self._examples(examples) @ self._vector(text)).max())


def spoken(text: str) -> list[str]:
    """The words of a text, lower case, without the marks around them."""
    parts = text.casefold().replace("’", "'").split()
    return [word for part in parts if (word := part.strip(".,;:!?…\"'“”‘’()¿¡"))]


def leaning(words: Sequence[str], said: Sequence[str]) -> float:
    """How much a question leans on what was said before it, from 0 to 1: one that is short or refers to it, more.

    words, said: its tokens, and all of it that is spoken.
    """
    lean = 2 / (2 + len(set(words)))
    return lean if REFERRING.isdisjoint(said) else max(lean, 0.5)


def scores(question: Question, ready: Ready) -> Vectors:
    """How near each unit is to the question, about 0 to 1."""
    shared = [0.0] * len(ready.units)
    for word, weight in question.weights.items():
        for number, part in ready.having.get(word, {}).items():
            shared[number] += part * weight
    near = np.minimum(np.maximum(ready.vectors @ question.vector, 0.0), 1.0)
    words = np.asarray(shared) / (sum(question.weights.values()) or 1.0)
    both: Vectors = (MEANING * near + (1 - MEANING) * words).astype(np.float32)
    return both


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Vectors = (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return unit
