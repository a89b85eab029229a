"""What somebody wants as the question that it amounts to. Pure; a text without a wish comes back as it is."""

from __future__ import annotations

import re

from rag.chat.terms import concept, concepts

_TO_A_PERSON = re.compile(
    r"\b(?:talk|speak|chat|get through|connect me|put me through|transfer me|escalate)(?:ing)? (?:to|with) "
    r"(?:an? |the |some|your )?(?:real |actual |live |human )*(?:human|person|people|someone|somebody|agent|"
    r"advisor|adviser|operator|representative|rep|staff|body|one|manager|supervisor|team|help ?desk|"
    r"customer service|support)\b|"
    r"^\W*(?:i (?:need|want) )?(?:an? )?(?:real |live )?(?:human|agent|operator)(?: please)?\W*$",
    re.IGNORECASE,
)
_HOW_DO = re.compile(r"\W*how (?:do|can|could|would|should|to)\b", re.IGNORECASE)
_FOR_ANY_ITEM = frozenset(map(concept, ("return", "exchange")))
_ITEM = re.compile(
    r"\s(?:it|them)\b|\s(?:my|this|these|those|the|an?)(?: (?!to\b|for\b|from\b)[\w’'-]+){0,2}? "
    r"(?:jackets?|coats?|boots|shoes|trousers|shirts?|t-shirts?|hats?|gloves|hoodies?|fleeces?|jumpers?|sweaters?|"
    r"dress|shorts|packs?|rucksacks?|backpacks?|parkas?)\b",
    re.IGNORECASE,
)
_INTENT = re.compile(
    r"\W*(?:i|we)?(?:['’]d| would|['’]m|['’]re| am| are)?(?: also| just| really| still)* ?"
    r"(?:(?:want|need|like|love|wish|have|trying|hoping|planning|looking) to|wanna)"
    r" (?!know|ask|understand|buy|order|find out|see)(?=\w)",
    re.IGNORECASE,
)


def as_question(text: str) -> str:
    """“I want to return my jacket” asks how to return it, “can I talk to a human” how to reach one; others stay."""
    if _TO_A_PERSON.search(text):
        return "How is the help desk reached by chat, phone or e-mail?"
    match = _INTENT.match(text)
    if match:
        text = f"How do I {text[match.end() :].rstrip(' .!')}?"
    if _HOW_DO.match(text) and not _FOR_ANY_ITEM.isdisjoint(concepts(text)):
        text = _ITEM.sub(" an item", text, count=1)
    return text
