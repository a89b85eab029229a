"""Opinions into one: how near a passage's meaning is, how much of the question's words it has, and whether customers
ask for its document in this way.

The numbers here and in `preparing` were chosen on the "tuned" half of data/eval (see evaluate.py), and on the
articles' own keywords, asked as questions of an index without them.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from rag.knowledge.types import Passage

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from rag.knowledge.shelf import Hit

_Score = TypeVar("_Score", float, "npt.NDArray[np.float32]")

COVERED = 0.27
"""A best score under this says that the library does not cover the question."""

CANDIDATES = 64
"""How many passages each opinion may name."""

MEANING = 0.6
"""How much of a score is the meaning; the rest is the words."""

ASKED = 0.4
"""How much of a score is the likeness to the document's own questions, where that is the larger."""

REPEAT = 0.8
"""Each further passage of a document ranks as with this much of its score: variety, as long as it costs little."""


def blend(cosine: _Score, keyword: _Score) -> _Score:
    """Meaning and words into one, for a passage or for a question that customers ask."""
    return MEANING * cosine + (1 - MEANING) * keyword


def best(hits: Iterable[tuple[Hit, bool]], k: int) -> list[Passage]:
    """The `k` best of these (hit, private) pairs, best first by score."""
    seen: dict[str, int] = {}
    varied = []
    for scored in sorted(_scored(list(hits)), key=_ORDER):
        before = seen.get(scored.hit.row.document_id, 0)
        seen[scored.hit.row.document_id] = before + 1
        varied.append((scored.minus * REPEAT**before, scored.id, scored))
    varied.sort(key=_ORDER)
    chosen = sorted((scored for *_, scored in varied[:k]), key=_ORDER)
    return [_passage(-scored.minus, scored.hit, scored.private) for scored in chosen]


class _Scored(NamedTuple):
    """In the order of a ranking: the best first, and those alike by id."""

    minus: float
    id: str
    hit: Hit
    private: bool


_ORDER = itemgetter(0, 1)


def _scored(hits: list[tuple[Hit, bool]]) -> list[_Scored]:
    """What is asked lifts a document as a whole, so its passages keep their proportions.

    It lowers none: few of a document's answers have a question of their own, and some documents have none.
    """
    values = [blend(hit.cosine, hit.keyword) for hit, _ in hits]
    own: dict[str, float] = {}
    for value, (hit, _) in zip(values, hits, strict=True):
        if value > own.get(hit.row.document_id, 0.0):
            own[hit.row.document_id] = value
    return [
        _Scored(-value * _lift(own.get(hit.row.document_id, 0.0), hit.asked), hit.row.id, hit, private)
        for value, (hit, private) in zip(values, hits, strict=True)
    ]


def _lift(own: float, asked: float | None) -> float:
    return 1.0 if asked is None or asked <= own or own <= 0 else 1 + ASKED * (asked / own - 1)


def _passage(value: float, hit: Hit, private: bool) -> Passage:
    row = hit.row
    return Passage(row.id, row.document_id, row.title, row.heading, row.text, round(value, 4), private)
