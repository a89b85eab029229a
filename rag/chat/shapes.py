"""How well a sentence fits what a question asks for: money, a time, a permission, a country. Factors around 1."""

from __future__ import annotations

import re
from collections.abc import Callable

from rag.chat.terms import DURATION, MONEY, concept
from rag.chat.values import COUNTRY, IN_EU

_COSTS = re.compile(
    r"\bhow much\b|\b(?:price|cost|costs|fee|charge|charges|expensive|free)\b|\b(?:which|what) (?:\w+ )?discount",
    re.IGNORECASE,
)
_TAKES = re.compile(
    r"\bhow (?:long|soon|quickly|fast|late|old|many (?:days|weeks|hours|months|years))\b|\buntil\b|"
    r"\bdeadline\b|\btime ?limit\b",
    re.IGNORECASE,
)
_COUNTS = re.compile(
    r"\bhow (?:many|much|often|big|large|high|warm|far)\b|\bwhat (?:size|temperature|number|percentage)\b",
    re.IGNORECASE,
)
_HOW_MANY = re.compile(
    r"\bhow many ([\w’'-]+(?: [\w’'-]+)?) (?:can|could|do|does|did|may|might|is|are|will|would|should|must|fit)\b",
    re.IGNORECASE,
)
_WHEN = re.compile(r"\bwhen\b", re.IGNORECASE)
_AT_SOME_TIME = re.compile(r"\b(?:when|after|once|as soon as|before|until|during|on the)\b", re.IGNORECASE)
_MAY = re.compile(r"\W*(?:and |but |so )?(?:can|may|could|am i|is it|are \w+|do you|will you)\b", re.IGNORECASE)
_ALLOWS = re.compile(r"\b(?:can|cannot|can't|may|possible|allowed|available|not)\b", re.IGNORECASE)
_OUTSIDE_UK = re.compile(r"\b(?:outside|abroad|other than|not in) (?:of )?(?:the )?UK\b|\babroad\b", re.IGNORECASE)
_WHAT_IS = re.compile(r"\W*what(?:'s| is| are) (?:an? |the )?([\w -]{3,40}?)\W*$", re.IGNORECASE)
_EXCEPTION = re.compile(r"(?:Outside|On other|Except|Only|Unless|During)\b")
_DIGIT = re.compile(r"\d")


def shape_of(question: str) -> Callable[[str], float]:
    """The factor of a text: what is asked for by “how much” and “how long” has to be in the answer."""
    defined = _WHAT_IS.match(question)
    if defined:
        start = re.compile(rf"(?:an?|the)? ?{re.escape(defined[1])}s? (?:is|are|means|happens)\b", re.IGNORECASE)
        return lambda text: 1.35 if start.match(text) else 1.0
    wanted = [MONEY] if _COSTS.search(question) else []
    wanted += [DURATION] if _TAKES.search(question) else []
    if wanted:
        return lambda text: 1.2 if any(shape.search(text) for shape in wanted) else 0.55
    counted = _HOW_MANY.search(question)
    if counted:
        number = re.compile(rf"\d[\d,.]* (?:[\w-]+ )?{re.escape(counted[1])}", re.IGNORECASE)
        return lambda text: 1.35 if number.search(text) else 1.1 if _DIGIT.search(text) else 0.6
    if _WHEN.search(question):
        return lambda text: 1.2 if DURATION.search(text) else 1.1 if _AT_SOME_TIME.search(text) else 0.7
    if _MAY.search(question):
        return lambda text: 1.12 if _ALLOWS.search(text) else 1.0
    if _COUNTS.search(question):
        return lambda text: 1.2 if _DIGIT.search(text) else 0.6
    return lambda _text: 1.0


def countries(text: str) -> frozenset[str]:
    """The concepts of the countries that a text names; an EU country is also the EU."""
    names = [match[0].lower().removeprefix("the ") for match in COUNTRY.finditer(text)]
    found = {concept(name) if " " not in name else name for name in names}
    return frozenset(found | ({"eu"} if found & IN_EU else set()))


def abroad(here: frozenset[str], text: str, heading: str) -> float:
    """A factor: what is said of other countries does not answer for this one."""
    if not here:
        return 0.8 if _EXCEPTION.match(text) else 1.0
    if "uk" not in here and _OUTSIDE_UK.search(text):
        return 1.15
    there = countries(text)
    if here & there:
        return 1.15
    if there or ((outer := countries(heading)) and not here & outer):
        return 0.6
    return 1.0
