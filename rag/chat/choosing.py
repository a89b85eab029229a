"""The few units that make an answer: the best, what limits it, what it leaves open. Nothing twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from rag.chat.evidence import CLOSE, HOW, POINTER, Evidence, Pick
from rag.chat.sentences import Unit
from rag.chat.shapes import countries, shape_of
from rag.chat.terms import bag, words

MOST = 3
STEPS = 6
LONG = 240
_LIMITS = re.compile(
    r"^(?:If|Unless|Only|Except|Outside|Without|Before|After|Until|Otherwise|During|Once|Please|Members)\b|"
    r"\b(?:only|unless|except|but|cannot|must|not (?:possible|available|accepted|valid|included))\b",
)
"""A sentence that starts or speaks like this limits the one before it."""
_FIGURE = re.compile(r"[£€$]?\d[\d.,:]*\d|[£€$]?\d")


def choose(evidence: Evidence, focus: str) -> list[Pick]:
    """The one to three units that make the answer, in reading order, none repeating another; steps come together."""
    if not evidence.picks:
        return []
    picks = _here(evidence)
    best = picks[0]
    if best.unit.kind == "step" and HOW.search(focus):
        return _steps(evidence, best)
    chosen = [best]
    floor = best.score * 0.85
    covered = set(best.covers)
    for pick in picks[1:12]:
        if len(chosen) == MOST or pick.score < floor:
            break
        same = next((other for other in chosen if _repeats(pick.unit, other.unit)), None)
        if same is not None:
            if _says_in_words(pick.unit, same.unit):
                chosen[chosen.index(same)] = pick
            continue
        if (best.covers & evidence.names) - pick.covers:
            continue  # about another product or another country
        adds = pick.covers - covered
        if pick.number != best.number and pick.fit < best.fit * (0.85 if len(adds) > 1 else 1.0):
            continue  # one more word found elsewhere is chance
        if adds or (pick.number == best.number and pick.score > best.score * 0.9):
            chosen.append(pick)
            covered |= pick.covers
    chosen += _shaped(evidence, chosen, shape_of(focus))
    for pick in list(chosen):
        before = _before(evidence, pick)
        if before is not None and all(
            other.unit.position != before.unit.position or other.number != before.number for other in chosen
        ):
            chosen.append(before)
    chosen += _conditions(evidence, best, chosen)
    order = {number: rank for rank, number in enumerate(dict.fromkeys(pick.number for pick in chosen))}
    return sorted(chosen, key=lambda pick: (order[pick.number], pick.unit.position))


def _here(evidence: Evidence) -> tuple[Pick, ...]:
    """The picks without those about other countries, if what was asked about one country is found for it."""
    if not evidence.here:
        return evidence.picks
    places = [countries(pick.unit.whole) for pick in evidence.picks]
    if not any(evidence.here & place for place in places[:CLOSE]):
        return evidence.picks
    return tuple(pick for pick, place in zip(evidence.picks, places, strict=True) if not place or evidence.here & place)


def unique(picks: Iterable[Pick]) -> list[Pick]:
    """The picks without those that say the same again."""
    kept: list[Pick] = []
    for pick in picks:
        if not any(pick.unit.text == other.unit.text for other in kept):
            kept.append(pick)
    return kept


def _shaped(evidence: Evidence, chosen: Sequence[Pick], shape: Callable[[str], float]) -> list[Pick]:
    """The amount or time that was asked for, if no chosen unit has it and the best source does."""
    if any(shape(pick.unit.whole) >= 1 for pick in chosen):
        return []
    near = (pick for pick in evidence.picks[:CLOSE] if pick.number == chosen[0].number)
    return [pick for pick in near if shape(pick.unit.whole) > 1 and pick not in chosen][:1]


def _steps(evidence: Evidence, best: Pick) -> list[Pick]:
    same = [pick for pick in evidence.picks if pick.number == best.number and pick.unit.group == best.unit.group]
    return sorted((pick for pick in same if pick.unit.kind == "step"), key=lambda pick: pick.unit.position)[:STEPS]


def _conditions(evidence: Evidence, best: Pick, chosen: Sequence[Pick]) -> list[Pick]:
    """The sentences right after the best one that limit it or say what else holds, as long as the answer is short."""
    same = {
        pick.unit.position: pick
        for pick in evidence.picks
        if pick.number == best.number and pick.unit.heading == best.unit.heading and pick.unit.kind == "sentence"
    }
    added: list[Pick] = []
    after = same.get(best.unit.position + 1) if best.unit.kind == "sentence" else None
    while after is not None and len(chosen) + len(added) < MOST:
        text = after.unit.text
        if not (_LIMITS.search(text) or after.unit.needs_previous) or POINTER.search(text) or len(text) > LONG:
            break
        if after not in chosen:
            if any(_repeats(after.unit, other.unit) for other in (*chosen, *added)):
                break
            added.append(after)
        after = same.get(after.unit.position + 1)
    return added


def _before(evidence: Evidence, pick: Pick) -> Pick | None:
    """The sentence before one that refers back to it."""
    if not pick.unit.needs_previous:
        return None
    same = (p for p in evidence.picks if p.number == pick.number and p.unit.position == pick.unit.position - 1)
    return next((p for p in same if p.unit.heading == pick.unit.heading and p.unit.kind == "sentence"), None)


def _repeats(one: Unit, other: Unit) -> bool:
    left, right = set(words(one.text)), set(words(other.text))
    return (
        _says_less(one, other)
        or _says_less(other, one)
        or len(left & right) >= 0.7 * min(len(left), len(right))
        or _says_in_words(one, other)
        or _says_in_words(other, one)
    )


def _says_less(sentence: Unit, row: Unit) -> bool:
    """True if a table row has all figures of a sentence about the same."""
    if (sentence.kind, row.kind) != ("sentence", "row") or not bag(row.text.partition(":")[0]) & bag(sentence.text):
        return False
    figures = set(_FIGURE.findall(sentence.text))
    return bool(figures) and figures <= set(_FIGURE.findall(row.text))


def _says_in_words(sentence: Unit, row: Unit) -> bool:
    """True if a sentence has exactly the figures of a table row: it reads better than the row."""
    if (sentence.kind, row.kind) != ("sentence", "row"):
        return False
    figures = set(_FIGURE.findall(row.text))
    return bool(figures) and figures == set(_FIGURE.findall(sentence.text))
