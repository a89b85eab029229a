"""The keyword half of the retrieval: BM25 over an immutable list of texts.

Scores are divided by the best that the question could reach, so they are 0 to 1 and can be compared between indexes.
Words of the question that no text has count as missing: they lower every score.
"""

from __future__ import annotations

import logging
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import bm25s
import numpy as np
import numpy.typing as npt
from bm25s.tokenization import STOPWORDS_EN_PLUS

# bm25s sets its logger to DEBUG when it is imported, so its steps pass whatever level the program chose.
logging.getLogger("bm25s").setLevel(logging.WARNING)

_WORD = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
_JOINT = re.compile(r"[-.']")
_CHATTER = """i'm i've i'd i'll im ive please hi hello thanks thank hey ok okay want wanna need get got can't cant
does did could would should tell know much many"""
STOPWORDS = frozenset(STOPWORDS_EN_PLUS) | frozenset(_CHATTER.split())

Scores = npt.NDArray[np.float32]


def tokens(text: str) -> list[str]:
    """The words that count, folded: lower case, no accents, plural as singular; compounds and their parts."""
    folded = text.lower()
    if not folded.isascii():
        folded = unicodedata.normalize("NFKD", folded.replace("’", "'"))
        folded = "".join(c for c in folded if not unicodedata.combining(c))
    words = _WORD.findall(folded)
    if not "".join(words).isalnum():
        words = [part for word in words for part in ((word,) if word.isalnum() else (word, *_JOINT.split(word)))]
    return [
        _singular(word) if word[-1] == "s" else word
        for word in words
        if word not in STOPWORDS and (len(word) > 1 or word.isdigit())
    ]


def _singular(word: str) -> str:
    # Not cached: words that one person alone has said would stay here.
    # Harman's S-stemmer (1991): the weakest of stemmers, and so the one that never joins strangers.
    if len(word) > 4 and word.endswith("ies") and word[-4] not in "ae":
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith("es") and word[-3] not in "aeo":
        return word[:-1]
    if len(word) > 3 and word.endswith("s") and word[-2] not in "us'":
        return word[:-1]
    return word


class Keywords:
    """A BM25 index over token lists. Never changes once made, so many threads may read it."""

    def __init__(self, texts: Sequence[Sequence[str]]) -> None:
        self._frequency = Counter(word for text in texts for word in set(text))
        self._size = len(texts)
        self._index = bm25s.BM25(k1=1.2, b=0.6) if self._frequency else None
        if self._index:
            self._index.index([list(text) for text in texts], show_progress=False)

    def scores(self, words: list[str]) -> Scores:
        """One score from 0 to 1 for each text."""
        known = [word for word in dict.fromkeys(words) if word in self._frequency]
        if not known or self._index is None:
            return np.zeros(self._size, dtype=np.float32)
        best = sum(self._weight(word) for word in dict.fromkeys(words))
        scores: Scores = self._index.get_scores(known) / np.float32(best)
        return scores

    def _weight(self, word: str) -> float:
        frequency = self._frequency.get(word, 0)
        return math.log(1 + (self._size - frequency + 0.5) / (frequency + 0.5))
