"""What this person stated about themselves, read from their own messages only.

A ledger is built anew for every prompt and holds one conversation. For each key the last statement counts, and a
corrected value is replaced wherever it was repeated. Questions state nothing, except which order they are about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from rag.chat import acts, values
from rag.chat.frames import Found, items, named, places
from rag.chat.terms import content_words
from rag.chat.voice import second_person

TYPED = (
    ("order", values.ORDER),
    ("return number", values.RETURN_NUMBER),
    ("gift card", values.GIFT_CARD),
    ("e-mail address", values.EMAIL),
)
_CORRECTS = re.compile(
    r"\b(?:actually|sorry|correction|oops|wait|i meant?|rather|instead|changed? (?:my|that|it)|make (?:it|"
    r"that)|scratch that|mistake|typo|wrong|"
    r"it(?:'s| is) .*\bnow|in fact|to be precise|should (?:be|have been|read)|not)\b|^\W*(?:no|nope)\b",
    re.IGNORECASE,
)
_ADDS = re.compile(
    r"\b(?:also|another|second|other|too|both|as well|plus|and one more|additionally|two orders)\b", re.IGNORECASE
)
_NOT_BUT = re.compile(
    r"\bnot (?:in |to |at |the |a |an |size |number |"
    r"no\. ?)*(?P<old>[\w’'-]+(?: [\w’'-]+){0,4}?),? (?:but|it's|it is|rather)(?: rather|"
    r" actually)?(?: in| to| at| the| a| an| size| number)* (?P<new>[^,.;!?]+)",
    re.IGNORECASE,
)
_BUT_NOT = re.compile(
    r"(?P<new>[\w£€$’'@.-]+(?: [\w’'-]+){0,5}?),? (?:and )?(?:not|instead of|rather than) (?:in |to |at |"
    r"the |a |an |size |number |no\. ?)*(?P<old>[^,.;!?]+)",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"[, ]*\b(?:not|instead of|rather than) (?!(?:arrive|come|work|fit|get|got|been|yet|sure|"
    r"receive)\w*)[^,.;!?]+?(?=,|;|\.|!|\?| but |$)",
    re.IGNORECASE,
)
_LEADING = re.compile(
    r"^(?:(?:(?:it|that)(?:'s| is)|the|an?|to|in|at|size|number|actually|sorry|no|colou?r)\b[,\s]+)+", re.IGNORECASE
)
_ANONYMOUS = re.compile(
    r"(?:^|[,;–—-]\s*|\b)(?:(?:no|nope|actually|sorry|wait|correction|oops|i meant?|rather|in fact|"
    r"scratch that|my mistake|hmm|ah|oh|well)[,.:!]*\s*)+"
    r"(?:(?:it|that|this)(?:'s| is| was| should be| should read)|i meant?(?: to say)?|make (?:it|that)|"
    r"(?:should|must) (?:be|read)|(?:let's )?(?:say|go (?:for|"
    r"with)))?:?\s*(?P<value>[^;!?]+?)(?:,? (?:please|sorry|thanks|instead))*\W*$|"
    r"^(?:it|that)(?:'s| is) (?:now )?(?P<now>[^;!?]+?)(?:,? (?:now|please|sorry|thanks|instead))*\W*$|"
    r"\b(?:it|that) should (?:be|read|have been)\s+(?P<should>[^;!?]+?)(?:,? (?:please|sorry|thanks|instead))*\W*$|"
    r"\bmake (?:it|that)\s+(?P<make>[^;!?]+?)(?:,? (?:please|sorry|thanks|instead))*\W*$",
    re.IGNORECASE,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    """`clause` says it to the person: “your name is Ana”. An `aside` is part of another fact's clause."""

    key: str
    value: str
    clause: str
    aside: bool = False


@dataclass(slots=True)
class Ledger:
    """The facts of one conversation, in the order in which they were last stated."""

    facts: dict[str, Fact] = field(default_factory=dict)
    last: str = ""

    def copy(self) -> Ledger:
        return Ledger(dict(self.facts), self.last)

    def get(self, key: str) -> Fact | None:
        return self.facts.get(key)

    def put(self, found: Found) -> Fact:
        """State a fact. The value that it replaces is replaced in all others, too."""
        old = self.facts.pop(found.key, None)
        fact = Fact(found.key, found.value, found.said, found.aside)
        if old is not None and old.value.lower() != fact.value.lower() and not found.key.startswith("said"):
            self.replace(old.value, fact.value)
            if fact.aside and not old.aside:
                fact = Fact(fact.key, fact.value, fact.clause)
        self.facts[found.key] = fact
        if not found.aside:
            self.last = found.key
        return fact

    def replace(self, old: str, new: str) -> list[Fact]:
        """Exchange a value in all facts; returns the changed ones."""
        pattern = re.compile(rf"(?<!\w){re.escape(old)}(?!\w)", re.IGNORECASE)
        changed = []
        for key, fact in self.facts.items():
            value, clause = (pattern.sub(lambda _: new, text) for text in (fact.value, fact.clause))
            if (value, clause) != (fact.value, fact.clause):
                self.facts[key] = Fact(key, value, clause, fact.aside)
                changed.append(self.facts[key])
        return changed


def remember(messages: Iterable[str]) -> Ledger:
    """The ledger after these messages of one person, oldest first."""
    ledger = Ledger()
    for text in messages:
        state(ledger, text)
    return ledger


