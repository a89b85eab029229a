"""Which units of the sources answer a question, and how much of the question the sources cover.

Lexical overlap over concepts, weighted by rarity, with headings and titles as weaker evidence; the shape of the
answer that the question asks for (money, duration); and, if a similarity is given, the meaning of whole sentences.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from math import log

from rag.chat.prompt import Source
from rag.chat.sentences import Unit, units
from rag.chat.shapes import abroad, countries, shape_of
from rag.chat.terms import bag, concept, concepts, content_words, distinct, words
from rag.chat.values import COUNTRIES, IN_EU, ORDER, RETURN_NUMBER

Similarity = Callable[[str, Sequence[str]], Sequence[float]]
"""How alike in meaning a text is to each of some others, from -1 to 1."""

CLOSE, _VERBATIM, _STEP = 10, 0.12, 0.25
_HEADING, _TITLE, _AROUND, _CONTEXT, _HINT = 0.55, 0.45, 0.2, 0.35, 0.6
_PASSAGE_SHARE, _ORDER_BONUS, _MATCH_BONUS, _LATER, _SIMILARITY_SHARE = 0.25, 0.12, 0.6, 0.012, 0.35
HOW = re.compile(r"\bhow (?:do|can|could|would|should|to)\b|\bsteps?\b", re.IGNORECASE)
_NATIONS = frozenset(concept(name) for name in COUNTRIES)
_EU_CONCEPTS = frozenset(concept(name) for name in IN_EU)
_NAMED = re.compile(r"(?<=[a-z,] )[A-ZÄÖÜÅØ][\w’'-]+")
_UNSAID = re.compile(r"\d.*|day|week|month|year|minute|today|yesterday|tomorrow")
POINTER = re.compile(
    r"\bin another way\b|^(?:see|read|for more|more (?:about|on)|details)\b|\b(?:is|are) (?:explained |"
    r"described )?in [A-Z]|"
    r"\bread [A-Z]|: see [A-Z]"
)


@dataclass(frozen=True, slots=True)
class Pick:
    """A unit worth quoting, from the source of this number. `fit` is its score without what the search thought."""

    number: int
    unit: Unit
    score: float
    covers: frozenset[str]
    source: Source
    fit: float = 0.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """`picks` best first. `coverage`: the share of the question that the best source covers, 0 to 1; `meaning`: the
    best similarity of a unit, or None without a similarity; `missing`: the concepts found in no source; `names`: those
    of products, places and other names in the question; `own_name`: it names what most sources name, the shop;
    `here`: the countries that it is about."""

    picks: tuple[Pick, ...]
    coverage: float
    meaning: float | None
    missing: frozenset[str]
    names: frozenset[str] = frozenset()
    own_name: bool = False
    here: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Passage:
    """A source taken apart: its units, and the concepts of each, of its heading, of its title and of all together."""

    source: Source
    units: tuple[Unit, ...]
    bags: tuple[frozenset[str], ...]
    heading: frozenset[str]
    title: frozenset[str]
    whole: frozenset[str]


def weigh(
    sources: Sequence[Source], focus: str, context: str = "", similarity: Similarity | None = None, hints: str = ""
) -> Evidence:
    """All units of the sources, ranked for a question.

    `context` is what a follow-up only refers to; `hints` is what is known of the person: it helps to choose between
    units and counts for nothing else.
    """
    passages = [_taken_apart(source) for source in sources]
    weight = _weights(focus, context, hints, passages)
    if not weight or not any(passage.units for passage in passages):
        return Evidence((), 0.0, None, frozenset(weight))
    total = sum(weight.values())
    counted = _counted(weight, focus, context, passages)
    shape, how = shape_of(focus), bool(HOW.search(focus))
    here = countries(focus) or countries(hints) or countries(context)
    picks = []
    best_share, best = 0.0, max(source.score for source in sources)
    for passage in passages:
        share = sum(weight[one] for one in weight if one in passage.whole) / total
        best_share = max(best_share, sum(counted[one] for one in counted if one in passage.whole))
        extra = _PASSAGE_SHARE * share + _rank(passage.source, best, len(sources))
        for index, unit in enumerate(passage.units):
            named = passage.title | passage.heading if how and unit.kind == "step" else frozenset[str]()
            gained = sum(value * (1.0 if one in named else _part(one, passage, index)) for one, value in weight.items())
            gained = gained / total
            factor = shape(unit.whole) * abroad(here, unit.whole, passage.source.heading)
            score = gained * factor + extra - _awkward(unit) - _LATER * min(index, 5)
            score += _STEP * (unit.kind == "step" and how)
            covers = passage.bags[index].union(named).intersection(weight)
            fit = score - _rank(passage.source, best, len(sources))
            picks.append(Pick(passage.source.number, unit, score, covers, passage.source, fit))
    meaning = None
    if similarity is not None:
        alike = similarity(f"{focus} {context}".strip(), [pick.unit.whole for pick in picks])
        meaning = float(max(alike))
        picks = [
            replace(pick, score=pick.score + _SIMILARITY_SHARE * max(float(value), 0.0))
            for pick, value in zip(picks, alike, strict=True)
        ]
    picks.sort(key=lambda pick: (-pick.score, pick.number, pick.unit.position))
    picks[:CLOSE] = _verbatim_first(picks[:CLOSE], focus)
    missing = frozenset(weight).difference(*(passage.whole for passage in passages))
    names = _NATIONS | {concept(word.lower()) for word in _NAMED.findall(f"{focus} {hints}")}
    own_name = any(_is_own_name(one, passages) for one in names & set(_asked(focus)))
    return Evidence(tuple(picks), best_share, meaning, missing, names & frozenset(weight), own_name, here)


def _verbatim_first(picks: list[Pick], focus: str) -> list[Pick]:
    """Among the best, those with the question's very words gain a little over those with synonyms."""
    asked = set(content_words(focus))
    gain = _VERBATIM / (len(asked) or 1)
    picks = [replace(pick, score=pick.score + gain * len(asked.intersection(words(pick.unit.whole)))) for pick in picks]
    return sorted(picks, key=lambda pick: (-pick.score, pick.number, pick.unit.position))


