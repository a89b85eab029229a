"""Which stated facts a question asks for, or touches. Only facts of the ledger are ever returned."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.chat import phrases
from rag.chat.facts import Fact, Ledger
from rag.chat.terms import bag, concepts, listed
from rag.chat.voice import second_person

_I = re.IGNORECASE
_SLOTS = (
    (
        "name",
        re.compile(
            r"\b(?:my|the|what|which) (?:full |first |last )?name\b|\bwho (?:am i|i am)\b|"
            r"\b(?:am i|i'm|i am) called\b|\bcall me\b",
            _I,
        ),
    ),
    ("return number", re.compile(r"\b(?:return|rma)(?: number| no\b)|\brma\b", _I)),
    ("gift card", re.compile(r"\bgift ?card(?: code| number)?\b", _I)),
    (
        "order",
        re.compile(
            r"\border (?:number|no\b|id|code|reference)|\b(?:my|which|what(?: was| is|"
            r"'s)?(?: my| the)?) order\b(?! (?:going|go|sent|date))|\bnumber of (?:my|"
            r"the) order\b|\border did i\b",
            _I,
        ),
    ),
    ("e-mail address", re.compile(r"\be-?mail\b", _I)),
    ("phone number", re.compile(r"\b(?:phone|telephone|mobile|cell)\b|\bwhat(?:'s| is| was) my number\b", _I)),
    (
        "address",
        re.compile(
            r"(?<!mail )\baddress\b|\bwhere\b.*\b(?:going|go|goes|sent|send|deliver\w*|"
            r"ship\w*|live|headed|heading|arrive)\b|\b(?:live|street|house number|"
            r"post ?code)\b",
            _I,
        ),
    ),
    (
        "place",
        re.compile(
            r"\bwhere (?:am i|do (?:i|we) live|i live|are we|i am|i'm)\b|\b(?:country|city|"
            r"town)\b|\bwhere\b.*\b(?:going|go|goes|sent|send|deliver\w*|ship\w*|from)\b",
            _I,
        ),
    ),
    ("shoe size", re.compile(r"\b(?:shoe|boot|foot)s? size\b|\bsize\b", _I)),
    ("size", re.compile(r"\bsize\b", _I)),
    ("colour", re.compile(r"\bcolou?r\b", _I)),
    (
        "delivery date",
        re.compile(r"\bwhen\b.*\b(?:arrive|delivered|get|receive|come|came)\b|\b(?:delivery|arrival) date\b", _I),
    ),
    (
        "order date",
        re.compile(r"\bwhen\b.*\b(?:order|buy|bought|purchase|place)\w*\b|\b(?:order|purchase) date\b", _I),
    ),
    ("date", re.compile(r"\bwhen\b|\bdate\b", _I)),
    (
        "amount",
        re.compile(
            r"\bhow much (?:did|was|is)\b|\bamount\b|\b(?:spent|spend)\b|"
            r"\bwhat did i pay\b(?! with)",
            _I,
        ),
    ),
    (
        "payment",
        re.compile(
            r"\bhow (?:did|have) i (?:\w+ )*?(?:pay|paid)\b|\bpayment (?:method|option)\b|"
            r"\bpa(?:y|id) (?:with|by)\b|\bwhat did i pay with\b",
            _I,
        ),
    ),
    ("membership", re.compile(r"\bmember(?:ship)?\b", _I)),
    (
        "item",
        re.compile(
            r"\bwhat (?:did|have) i (?:\w+ )?(?:order|buy|bought|ordered|purchase|get|got|"
            r"pick|choose|receive|return)\w*\b|\bwhat(?:'s| is| was) (?:in )?my order\b|"
            r"\b(?:which|what) (?:item|product|thing)s?\b|\bdid i (?:order|buy)\b",
            _I,
        ),
    ),
    (
        "wish",
        re.compile(
            r"\bwhat (?:did|do) i (?:say i )?(?:want|need|ask|look)\w*\b|\blooking for\b|"
            r"\bwanted?\b",
            _I,
        ),
    ),
)
_EVERYTHING = re.compile(
    r"\b(?:about me|what (?:else )?(?:do|did) you (?:know|remember|note)|what (?:did|have) i (?:say|said|"
    r"tell|told|mention)(?:ed)?(?: (?:to )?you)?(?: so far| about me)?\W*$|"
    r"summari[sz]e|recap|everything|so far|all (?:my|the) (?:details|data|info)|my details|what i (?:told|"
    r"said)(?: you)?\W*$)\b|\bwhat have i told you\b",
    _I,
)
_IS_MY = re.compile(
    r"^\W*(?:and |so )?(?:what|which|how (?:much|many|long|big|tall|old|heavy|wide|far)|who|when)(?:'s|"
    r" is| are| was| were) (?:my|our) (.+)",
    _I,
)
_FRAME = listed(
    "remember recall remind told mention said say tell earlier before name number details confirm repeat "
    "previously first"
)


def recall(questions: Sequence[str], ledger: Ledger) -> str:
    """“You told me: …” with what the questions ask for, or an empty string if it was never stated."""
    found: list[Fact] = []
    for question in questions:
        found += asked_for(question, ledger)
    found = list(dict.fromkeys(found))
    return phrases.you_told(found) if found else ""


def asked_for(question: str, ledger: Ledger) -> list[Fact]:
    """The facts that a question about one's own words asks for."""
    facts = list(ledger.facts.values())
    own = [fact for fact in facts if not fact.key.startswith("said") and _names(question, fact)]
    if re.search(r"\babout (?:my|the|that|this) (?:order|parcel|delivery)\b|\border details\b", question, _I):
        return [
            fact for fact in facts if fact.key in ("order", "item", "address", "place", "order date", "delivery date")
        ]
    slots = slots_of(question)
    held = [fact for fact in (ledger.get(slot) for slot in slots) if fact is not None]
    if {"address", "place"} <= {fact.key for fact in held}:
        held = [fact for fact in held if fact.key != "place"]
    if {"item", "wish"} & {fact.key for fact in held} and not {"order"} & set(slots):
        held = [fact for fact in held if fact.key in ("item", "wish", "size", "colour", "shoe size")]
    found = list(dict.fromkeys([*held, *own]))
    if found:
        return found
    if _EVERYTHING.search(question):
        return [fact for fact in facts if not fact.aside]
    if slots:
        return _mentioning(question, facts, strict=True)
    return _mentioning(question, facts)


