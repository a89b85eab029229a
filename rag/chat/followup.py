"""Follow-up questions made self-contained before the search.

A question that stands on its own comes back as it is: an old topic never enters it. Only what this person asked is
used, never an answer or a source.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from rag.chat import acts
from rag.chat.terms import concept, content_words, words
from rag.chat.values import COUNTRIES, country_key

LOOK_BACK = 8
LONGEST = 400

_INSTRUCTION = """\
Rewrite the last question of the conversation so that it can be understood without the conversation. Replace pronouns
by what they refer to and add what was left out. Do not answer it, do not add anything else, keep its language. If it
is already self-contained, repeat it unchanged. Reply with the question alone."""

_LEADING = re.compile(
    r"^\W*(?:(?:and|or|but|so|also|then|ok(?:ay)?|well|hm+|what about|how about|what if)\b[\s,]*)+", re.IGNORECASE
)
_CONTINUES = re.compile(
    r"^\W*(?:and|or|but|so|also|then|what about|how about|same|why|since when|until when)\b", re.IGNORECASE
)
_EXPLETIVE = re.compile(
    r"\b(?:is|was|isn't|would|will|does|how (?:much|long) (?:is|does|would|will)) it (?:be )?(?:possible|ok|okay|allowed|free|safe|better|cost|take)\b.* to\b|"
    r"\b(?:is|are) there\b|\bthat (?:i|you|we|they|the|my|it|is)\b(?=.*\w{4})|\bthis (?:week|month|year|order|chat|conversation|site|website|shop|morning|afternoon)\b",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"\b(?:it|its|it's|this|that|that's|these|those|they|them|their|there|one|ones|he|she|him|her|the same|the other|the first|the second|the latter|either|both|else)\b",
    re.IGNORECASE,
)
_FRAME = re.compile(
    r"^\W*(?:(?:and|so|but|also|ok|please|hi|hello),?\s+)*(?:how (?:much|many|long|often|far|quickly|fast|big|do|does|can|could|would|is|are|to)|what(?:'s| is| are| if| about| happens| do| does| can)?|when|where|which|who|why|"
    r"can|could|do|does|did|is|are|was|were|will|would|should|may|am|tell me|i (?:want|need|would like|'d like) to(?: know)?|i'd like to(?: know)?)\b",
    re.IGNORECASE,
)
_AUXILIARY = re.compile(
    r"^\W*(?:(?:is|are|was|were|do|does|did|can|could|would|will|should|may|have|has|i|you|we|one|it|there|the|a|an|my|your|to|about|happens|if|when|also|still|please|be|get|take|cost|costs|much|long|know|expect)\b\W*)+",
    re.IGNORECASE,
)
_CHOICES = (
    frozenset({"standard", "express"}),
    frozenset({"visa", "mastercard", "amex", "paypal", "klarna", "card", "cards", "voucher", "gift"}),
    frozenset("tent jacket boot boots shoes pack backpack rucksack socks fleece trousers gloves hat shirt".split()),
)


@dataclass(frozen=True, slots=True)
class Resolved:
    """`text` stands on its own. `focus` is what was newly asked; `context` was only carried over from before."""

    text: str
    focus: str
    context: str = ""


def standalone(question: str, history: Sequence[BaseMessage], model: BaseChatModel | None = None) -> str:
    """The question as it can be searched for: rewritten by the model where there is one, else (or on failure) by rules."""
    if model is not None and any(isinstance(message, HumanMessage) for message in history):
        rewritten = _rewritten(question, history, model)
        if rewritten:
            return rewritten
    return resolve(question, said(history)).text


def said(history: Sequence[BaseMessage]) -> list[str]:
    """What this person wrote, oldest first."""
    return [message.text for message in history if isinstance(message, HumanMessage)]


def resolve(question: str, earlier: Sequence[str]) -> Resolved:
    """The rules. `earlier` are this person's messages, oldest first; the last few are enough."""
    topic: Resolved | None = None
    for text in earlier[-LOOK_BACK:]:
        if _carries_topic(text):
            topic = _resolve(text, topic)
    return _resolve(question, topic)


