"""What the offline assistant says in its own words. Everything else in a reply is quoted."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.chat.facts import Fact
from rag.chat.voice import capitalised, ended, joined

HELLO = (
    "Hello! Ask me anything about the help centre's articles, or tell me about your order and I will keep it in mind."
)
HELLO_AGAIN = "Hello again! What can I look up for you?"
THANKS = (
    "You're welcome! Just ask if there is anything else.",
    "You're welcome! Is there anything else that I can look up?",
    "Glad to help! I'm here if anything else comes up.",
)
GOODBYE = "Goodbye, and take care! What you told me stays in this session only."
NOISE = "I did not understand that. Could you put it into a few words, for example: how do I return a jacket?"
ABOUT = (
    "I am an offline, extractive assistant: I quote the help centre and what you told me in this conversation, and I "
    "write nothing of my own. So I can look things up and remember what you said, but I cannot reason about it or do "
    "anything for you, and when neither covers your question, I say so."
)
DONT_KNOW = "I don't know: I found nothing about that in the help centre, and you have not told me about it."
CLOSEST = "The closest I can find:"
OTHERS = "I don't know anything about other people: I see the help centre and what you told me in this conversation."
UNTOLD = "I don't know {}: you have not told me that in this conversation."
NOTHING_TOLD = "You have not told me anything about yourself in this conversation yet."

_GOING = "it is going to "
_MINOR = frozenset({"order", "amount", "size", "shoe size", "colour", "date", "order date", "delivery date", "place"})
_UNCLEAR = (
    (
        re.compile(r"\bhow (?:much|expensive)\b|\b(?:price|cost)", re.IGNORECASE),
        "What would you like the price of? For example, standard delivery to the UK, or a repair.",
    ),
    (
        re.compile(r"\bhow (?:long|soon|fast|quickly)\b|\bwhen\b|\bhow many days\b", re.IGNORECASE),
        "Could you say what you are asking about? For example, a delivery, a refund, or a repair.",
    ),
    (
        re.compile(r"\border|parcel|package|delivery\b", re.IGNORECASE),
        "Could you tell me more about your order? For example: is it late, damaged, incomplete, or would "
        "you like to change, cancel or return it?",
    ),
    (
        re.compile(r"\b(?:work|broken|wrong|problem|issue|error|fail|trouble)", re.IGNORECASE),
        "I'm sorry to hear that. Could you tell me what exactly went wrong: with an order, a delivery, a "
        "payment, or your account?",
    ),
)
_CLARIFY = (
    "Could you tell me a bit more about what you need? For example, ask about delivery, returns, "
    "refunds, warranty, sizes, payment or your account."
)


def pick(variants: Sequence[str], number: int) -> str:
    return variants[number % len(variants)]


def clarify(text: str) -> str:
    """What to ask back when a message is too vague."""
    return next((reply for pattern, reply in _UNCLEAR if pattern.search(text)), _CLARIFY)


def noted(facts: Sequence[Fact]) -> str:
    return f"Noted: {ended(said(facts))}"


def you_told(facts: Sequence[Fact], *, noted: bool = False) -> str:
    """What was stated before, or is stated just now."""
    return f"{'Noted' if noted else 'You told me'}: {ended(said(facts))}"


def said(facts: Sequence[Fact]) -> str:
    """Facts in one sentence. An order and where it goes read as one: “the order is …, going to …”."""
    facts = [fact for fact in facts if not fact.aside] or list(facts)
    clauses = {fact.key: fact.clause for fact in facts if not _told_by_another(fact, facts)}
    for key in ("address", "place"):
        going = clauses.get(key, "")
        if "order" in clauses and going.startswith(_GOING):
            clauses["order"] += f", going to {going.removeprefix(_GOING)}"
            del clauses[key]
            break
    parts = list(dict.fromkeys(clauses.values()))
    return "; ".join(parts) if any("," in part for part in parts) else joined(parts)


def _told_by_another(fact: Fact, facts: Sequence[Fact]) -> bool:
    others = [other for other in facts if other is not fact]
    if any(fact.clause == other.clause and fact.key > other.key for other in others):
        return True
    return any(
        fact.value.lower() in other.clause.lower()
        and fact.clause != other.clause
        and len(other.clause) > len(fact.clause)
        for other in others
        if fact.key in _MINOR
    )


def untold(what: str) -> str:
    """That this person never said what they ask to be reminded of."""
    return UNTOLD.format(what) if what else NOTHING_TOLD


def sentence(text: str) -> str:
    return capitalised(ended(text))
