"""Opinions into one: how near a passage's meaning is, how much of the question's words it has, and whether customers
ask for its document in this way.

The numbers here and in `preparing` were chosen on the "tuned" half of data/eval (see evaluate.py), and on the
articles' own keywords, asked as questions of an index without them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

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
    ranked = sorted(_scored(list(hits)), key=_order)
    seen = Counter[str]()
    varied = []
    for value, hit, private in ranked:
        varied.append((value * REPEAT ** seen[hit.row.document_id], value, hit, private))
        seen[hit.row.document_id] += 1
    chosen = [item[1:] for item in sorted(varied, key=lambda item: (-item[0], item[2].row.id))[:k]]
    return [_passage(value, hit, private) for value, hit, private in sorted(chosen, key=_order)]


def _scored(hits: list[tuple[Hit, bool]]) -> list[tuple[float, Hit, bool]]:
    """What is asked lifts a document as a whole, so its passages keep their proportions.

    It lowers none: few of a document's answers have a question of their own, and some documents have none.
    """
    own: dict[str, float] = {}
    for hit, _ in hits:
        own[hit.row.document_id] = max(own.get(hit.row.document_id, 0.0), blend(hit.cosine, hit.keyword))
    return [
        (blend(hit.cosine, hit.keyword) * _lift(own[hit.row.document_id], hit.asked), hit, private)
        for hit, private in hits
    ]


def _lift(own: float, asked: float | None) -> float:
    return 1.0 if asked is None or own <= 0 else 1 + ASKED * max(asked / own - 1, 0.0)


def _order(item: tuple[float, Hit, bool]) -> tuple[float, str]:
    return -item[0], item[1].row.id


def _passage(value: float, hit: Hit, private: bool) -> Passage:
    row = hit.row
    return Passage(row.id, row.document_id, row.title, row.heading, row.text, round(value, 4), private)
