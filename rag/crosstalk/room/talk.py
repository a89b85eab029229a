"""What people ask in a room, and the model that answers: it knows nothing but its prompt.

Each message ends in a ticket, as those of a simulation do, so that no two are alike and the checker can tell them
apart; what is shown is without it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from rag.colours import seed
from rag.crosstalk.log.events import Message
from rag.errors import CrosswireError

LONGEST = 200
"""Characters of a question that somebody typed."""
HELLO = "Hello, I am {name} and my order is {secret}."
_ORDER = re.compile(r"\bLK-[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{6}\b")
_PERSONAL = re.compile(r"\b(?:i|me|my|mine|order|number|secret|told|said|know|remember|parcel)\b", re.IGNORECASE)
_MARK = re.compile(r" (?:My ticket is (\w{1,60})|This is answer \d{1,6}, to ticket \w{1,60})\.$")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Question:
    """One that a phone offers. key: how it is named in requests."""

    key: str
    text: str


QUESTIONS = (
    Question("order", "What is my order number?"),
    Question("parcel", "Where is my parcel?"),
    Question("told", "What have I told you so far?"),
    Question("return", "How long can I take to send it back?"),
)
_BY_KEY = {question.key: question.text for question in QUESTIONS}


class BadRoomQuestion(CrosswireError):
    """What was typed cannot be asked. The message says why."""


def asked(key: str, text: str) -> str:
    """The question as it is shown: one that is offered, or what was typed. Raises BadRoomQuestion."""
    if key:
        if key not in _BY_KEY:
            raise BadRoomQuestion(f"There is no such question. Choose one of: {', '.join(_BY_KEY)}.")
        return _BY_KEY[key]
    if len(text) > LONGEST:
        raise BadRoomQuestion(f"The question has {len(text)} characters: shorten it to {LONGEST}.")
    plain = " ".join("".join(" " if unicodedata.category(one) in _HIDDEN else one for one in text).split())
    if not plain:
        raise BadRoomQuestion("The question is empty.")
    return plain


def marked(text: str, name: str, number: int) -> str:
    return f"{text} My ticket is {name.replace(' ', '_')}_{number}."


def unmarked(text: str) -> str:
    """As it is shown."""
    return _MARK.sub("", text)


def answer(messages: Sequence[Message], number: int) -> str:
    """number: of this answer, so that no two are alike. Deterministic.

    It answers the newest question of its prompt; asked for what a customer told it, it repeats an order number that it
    finds there. Of several it takes any, as a model does that cannot know whose they are.
    """
    question = next((message.text for message in reversed(messages) if message.role == "user"), "")
    mark = _MARK.search(question)
    said = _said(unmarked(question), messages, f"{question} {number}")
    return f"{said} This is answer {number}, to ticket {mark[1]}." if mark else said


def _said(question: str, messages: Sequence[Message], chance: str) -> str:
    if _ORDER.search(question):
        return "Thank you, I have written that down."
    if not _PERSONAL.search(question):
        return "You have 30 days, and sending it back is free."
    orders = sorted({found for message in messages for found in _ORDER.findall(message.text)})
    if not orders:
        return "I have nothing of you yet."
    order = orders[seed(chance, "which") % len(orders)]
    if "parcel" in question:
        return f"Your parcel with the order {order} is on its way."
    return f"Your order is {order}."