def slots_of(question: str) -> list[str]:
    """The keys that a question names: “which address did I give?” → address."""
    found = [key for key, pattern in _SLOTS if pattern.search(question)]
    if "return number" in found or "gift card" in found:
        found = [key for key in found if key not in ("item", "order")]
    if {"order date", "delivery date"} & set(found):
        found = [key for key in found if key != "date"]
    return found


def missing(question: str) -> str:
    """What a question asks to be reminded of, as “your order number”."""
    for key in slots_of(question):
        return {
            "order": "your order number",
            "item": "what you ordered",
            "wish": "what you were looking for",
            "place": "where you are",
            "address": "your address",
            "order date": "when you ordered",
            "delivery date": "when it arrived",
            "date": "the date",
            "amount": "the amount",
        }.get(key, f"your {key}")
    match = re.search(r"\bmy ([\w’'-]+(?: (?!is\b|was\b|again\b|are\b)[\w’'-]+){0,3})", question, _I)
    return f"your {second_person(match[1])}" if match else "that"


def names_fact(question: str, ledger: Ledger) -> bool:
    """“How much is my basket now?” asks for what was stated as “my basket is …”."""
    match = _IS_MY.search(question)
    return match is not None and any(_names(match[1], fact) for fact in ledger.facts.values())


def mine(question: str, earlier: Sequence[str]) -> str:
    """“And what is mine?” after “What is Ben's address?” is “What is my address?”."""
    if not earlier or not re.search(r"\bmine\b", question, _I):
        return question
    slots = slots_of(earlier[-1])
    return f"What is my {slots[0]}?" if slots else question


def related(question: str, ledger: Ledger) -> list[Fact]:
    """Facts that a question about the shop touches: “my order” touches its number and where it goes."""
    found = []
    if re.search(r"\b(?:my|the|this) (?:order|parcel|package)\b", question, _I):
        found += [ledger.get("order"), ledger.get("item")]
        if re.search(r"\baddress|where|deliver|sent|going", question, _I):
            found.append(ledger.get("address"))
    if re.search(r"\bmy (?:\w+ )?address\b|\b(?:to|at) (?:me|my (?:place|home|house))\b", question, _I):
        found.append(ledger.get("address") or ledger.get("place"))
    if re.search(r"\bmy (?:shoe |boot )?size\b", question, _I):
        found += [ledger.get("shoe size"), ledger.get("size")]
    if re.search(r"\bmy e-?mail\b", question, _I):
        found.append(ledger.get("e-mail address"))
    item = ledger.get("item")
    if item is not None and (bag(item.value) & bag(question) or re.search(r"\b(?:it|them)\b", question, _I)):
        found.append(item)
    return [fact for fact in dict.fromkeys(found) if fact is not None]


def _names(question: str, fact: Fact) -> bool:
    """“What is my dog called?” names the fact that was stated as “my dog is called Rex”."""
    key = bag(fact.key)
    return (
        bool(key)
        and key <= bag(question)
        and fact.key not in ("name", "date", "item", "wish", "place", "address", "size", "order")
    )


def _mentioning(question: str, facts: Sequence[Fact], *, strict: bool = False) -> list[Fact]:
    """The stated sentences that share most words with the question."""
    asked = {one for one in concepts(question) if one not in _FRAME}
    ranked = [(len(asked & bag(f"{fact.key} {fact.clause}")), fact) for fact in facts if not fact.aside]
    best = max((count for count, _ in ranked), default=0)
    if best < (2 if strict and len(asked) > 1 else 1):
        return []
    return [fact for count, fact in ranked if count == best][-3:]
