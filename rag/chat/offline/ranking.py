"""How near texts are to a question: by the meaning of their embeddings, and by the words that they share with it."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cache

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
REMEMBERED = 2048
"""Articles' passages whose units are kept ready. A passage of one session only is never kept."""

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """Texts made ready to be compared: a unit vector and the words of each, and the words of its place.

    having, placed: the numbers of the units that have a word, and of those whose place alone has it.
    numbered, pointing: which have a digit, which only say where to read on.
    """

    units: tuple[Unit, ...]
    vectors: Vectors
    words: tuple[frozenset[str], ...]
    places: tuple[frozenset[str], ...]
    having: dict[str, list[int]]
    placed: dict[str, list[int]]
    numbered: npt.NDArray[np.bool_]
    pointing: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A question as it is compared: `weights` is what each word counts, `own` the words that are not leant on."""

    vector: npt.NDArray[np.float32]
    weights: dict[str, float]
    own: frozenset[str]
    leans: bool


class Ranker:
    """Compares texts with questions. Thread-safe; it remembers only what is the same for everybody."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._vector: Callable[[str], Vectors] = embedder.question
        self.tokens: Callable[[str], list[str]] = tokens
        self.spoken: Callable[[str], list[str]] = spoken
        self._articles: OrderedDict[tuple[str, str], Ready] = OrderedDict()
        self._examples: dict[tuple[str, ...], Vectors] = {}

    def for_one_reply(self) -> Ranker:
        """The same, that embeds and splits each text once. It holds somebody's words: not to be kept."""
        ranker = copy(self)
        ranker._vector = cache(self._vector)
        ranker.tokens, ranker.spoken = cache(tokens), cache(spoken)
        return ranker

    def source(self, source: Source) -> Ready:
        """The units of a source."""
        if source.private:
            return self.ready(units(source.text, source.label))
        key = (source.label, source.text)
        ready = self._articles.get(key)
        if ready is None:
            ready = self._articles[key] = self.ready(units(source.text, source.label))
            while len(self._articles) > REMEMBERED:
                self._articles.popitem(last=False)
        return ready

    def ready(self, found: Sequence[Unit]) -> Ready:
        """These units, embedded in their places."""
        if not found:
            none = np.zeros(0, dtype=np.bool_)
            return Ready((), np.zeros((0, 1), dtype=np.float32), (), (), {}, {}, none, none)
        alone = self._embedder.embed([unit.text for unit in found])
        where = list(dict.fromkeys(unit.place for unit in found if unit.place))
        at = {"": np.zeros_like(alone[0])}
        if where:
            at.update(zip(where, self._embedder.embed(where), strict=True))
        places = {place: frozenset(tokens(place)) for place in at}
        spoken_of = [frozenset(tokens(unit.text)) for unit in found]
        words = tuple(
            own if len(own) > FEW else own | places[unit.place] for own, unit in zip(spoken_of, found, strict=True)
        )
        parts = np.asarray([PLACE if len(own) > FEW else 1.0 for own in spoken_of], dtype=np.float32)
        mixed: Vectors = alone + parts[:, np.newaxis] * np.stack([at[unit.place] for unit in found])
        around = tuple(places[unit.place] for unit in found)
        return Ready(
            tuple(found),
            _unit(mixed),
            words,
            around,
            _numbers(words),
            _numbers(place - own for own, place in zip(words, around, strict=True)),
            np.asarray([any(map(str.isdigit, unit.text)) for unit in found]),
            np.asarray([unit.points for unit in found]),
        )

    def question(self, text: str, earlier: Sequence[str], known: Iterable[Ready]) -> Question:
        """A question, with what it may lean on (oldest first): the shorter it is, the more.

        `known` is what it is compared with: a word that few of these units hold counts more.
        """
        known = list(known)
        own = self.tokens(text)
        size = sum(len(ready.words) for ready in known)

        def count(word: str) -> int:
            return sum(len(ready.having.get(word, ())) for ready in known)

        weights = {
            word: _rarity(n, size) * (1.0 if n else UNKNOWN) for word, n in zip(own, map(count, own), strict=True)
        }
        vector, lean, each = self._vector(text), 1.0, self.leaning(text) if earlier else 1.0
        for before in reversed(earlier):
            lean *= each
            vector = vector + np.float32(lean) * self._vector(before)
            for word in self.tokens(before):
                if word not in weights:
                    weights[word] = lean * _rarity(count(word), size)
        return Question(_unit(vector.reshape(1, -1))[0], weights, frozenset(own), bool(earlier))

    def similarity(self, text: str, examples: tuple[str, ...]) -> float:
        """The greatest cosine of a text and any of some phrases of ours, which are remembered."""
        vectors = self._examples.get(examples)
        if vectors is None:
            vectors = self._examples[examples] = self._embedder.embed([*examples])
        return float((vectors @ self._vector(text)).max())

    def leaning(self, question: str) -> float:
        return leaning(self.tokens(question), self.spoken(question))


def spoken(text: str) -> list[str]:
    """The words of a text, lower case, without the marks around them."""
    return [
        word
        for word in (part.strip(".,;:!?…\"'“”‘’()¿¡") for part in text.casefold().replace("’", "'").split())
        if word
    ]


def leaning(words: Sequence[str], said: Sequence[str]) -> float:
    """How much a question leans on what was said before it, from 0 to 1: one that is short or refers to it, more.

    words, said: its tokens, and all of it that is spoken.
    """
    lean = 2 / (2 + len(set(words)))
    return lean if REFERRING.isdisjoint(said) else max(lean, 0.5)


def scores(question: Question, *texts: Ready) -> Scores:
    """How near each unit is to the question, about 0 to 1: those of all these texts, one after the other."""
    shared: list[float] = []
    for ready in texts:
        start = len(shared)
        shared += [0.0] * len(ready.units)
        for word, weight in question.weights.items():
            for number in ready.having.get(word, ()):
                shared[start + number] += weight
            for number in ready.placed.get(word, ()):
                shared[start + number] += PLACE * weight
    if not shared:
        return np.zeros(0, dtype=np.float32)
    vectors = np.concatenate([ready.vectors for ready in texts if ready.units])
    near = np.minimum(np.maximum(vectors @ question.vector, 0.0), 1.0)
    words = np.asarray(shared) / (sum(question.weights.values()) or 1.0)
    both: Scores = (MEANING * near + (1 - MEANING) * words).astype(np.float32)
    return both


def _numbers(texts: Iterable[frozenset[str]]) -> dict[str, list[int]]:
    """Of the texts that have a word."""
    found: dict[str, list[int]] = {}
    for number, words in enumerate(texts):
        for word in words:
            found.setdefault(word, []).append(number)
    return found


def _rarity(count: int, size: int) -> float:
    return math.log(1 + (size - count + 0.5) / (count + 0.5))


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return unit
