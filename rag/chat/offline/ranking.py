"""How near texts are to a question: by the meaning of their embeddings, and by the words that they share with it."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass

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

    counts: how many units have a word. numbered, pointing: which have a digit, which only say where to read on.
    """

    units: tuple[Unit, ...]
    vectors: Vectors
    words: tuple[frozenset[str], ...]
    places: tuple[frozenset[str], ...]
    counts: Counter[str]
    numbered: npt.NDArray[np.bool_]
    pointing: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A question as it is compared: `weights` is what each word counts, `own` the words that are not leant on."""

    vector: npt.NDArray[np.float32]
    weights: dict[str, float]
    own: frozenset[str]
    leans: bool


class _Once(Embedder):
    """Embeds a question once, however often it is compared. It holds somebody's words, so it lives as long as a reply
    is being made, and no longer."""

    def __init__(self, embedder: Embedder) -> None:
        self.name = embedder.name
        self._embedder = embedder
        self._known: dict[str, Vectors] = {}

    def embed(self, texts: list[str]) -> Vectors:
        return self._embedder.embed(texts)

    def question(self, text: str) -> Vectors:
        vector = self._known.get(text)
        if vector is None:
            vector = self._known[text] = self._embedder.question(text)
        return vector


class Ranker:
    """Compares texts with questions. Thread-safe; it remembers only what is the same for everybody."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._articles: OrderedDict[tuple[str, str], Ready] = OrderedDict()
        self._examples: dict[tuple[str, ...], Vectors] = {}

    def for_one_reply(self) -> Ranker:
        """The same, that embeds each question once. Not to be kept."""
        ranker = copy(self)
        ranker._embedder = _Once(self._embedder)
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
            return Ready((), np.zeros((0, 1), dtype=np.float32), (), (), Counter(), none, none)
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
        return Ready(
            tuple(found),
            _unit(mixed),
            words,
            tuple(places[unit.place] for unit in found),
            Counter(word for held in words for word in held),
            np.asarray([any(map(str.isdigit, unit.text)) for unit in found]),
            np.asarray([unit.points for unit in found]),
        )

    def question(self, text: str, earlier: Sequence[str], known: Iterable[Ready]) -> Question:
        """A question, with what it may lean on (oldest first): the shorter it is, the more.

        `known` is what it is compared with: a word that few of these units hold counts more.
        """
        known = list(known)
        own = tokens(text)
        size = sum(len(ready.words) for ready in known)

        def count(word: str) -> int:
            return sum(ready.counts[word] for ready in known)

        weights = {
            word: _rarity(n, size) * (1.0 if n else UNKNOWN) for word, n in zip(own, map(count, own), strict=True)
        }
        vector, lean, each = self._embedder.question(text), 1.0, leaning(text) if earlier else 1.0
        for before in reversed(earlier):
            lean *= each
            vector = vector + np.float32(lean) * self._embedder.question(before)
            for word in tokens(before):
                if word not in weights:
                    weights[word] = lean * _rarity(count(word), size)
        return Question(_unit(vector.reshape(1, -1))[0], weights, frozenset(own), bool(earlier))

    def similarity(self, text: str, examples: tuple[str, ...]) -> float:
        """The greatest cosine of a text and any of some phrases of ours, which are remembered."""
        vectors = self._examples.get(examples)
        if vectors is None:
            vectors = self._examples[examples] = self._embedder.embed([*examples])
        return float((vectors @ self._embedder.question(text)).max())


def spoken(text: str) -> list[str]:
    """The words of a text, lower case, without the marks around them."""
    return [
        word
        for word in (part.strip(".,;:!?…\"'“”‘’()¿¡") for part in text.casefold().replace("’", "'").split())
        if word
    ]


def leaning(question: str) -> float:
    """How much a question leans on what was said before it, from 0 to 1: one that is short or refers to it, more."""
    lean = 2 / (2 + len(set(tokens(question))))
    return lean if REFERRING.isdisjoint(spoken(question)) else max(lean, 0.5)


def scores(question: Question, ready: Ready) -> Scores:
    """How near each unit is to the question, about 0 to 1."""
    if not ready.units:
        return np.zeros(0, dtype=np.float32)
    shared = [
        sum(w if word in own else PLACE * w for word, w in question.weights.items() if word in own or word in place)
        for own, place in zip(ready.words, ready.places, strict=True)
    ]
    near = (ready.vectors @ question.vector).clip(0.0, 1.0)
    words = np.asarray(shared) / (sum(question.weights.values()) or 1.0)
    both: Scores = (MEANING * near + (1 - MEANING) * words).astype(np.float32)
    return both


def _rarity(count: int, size: int) -> float:
    return math.log(1 + (size - count + 0.5) / (count + 0.5))


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return unit
