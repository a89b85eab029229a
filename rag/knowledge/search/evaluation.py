"""How well the library finds: recall and rank over questions whose article is known, and refusal where there is none.

The questions fall into two halves by their own hash, "tuned" and "held-out". The numbers in `ranking` were chosen on
the first only, so the second says what to expect of new questions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Literal, get_args

from pydantic import BaseModel, Field, ValidationError

from rag.errors import BadDocument
from rag.knowledge.library import Library
from rag.knowledge.types import COVERED

Part = Literal["exact", "paraphrase", "unanswerable"]
Half = Literal["all", "tuned", "held-out"]
PARTS: tuple[Part, ...] = get_args(Part)
HALVES: tuple[Half, ...] = get_args(Half)
_DEEP = 10


def half_of(text: str) -> Literal["tuned", "held-out"]:
    """The half of a question, or of whatever else has a text of its own."""
    return "tuned" if hashlib.sha256(text.encode()).digest()[0] % 2 == 0 else "held-out"


class Question(BaseModel, frozen=True):
    """A question and its part, as a line of JSON says them: `article` and `also` are the articles that answer it."""

    text: str = Field(alias="question")
    article: str | None
    also: tuple[str, ...] = ()
    part: Part

    @property
    def articles(self) -> frozenset[str]:
        """The ids of all articles that answer it; none if it is unanswerable."""
        return frozenset(filter(None, (self.article, *self.also)))

    @property
    def half(self) -> Half:
        """Which half it is in; the same on every machine."""
        return half_of(self.text)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the library found for one question. `rank` counts documents from 1, in the first ten passages."""

    question: Question
    found: tuple[str, ...]
    rank: int | None
    score: float

    @property
    def recalled(self) -> bool:
        """True if one of the first k passages is from an article that answers."""
        return not self.question.articles.isdisjoint(self.found)


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over some questions. `covered` is the share whose best score is at least COVERED."""

    part: Part
    half: Half
    questions: int
    recall: float
    mrr: float
    covered: float


def read_questions(path: Path) -> list[Question]:
    """One JSON object a line: question, article (or null), also, part. Raises BadDocument for a bad line."""
    questions = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            questions.append(Question.model_validate_json(line))
        except ValidationError as exc:
            wrong = exc.errors()[0]
            reason = f"it is not a question ({': '.join([*map(str, wrong['loc']), wrong['msg']])})"
            raise BadDocument(f"{path.name} line {number}", reason, "Correct it.") from exc
    return questions


def evaluate(library: Library, questions: Iterable[Question], k: int = 4) -> list[Outcome]:
    """Ask the library every question."""
    outcomes = []
    for question in questions:
        first = library.search(question.text, k)
        deep = dict.fromkeys(passage.document_id for passage in library.search(question.text, max(k, _DEEP)))
        rank = next((n for n, document_id in enumerate(deep, 1) if document_id in question.articles), None)
        found = tuple(passage.document_id for passage in first)
        outcomes.append(Outcome(question, found, rank, first[0].score if first else 0.0))
    return outcomes


def figures(outcomes: Sequence[Outcome]) -> list[Figures]:
    """For each part: all questions, then each half. Parts and halves without a question are left out."""
    return [
        Figures(
            part,
            half,
            len(some),
            recall=fmean(one.recalled for one in some),
            mrr=fmean(1 / one.rank if one.rank else 0.0 for one in some),
            covered=fmean(one.score >= COVERED for one in some),
        )
        for part, half in product(PARTS, HALVES)
        if (some := [one for one in outcomes if one.question.part == part and half in ("all", one.question.half)])
    ]
