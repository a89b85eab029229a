"""Which units of the sources answer a question, and how much of the question the sources cover.

Lexical overlap over concepts, weighted by rarity, with headings and titles as weaker evidence; the shape of the answer
that the question asks for (money, duration); and, if a similarity is given, the meaning of whole sentences.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log

from rag.chat.prompt import Source
from rag.chat.sentences import Unit, plain, units
from rag.chat.terms import DURATION, MONEY, bag, concept, concepts, words
from rag.chat.values import COUNTRIES, COUNTRY, IN_EU, ORDER, RETURN_NUMBER

Similarity = Callable[[str, Sequence[str]], Sequence[float]]
"""How alike in meaning a text is to each of some others, from -1 to 1."""

MOST = 3
STEPS = 6
_HEADING, _TITLE, _AROUND, _CONTEXT = 0.55, 0.45, 0.2, 0.35
_ORDER_BONUS, _SIMILARITY_SHARE = 0.05, 0.35
_HOW = re.compile(r"\bhow (?:do|can|could|would|should|to)\b|\bsteps?\b", re.IGNORECASE)
_COSTS = re.compile(r"\bhow much\b|\b(?:price|cost|costs|fee|charge|charges|expensive|free)\b", re.IGNORECASE)
_TAKES = re.compile(
    r"\bhow (?:long|soon|quickly|fast|late|old|many (?:days|weeks|hours|months|years))\b|\bwhen\b|\buntil\b|\bdeadline\b|\btime ?limit\b",
    re.IGNORECASE,
)
_COUNTS = re.compile(
    r"\bhow (?:many|much|often|big|large|high|warm|far)\b|\bwhat (?:size|temperature|number|percentage)\b",
    re.IGNORECASE,
)
_NATIONS = frozenset(concept(name) for name in COUNTRIES)
_POINTER = re.compile(
    r"^(?:see|read|for more|more (?:about|on)|details)\b|\b(?:is|are) (?:explained |described )?in [A-Z]|\bread [A-Z]|: see [A-Z]"
)


@dataclass(frozen=True, slots=True)
class Pick:
    """A unit worth quoting, from the source of this number."""

    number: int
    unit: Unit
    score: float
    covers: frozenset[str]
    source: Source


@dataclass(frozen=True, slots=True)
class Evidence:
    """`picks` best first. `coverage`: the share of the question that the best source covers, 0 to 1; `meaning`: the
    best similarity of a unit, or None without a similarity; `missing`: the concepts found in no source."""

    picks: tuple[Pick, ...]
    coverage: float
    meaning: float | None
    missing: frozenset[str]


def weigh(sources: Sequence[Source], focus: str, context: str = "", similarity: Similarity | None = None) -> Evidence:
    """All units of the sources, ranked for a question. `context` is what a follow-up only refers to."""
    asked = _asked(focus)
    carried = [one for one in _asked(context) if one not in asked]
    texts = [(source, units(source.text)) for source in sources]
    all_units = [(source, unit) for source, parts in texts for unit in parts]
    if not all_units or not (asked or carried):
        return Evidence((), 0.0, None, frozenset(asked))
    bags = [bag(unit.whole) for _, unit in all_units]
    outer = {source.number: (bag(source.heading), bag(source.title)) for source, _ in texts}
    weight = _weights([*asked, *carried], bags, outer)
    for one in carried:
        weight[one] *= _CONTEXT
    alike = _alike(similarity, f"{focus} {context}".strip(), [unit.whole for _, unit in all_units])
    total = sum(weight.values()) or 1.0
    picks = []
    here = _countries(focus) or _countries(context)
    for index, (source, unit) in enumerate(all_units):
        near = frozenset().union(
            *(bags[i] for i in (index - 1, index + 1) if 0 <= i < len(bags) and all_units[i][0] is source)
        )
        heading, title = outer[source.number]
        gained = sum(
            weight[one] * _share(one, bags[index], heading | bag(unit.heading), title, near) for one in weight
        )
        score = gained / total * _shape(focus, unit.whole) * _abroad(here, unit.whole, source) + _ORDER_BONUS * (
            1 - source.number / (len(sources) + 1)
        )
        if alike is not None:
            score += _SIMILARITY_SHARE * max(alike[index], 0.0)
        if _POINTER.search(unit.text):
            score -= 0.25
        if len(unit.whole) > 320:
            score -= 0.1
        picks.append(Pick(source.number, unit, score, frozenset(weight) & bags[index], source))
    picks.sort(key=lambda pick: (-pick.score, pick.number, pick.unit.position))
    seen = {
        source.number: frozenset().union(
            *outer[source.number], *(b for (s, _), b in zip(all_units, bags, strict=True) if s is source)
        )
        for source, _ in texts
    }
    focus_total = sum(weight[one] for one in asked) or 1.0
    coverage = (
        max(sum(weight[one] for one in asked if one in found) for found in seen.values()) / focus_total
        if asked
        else 1.0
    )
    missing = frozenset(asked) - frozenset().union(*seen.values())
    return Evidence(tuple(picks), coverage, max(alike) if alike is not None else None, missing)


def choose(evidence: Evidence, focus: str) -> list[Pick]:
    """The one to three units that make the answer, in reading order, none repeating another; steps come together."""
    if not evidence.picks:
        return []
    best = evidence.picks[0]
    if best.unit.kind == "step" and _HOW.search(focus):
        return _steps(evidence, best)
    chosen = [best]
    floor = best.score * 0.85
    covered = set(best.covers)
    for pick in evidence.picks[1:12]:
        if len(chosen) == MOST or pick.score < floor:
            break
        if any(_repeats(pick.unit, other.unit) for other in chosen):
            continue
        adds = pick.covers - covered
        if adds or (pick.number == best.number and pick.score > best.score * 0.9):
            chosen.append(pick)
            covered |= pick.covers
    for pick in list(chosen):
        before = _before(evidence, pick)
        if before is not None and all(
            other.unit.position != before.unit.position or other.number != before.number for other in chosen
        ):
            chosen.append(before)
    order = {number: rank for rank, number in enumerate(dict.fromkeys(pick.number for pick in chosen))}
    return sorted(chosen, key=lambda pick: (order[pick.number], pick.unit.position))


def _steps(evidence: Evidence, best: Pick) -> list[Pick]:
    same = [pick for pick in evidence.picks if pick.number == best.number and pick.unit.group == best.unit.group]
    return sorted((pick for pick in same if pick.unit.kind == "step"), key=lambda pick: pick.unit.position)[:STEPS]


def _before(evidence: Evidence, pick: Pick) -> Pick | None:
    """The sentence before one that refers back to it."""
    if not pick.unit.needs_previous:
        return None
    same = (p for p in evidence.picks if p.number == pick.number and p.unit.position == pick.unit.position - 1)
    return next((p for p in same if p.unit.heading == pick.unit.heading and p.unit.kind == "sentence"), None)


def _asked(text: str) -> list[str]:
    found = concepts(ORDER.sub(" ", RETURN_NUMBER.sub(" ", text)))
    if any(one in IN_EU for one in words(text.lower().replace("northern ireland", ""))):
        found.append("eu")
    return list(dict.fromkeys(found))


def _weights(
    asked: Sequence[str], bags: Sequence[frozenset[str]], outer: dict[int, tuple[frozenset[str], frozenset[str]]]
) -> dict[str, float]:
    count = len(bags)
    named = frozenset().union(*(part for pair in outer.values() for part in pair)) if outer else frozenset()
    weight = {}
    for one in asked:
        seen = sum(one in found for found in bags)
        weight[one] = log(1 + count / (seen + (0.5 if one not in named else 1.5))) * (2.0 if one in _NATIONS else 1.0)
    return weight


def _share(
    one: str, own: frozenset[str], heading: frozenset[str], title: frozenset[str], near: frozenset[str]
) -> float:
    if one in own:
        return 1.0
    if one in heading:
        return _HEADING
    if one in title:
        return _TITLE
    return _AROUND if one in near else 0.0


def _shape(question: str, text: str) -> float:
    """A factor: what is asked for by “how much” and “how long” has to be in the answer."""
    wanted = [MONEY] if _COSTS.search(question) else []
    wanted += [DURATION] if _TAKES.search(question) else []
    if wanted:
        return 1.2 if any(shape.search(text) for shape in wanted) else 0.55
    if _COUNTS.search(question):
        return 1.1 if re.search(r"\d", text) else 0.8
    return 1.0


def _countries(text: str) -> frozenset[str]:
    """The concepts of the countries that a text names; an EU country is also the EU."""
    names = [match[0].lower().removeprefix("the ") for match in COUNTRY.finditer(text)]
    found = {concept(name) if " " not in name else name for name in names}
    return frozenset(found | ({"eu"} if found & IN_EU else set()))


def _abroad(here: frozenset[str], text: str, source: Source) -> float:
    """A factor: what is said of other countries does not answer for this one."""
    if not here:
        return 1.0
    there = _countries(text)
    if here & there:
        return 1.15
    if there or (outer := _countries(source.heading)) and not here & outer:
        return 0.6
    return 1.0


def _alike(similarity: Similarity | None, question: str, texts: list[str]) -> list[float] | None:
    if similarity is None:
        return None
    return [float(value) for value in similarity(question, [plain(text) for text in texts])]


def _repeats(one: Unit, other: Unit) -> bool:
    left, right = set(words(one.text)), set(words(other.text))
    return len(left & right) >= 0.7 * min(len(left), len(right))