def _carries_topic(text: str) -> bool:
    if acts.is_greeting(text) or acts.is_thanks(text) or acts.is_goodbye(text) or acts.is_noise(text):
        return False
    return not acts.asks_to_recall(text) and not acts.asks_about_assistant(text)


def _resolve(question: str, topic: Resolved | None) -> Resolved:
    bare = acts.without_opening(question)
    if topic is None or acts.asks_to_recall(bare) or not depends(question):
        return Resolved(question.strip(), bare)
    swapped = _swapped(bare, topic.text)
    if swapped is not None:
        return Resolved(swapped, swapped)
    about = phrase(topic)
    kept = " ".join(word for word in about.split() if concept(word.lower().strip(".,?!")) not in _concepts(bare))
    if not content_words(kept):
        return Resolved(bare, bare)
    asked = _LEADING.sub("", bare).strip() or bare
    return Resolved(f"{asked.rstrip(' ?.!')} ({about})?", asked, about)


def depends(question: str) -> bool:
    """True when a question cannot be understood without what was said before."""
    content = content_words(_LEADING.sub("", question))
    if _CONTINUES.match(question) and len(content) <= 3:
        return True
    if acts.is_question(question) and len(content) <= 1 and not _names_topic(question):
        return True
    match = _PRONOUN.search(_EXPLETIVE.sub(" ", question))
    if match is None:
        return False
    before = content_words(question[: match.start()])
    return len(before) < 2 and len(content) <= 5


def phrase(topic: Resolved) -> str:
    """What an earlier question was about, without the words that only ask: “standard delivery to the UK”."""
    text = topic.text.strip().rstrip("?.! ").replace("(", "").replace(")", "")
    text = _AUXILIARY.sub("", _FRAME.sub("", acts.without_opening(text), count=1), count=1).strip(" ,")
    return " ".join(text.split()[:14])


def _names_topic(question: str) -> bool:
    """“What is Larkspur Plus?”, “Returns?”: one word is all it takes."""
    content = content_words(question)
    return bool(content) and not re.search(
        r"\b(?:much|long|many|often|far|soon|quickly|when|why|where|fast)\b", question, re.IGNORECASE
    )


def _swapped(question: str, before: str) -> str | None:
    """“And to the EU?” after “How much is delivery to the UK?”: the same question with the one thing exchanged."""
    bare = _LEADING.sub("", question).strip(" ?.!")
    if len(content_words(bare)) > 2 or _FRAME.match(bare):
        return None
    new, old = country_key(bare), country_key(before)
    if new and old and new != old:
        return _exchange(before, rf"(?:the )?{re.escape(old)}", COUNTRIES[new])
    for choices in _CHOICES:
        found = [word for word in words(bare) if word in choices]
        present = [word for word in words(before) if word in choices]
        if found and present and not set(found) & set(present):
            return _exchange(before, re.escape(present[0]), found[0])
    return None


def _exchange(text: str, old: str, new: str) -> str:
    return re.sub(rf"\b{old}\b", new, text, count=1, flags=re.IGNORECASE)


def _concepts(text: str) -> set[str]:
    return {concept(word) for word in words(text)}


def _rewritten(question: str, history: Sequence[BaseMessage], model: BaseChatModel) -> str | None:
    recent = [message for message in history if message.type in ("human", "ai") and message.text][-6:]
    lines = [f"{'Customer' if message.type == 'human' else 'Assistant'}: {message.text[:500]}" for message in recent]
    request = "\n".join([*lines, f"Customer: {question}"])
    try:
        text = str(model.invoke([SystemMessage(_INSTRUCTION), HumanMessage(request)]).text)
    except Exception:  # whatever a provider raises, the rules are there; the answer itself will report it
        return None
    text = " ".join(text.split()).strip('"“”')
    return text if text and len(text) <= LONGEST else None