def state(ledger: Ledger, text: str) -> list[Fact]:
    """Take a message into the ledger; returns what it stated, the last version of each."""
    keys: list[str] = []
    for clause in acts.clauses(acts.without_opening(text)):
        keys += [fact.key for fact in _clause(ledger, clause)]
    return [ledger.facts[key] for key in dict.fromkeys(keys) if key in ledger.facts]


def _clause(ledger: Ledger, clause: str) -> list[Fact]:
    question = acts.is_question(clause)
    corrects = bool(_CORRECTS.search(clause)) and bool(ledger.facts)
    stated = _typed(ledger, clause, question=question, corrects=corrects)
    if question:
        return stated
    kept = _NEGATED.sub(" ", clause) if corrects else clause
    found = [_shoe_size(ledger, one) if corrects else one for one in (*named(kept), *places(kept), *items(kept))]
    if corrects and not any(not one.aside for one in found):
        exchanged = [] if stated else _substituted(ledger, clause) or _anonymous(ledger, clause)
        if exchanged or stated:
            return [*stated, *exchanged]
    stated += [ledger.put(one) for one in found]
    if not [fact for fact in stated if not fact.aside]:
        stated += _general(ledger, clause)
    return stated


def _typed(ledger: Ledger, clause: str, *, question: bool, corrects: bool) -> list[Fact]:
    stated = []
    for key, pattern in TYPED:
        seen = list(
            dict.fromkeys(
                match[0].upper() if key != "e-mail address" else match[0].rstrip(".")
                for match in pattern.finditer(clause)
            )
        )
        if not seen:
            continue
        if corrects and len(seen) > 1:
            seen = [
                value
                for value in seen
                if not re.search(rf"\b(?:not|instead of|rather than|isn't) {re.escape(value)}", clause, re.IGNORECASE)
            ]
        old = ledger.get(key)
        if old is not None and not corrects and (question or _ADDS.search(clause)):
            seen = list(dict.fromkeys([*re.split(r", | and ", old.value), *seen]))
        stated.append(ledger.put(Found(key, " and ".join(seen), _typed_clause(key, seen))))
    return stated


def _typed_clause(key: str, values_: list[str]) -> str:
    owner, noun = "the" if key == "order" else "your", "gift card code" if key == "gift card" else key
    if len(values_) > 1:
        return f"{owner} {noun}{'es' if noun.endswith('s') else 's'} are {' and '.join(values_)}"
    return f"{owner} {noun} is {values_[0]}"


def _shoe_size(ledger: Ledger, found: Found) -> Found:
    """A corrected size is the shoe size if that is the one that was stated."""
    if found.key != "size" or "size" in ledger.facts or "shoe size" not in ledger.facts:
        return found
    return Found("shoe size", found.value, f"your shoe size is {found.value}", found.aside)


def _substituted(ledger: Ledger, clause: str) -> list[Fact]:
    """“14, not 12”, “not blue but green”: exchange what is named, wherever it was stated."""
    for pattern in (_NOT_BUT, _BUT_NOT):
        for match in pattern.finditer(clause):
            old, new = match["old"].strip(), _core(match["new"])
            if new and old.lower() != new.lower():
                changed = ledger.replace(old, new)
                if changed:
                    ledger.last = changed[-1].key
                    return changed
    return []


def _anonymous(ledger: Ledger, clause: str) -> list[Fact]:
    """“Actually it's Y”: what Y is by its shape, else what was stated last."""
    match = _ANONYMOUS.search(clause)
    value = _core(match["value"] or match["now"] or match["should"] or match["make"] or "") if match else ""
    if not value or len(value.split()) > 9:
        return []
    key = _kind(ledger, value)
    if key is None:
        return []
    old = ledger.facts[key]
    new = values.LONE_SIZE.match(value)[1] if key.endswith("size") and values.LONE_SIZE.match(value) else value  # type: ignore[index]
    clause_now = re.sub(re.escape(old.value), lambda _: new, old.clause, count=1, flags=re.IGNORECASE)
    return [ledger.put(Found(key, new, clause_now, old.aside))]


def _kind(ledger: Ledger, value: str) -> str | None:
    shapes = (
        ("address", values.STREET), ("address", values.STREET_LOWER), ("address", values.STREET_ABROAD),
        ("shoe size", values.LONE_SIZE), ("size", values.LONE_SIZE), ("delivery date", values.DATE),
        ("order date", values.DATE), ("date", values.DATE), ("amount", values.AMOUNT), ("phone number", values.PHONE),
    )  # fmt: skip
    fitting = [key for key, shape in shapes if key in ledger.facts and shape.match(value)]
    if len(value.split()) <= 2 and "colour" in ledger.facts and values.COLOUR.search(value):
        fitting.append("colour")
    if ledger.last in fitting or not fitting:
        return ledger.last if ledger.last in ledger.facts and not ledger.last.startswith("said") else None
    return fitting[0]


def _general(ledger: Ledger, clause: str) -> list[Fact]:
    """Any other sentence in the first person, or about their things, kept as it was said."""
    if not re.search(r"\b(?:i|i'm|i've|my|we|our|me|mine|im|ive)\b", clause.replace("’", "'"), re.IGNORECASE):
        return []
    if len(content_words(clause)) < 1 or len(clause) > 240:
        return []
    key = f"said {len(ledger.facts)} {clause[:40]}"
    return [ledger.put(Found(key, clause, second_person(clause)))]


def _core(text: str) -> str:
    return _LEADING.sub("", text.strip()).strip(" .,;:!\"'“”")
