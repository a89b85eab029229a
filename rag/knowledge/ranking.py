"""Two opinions into one: how near a passage's meaning is, and how much of the question's words it has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rag.knowledge.shelf import Hit
from rag.knowledge.types import Passage

COVERED = 0.30
"""A best score under this says that the library does not cover the question."""

CANDIDATES = 40
"""How many passages each opinion may name."""

MEANING = 0.6
PER_DOCUMENT = 2


def score(hit: Hit) -> float:
    """The confidence, 0 to 1, that the passage is about the question: a convex combination (Bruch et al., 2023)."""
    return min(max(MEANING * hit.cosine + (1 - MEANING) * hit.keyword, 0.0), 1.0)


def best(hits: Iterable[tuple[Hit, bool]], k: int) -> list[Passage]:
    """The `k` best of these (hit, private) pairs. One document gives at most two while others have any."""
    ranked = sorted(
        ((score(hit), hit, private) for hit, private in hits), key=lambda item: (-item[0], item[1].row.id)
    )
    chosen: list[tuple[float, Hit, bool]] = []
    spare: list[tuple[float, Hit, bool]] = []
    seen = Counter[str]()
    for item in ranked:
        document_id = item[1].row.document_id
        (chosen if seen[document_id] < PER_DOCUMENT else spare).append(item)
        seen[document_id] += 1
    picked = sorted((chosen + spare)[:k], key=lambda item: (-item[0], item[1].row.id))
    return [_passage(value, hit, private) for value, hit, private in picked]


def _passage(value: float, hit: Hit, private: bool) -> Passage:
    row = hit.row
    return Passage(row.id, row.document_id, row.title, row.heading, row.text, round(value, 4), private)