def _asked(text: str) -> list[str]:
    found = concepts(ORDER.sub(" ", RETURN_NUMBER.sub(" ", text)))
    if any(one in IN_EU for one in words(text.lower().replace("northern ireland", ""))):
        found.append("eu")
    return [] if all(one.isdigit() for one in found) else distinct(found)


def _taken_apart(source: Source) -> _Passage:
    parts = tuple(units(source.text))
    bags = tuple(bag(f"{unit.heading} {unit.whole}" if unit.heading else unit.whole) for unit in parts)
    heading, title = bag(source.heading), bag(source.title)
    return _Passage(source, parts, bags, heading, title, heading.union(title, *bags))


def _weights(focus: str, context: str, hints: str, passages: Sequence[_Passage]) -> dict[str, float]:
    """How much each concept of the question tells: rare ones more, carried ones less, unknown names most."""
    vocabulary = frozenset[str]().union(*(passage.whole for passage in passages))
    asked = [_spelled(one, vocabulary) for one in _asked(focus)]
    names = {concept(word.lower()) for word in _NAMED.findall(focus)}
    hinted = _asked(hints)
    count = sum(len(passage.bags) for passage in passages)
    weight = {}
    for one in distinct([*asked, *_asked(hints), *_asked(context)]):
        seen = sum(one in found for passage in passages for found in passage.bags)
        titled = any(one in passage.heading or one in passage.title for passage in passages)
        value = log(1 + count / (seen + (1.5 if titled else 0.5)))
        if one in _NATIONS or (one in names and not seen and not titled):
            value *= 2
        weight[one] = value if one in asked else value * (_HINT if one in hinted else _CONTEXT)
    main = sum(weight[one] for one in asked)
    known = [one for one in hinted if one not in asked]
    too_much = sum(weight[one] for one in known) / (_HINT * main) if main else 0.0
    return {one: value / too_much if one in known and too_much > 1 else value for one, value in weight.items()}


def _spelled(one: str, vocabulary: frozenset[str]) -> str:
    """The known concept that a misspelled one must mean, else itself."""
    if one in vocabulary or len(one) < 5 or not one.isalpha():
        return one
    near = sorted(known for known in vocabulary if known[:2] == one[:2] and abs(len(known) - len(one)) <= 2)
    return next(iter(get_close_matches(one, near, n=1, cutoff=0.82)), one)


def _counted(weight: dict[str, float], focus: str, context: str, passages: Sequence[_Passage]) -> dict[str, float]:
    """The share of the question that each concept makes: all alike, but carried ones less and unknown names more.

    Rarity does not count here, because what a search returns is full of what was asked.
    """
    asked, carried = set(_asked(focus)), set(_asked(context))
    names = {concept(word.lower()) for word in _NAMED.findall(focus)}
    share = {}
    for one in weight:
        found = sum(one in passage.whole for passage in passages)
        if (one not in asked and one not in carried) or (not found and _UNSAID.fullmatch(one)):
            continue
        if (one in names and _is_own_name(one, passages)) or (one in _EU_CONCEPTS and not found):
            continue  # the shop's own name says nothing, and what holds for the EU holds for its countries
        share[one] = _CONTEXT if one not in asked else 2.0 if one in names and not found else 1.0
    main = sum(value for one, value in share.items() if one in asked)
    extra = sum(share.values()) - main
    if main and extra > main / 2:
        share = {one: value if one in asked else value * main / 2 / extra for one, value in share.items()}
    total = sum(share.values()) or 1.0
    return {one: value / total for one, value in share.items()}


def _rank(source: Source, best: float, count: int) -> float:
    """What the search thought of a source: by its score, or by its place when there are no scores."""
    if best > 0:
        return _MATCH_BONUS * source.score / best
    return _ORDER_BONUS * (1 - source.number / (count + 1))


def _is_own_name(name: str, passages: Sequence[_Passage]) -> bool:
    return name not in _NATIONS and sum(name in passage.whole for passage in passages) * 2 > len(passages)


def _part(one: str, passage: _Passage, index: int) -> float:
    if one in passage.bags[index]:
        return 1.0
    if one in passage.heading:
        return _HEADING
    if one in passage.title:
        return _TITLE
    return _AROUND if any(one in near for near in passage.bags[max(index - 1, 0) : index + 2]) else 0.0


def _awkward(unit: Unit) -> float:
    """A penalty for what reads badly alone: a mere pointer to another article, or a very long sentence."""
    return 0.5 * bool(POINTER.search(unit.text)) + 0.1 * (len(unit.whole) > 320) + 0.08 * (unit.kind == "step")
