"""Opinions into one: how near a passage's meaning is, how much of the question's words it has, and whether customers
ask for its document in this way.

The numbers here and in `preparing` were chosen on the "tuned" half of data/eval (see evaluation.py), and on the
articles' own keywords, asked as questions of an index without them.
"""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Sequence
from heapq import merge
from operator import itemgetter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rag.knowledge.search.keywords import Scores
from rag.knowledge.types import Passage

Values = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.intp]

CANDIDATES = 64
"""How many passages of a collection are ranked at least: enough for variety among the best."""

MEANING = 0.6
"""How much of a score is the meaning; the rest is the words."""

ASKED = 0.4
"""How much of a score is the likeness to the document's own questions, where that is the larger."""

REPEAT = 0.8
"""Each further passage of a document ranks as with this much of its score: variety, as long as it costs little."""


def blend(cosine: Scores, keyword: Scores) -> Scores:
    """Meaning and words into one, for a passage or for a question that customers ask."""
    return MEANING * cosine + (1 - MEANING) * keyword


class Ranked(NamedTuple):
    """A passage with its score as `minus`: sorted by the first two, the best come first, and those alike by id."""

    minus: float
    id: str
    passage: Passage


by_rank = itemgetter(0, 1)


def lifted(values: Values | Scores, starts: Numbers, documents: Numbers, asked: Values) -> Values:
    """The passages' scores, document by document: where each one starts, the number of each passage's document, and how
    much each document is asked for like this.

    What is asked lifts a document as a whole, so its passages keep their proportions. It lowers none: few of a
    document's answers have a question of their own, and some documents have none.
    """
    own = np.maximum.reduceat(values, starts)
    more = np.divide(asked, own, out=np.ones(len(asked)), where=own > 0)
    lifts: Values = 1 + ASKED * np.maximum(more - 1, 0.0)
    return values * lifts[documents]


def best(collections: Sequence[Iterable[Ranked]], k: int) -> list[Passage]:
    """The `k` best of all collections, each in order of rank, best first by score."""
    found = collections[0] if len(collections) == 1 else merge(*collections, key=by_rank)
    seen: defaultdict[str, int] = defaultdict(int)
    varied: list[tuple[float, str, Ranked]] = []
    for one in found:
        if len(varied) >= k and varied[k - 1][0] < one.minus:
            break  # whatever follows ranks lower still
        insort(varied, (one.minus * REPEAT ** seen[one.passage.document_id], one.id, one), key=by_rank)
        seen[one.passage.document_id] += 1
    chosen = sorted((one for *_, one in varied[:k]), key=by_rank)
    return [one.passage.scored(round(-one.minus, 4)) for one in chosen]
