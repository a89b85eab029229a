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
from rag.chat.facts import Ledger, remember
from rag.chat.intents import as_question
from rag.chat.terms import concept, content_words, listed, words
from rag.chat.values import COUNTRIES, COUNTRY, PAYMENT, country_key

LOOK_BACK = 6
LONGEST = 400

_INSTRUCTION = """\
Rewrite the last question of the conversation so that it can be understood without the conversation. Replace pronouns
by what they refer to and add what was left out. Do not answer it, do not add anything else, keep its language. If it
is already self-contained, repeat it unchanged. Reply with the question alone."""

_LEADING = re.compile(
    r"^\W*(?:(?:and|or|but|so|also|then|ok(?:ay)?|well|hm+|what about|how about|what if)\b[\s,]*)+", re.IGNORECASE
)
_CONTINUES = re.compile(
    r"^\W*(?:and|or|but|so|also|then|what about|how about|same|why|since when|until when|(?:at|in|by|for|"
    r"with|from) (?:what|which|how))\b",
    re.IGNORECASE,
)
_EXPLETIVE = re.compile(
    r"\b(?:is|was|isn't|would|will|does|how (?:much|long) (?:is|does|would|will)) it (?:be )?(?:possible|"
    r"ok|okay|allowed|free|safe|better|cost|take)\b.* to\b|"
    r"\b(?:is|are) there\b|\bthat (?:i|you|we|they|the|my|it|is)\b(?=.*\w{4})|\bthis (?:week|month|year|"
    r"order|chat|conversation|site|website|shop|morning|afternoon)\b",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"\b(?:it|its|it's|this|that|that's|these|those|they|them|their|there|one(?=\W*$|\W+(?:is|are|does|do|if|for|that)\b)|ones|he|she|him|her|"
    r"the same|the other|the first|the second|the latter|either|both|else)\b",
    re.IGNORECASE,
)
_FRAME = re.compile(
    r"^\W*(?:(?:and|so|but|also|ok|please|hi|hello),?\s+)*(?:how (?:much|many|long|often|far|quickly|fast|"
    r"big|do|does|can|could|would|is|are|to)|what(?:'s| is| are| if| about| happens| do| does| can)?|when|"
    r"where|which|who|why|"
    r"can|could|do|does|did|is|are|was|were|will|would|should|may|am|tell me|i (?:want|need|would like|"
    r"'d like) to(?: know)?|i'd like to(?: know)?)\b",
    re.IGNORECASE,
)
_AUXILIARY = re.compile(
    r"^\W*(?:(?:is|are|was|were|do|does|did|can|could|would|will|should|may|have|has|i|you|we|one|it|"
    r"there|the|a|an|my|your|to|about|happens|if|when|also|still|please|be|get|take|cost|costs|much|long|"
    r"know|expect)\b\W*)+",
    re.IGNORECASE,
)
_TO_ME = re.compile(
    r"\b(?:to me|to us|here|my (?:country|place|address|home|house|area|town|city)|where i live|"
    r"deliver\w*|shipping|ship|postage|express|currency|customs|duty|duties|import|VAT|tax(?:es)?)\b",
    re.IGNORECASE,
)
_DEPENDS_ON = (
    ("shoe size", re.compile(r"\b(?:shoe|boot|my|EU|US) size\b", re.IGNORECASE), re.compile(r"\d"), "{}"),
    ("size", re.compile(r"\bmy size\b", re.IGNORECASE), re.compile(r"\d"), "size {}"),
    ("place", _TO_ME, COUNTRY, "to {}"),
    (
        "payment",
        re.compile(r"\b(?:refund\w*|money back|paid back|reimburse\w*)\b", re.IGNORECASE),
        PAYMENT,
        "paid with {}",
    ),
    (
        "membership",
        re.compile(r"\b(?:return\w*|label|express|send (?:\w+ )?back|early)\b", re.IGNORECASE),
        re.compile(r"\b(?:plus|member)", re.IGNORECASE),
        "{} member",
    ),
)
"""Which stated facts an answer depends on: key, questions for which they matter, what a question names instead."""

_ONLY_ASKS = re.compile(r"\b(?:much|long|many|often|far|soon|quickly|when|why|where|fast)\b", re.IGNORECASE)
_ANTECEDENT = re.compile(
    r"[,.;:!?–—]|\b(?:if|when|because|and|but|once|while|after|before|that|which|or|until|since|so)\b", re.IGNORECASE
)
_ARTICLE = re.compile(r"\b(?:an?|the|my)\b", re.IGNORECASE)
_MY_THING = re.compile(r"\b(?:my|this|the) (\w{3,})", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"\W*(?:and |so )?(?:what(?:'s| is| are)|which is) (?:the|its|their) "
    r"(?:number|price|cost|address|limit|fee|deadline|code|time|size|weight|colou?r|date|link|maximum|"
    r"minimum|hours?)\W*$",
    re.IGNORECASE,
)
_HOW_MUCH = re.compile(r"\W*(?:how (?:long|much|many|often|soon|fast)|when|until when)\b", re.IGNORECASE)
_ORDINAL = re.compile(r"\s+(?:same|other|first|last|new|next|whole)\b", re.IGNORECASE)
_CONDITION = re.compile(r"(?:if|when|because|once|after|before|while)\b", re.IGNORECASE)
_PREPOSITION = re.compile(r"\b(?:to|for|on|in|of|with|from|at|by|within|outside)\b", re.IGNORECASE)
_CHOICES = (
    frozenset({"standard", "express"}),
    frozenset({"visa", "mastercard", "amex", "paypal", "klarna", "card", "cards", "voucher", "gift"}),
    listed(
        "tent tents jacket jackets boot boots shoes pack packs backpack rucksack socks fleece trousers gloves hat shirt"
    ),
)


@dataclass(frozen=True, slots=True)
class Resolved:
    """`text` stands on its own. `focus` is what was newly asked; `context` was only carried over from before."""

    text: str
    focus: str
    context: str = ""


def standalone(question: str, history: Sequence[BaseMessage], model: BaseChatModel | None = None) -> str:
    """The question as it can be searched for: rewritten by the model, or by rules without or on failure."""
    if model is not None and any(isinstance(message, HumanMessage) for message in history):
        rewritten = _rewritten(question, history, model)
        if rewritten:
            return rewritten
    earlier = said(history)
    resolved = resolve(question, earlier)
    alone = _asked_alone(question)
    wish = as_question(alone)
    carried = resolved.context or resolved.text != question.strip()
    text = wish if wish != alone and not depends(wish) else resolved.text if carried else alone
    return located(text, remember([*earlier, question]))


def located(question: str, known: Ledger) -> str:
    """The question with what this person stated and what its answer depends on: where, how paid, which membership."""
    if acts.asks_to_recall(question):
        return question
    notes = []
    for key, matters, named, note in _DEPENDS_ON:
        fact = known.get(key)
        if fact is None or not matters.search(question) or named.search(question):
            continue
        if fact.value.lower().removeprefix("the ") not in question.lower():
            notes.append(note.format(fact.value))
    item = known.get("item")
    if item is not None and _own_thing(question, item.value):
        notes.append(item.value)
    return f"{question.rstrip(' ?.!')} ({', '.join(notes)})?" if notes else question


def _own_thing(question: str, item: str) -> bool:
    """“My jacket” is the Hearth jacket that this person bought."""
    return (
        any(word.lower() in words(item) for word in _MY_THING.findall(question))
        and item.lower() not in question.lower()
    )


def said(history: Sequence[BaseMessage]) -> list[str]:
    """What this person wrote, oldest first."""
    return [message.text for message in history if isinstance(message, HumanMessage)]


def resolve(question: str, earlier: Sequence[str]) -> Resolved:
    """The rules. `earlier` are this person's messages, oldest first; the last few are enough."""
    if not depends(question):
        return _resolve(question, None)
    topic: Resolved | None = None
    for text in earlier[-LOOK_BACK:]:
        if _carries_topic(text):
            topic = _resolve(_main(text), topic)
    return _resolve(question, topic)


def _main(text: str) -> str:
    """The last question of a message; what stands around it is background. Without one, the message."""
    asked = [part for part in acts.clauses(acts.without_opening(text)) if acts.is_question(part)]
    return asked[-1] if asked and len(content_words(asked[-1])) > 1 else text


def _asked_alone(question: str) -> str:
    """The one question of a message that also says other things, if it needs nothing of them."""
    parts = acts.clauses(acts.without_opening(question))
    asked = [part for part in parts if acts.is_question(part)]
    if len(parts) < 2 or len(asked) != 1 or len(content_words(asked[0])) < 2 or _refers(asked[0]):
        return question.strip()
    return asked[0]


def _carries_topic(text: str) -> bool:
    if acts.is_greeting(text) or acts.is_thanks(text) or acts.is_goodbye(text) or acts.is_noise(text):
        return False
    return bool(words(_LEADING.sub("", text))) and not acts.asks_to_recall(text) and not acts.asks_about_assistant(text)


def _resolve(question: str, topic: Resolved | None) -> Resolved:
    bare = acts.without_opening(question)
    if topic is None or acts.asks_to_recall(bare) or not depends(question):
        return Resolved(question.strip(), bare)
    swapped = _swapped(bare, topic.text)
    if swapped is not None:
        return Resolved(swapped, swapped)
    asked = _LEADING.sub("", bare).strip(" ?.!")
    if not asked:
        return Resolved(bare, bare)
    parallel = _parallel(asked, topic) if _CONTINUES.match(bare) or _CONDITION.match(asked) else None
    if parallel is not None:
        return Resolved(parallel, parallel)
    about = _carried(asked, topic, parallel=bool(_CONTINUES.match(bare)))
    if not content_words(about):
        return Resolved(bare, bare)
    frame = _HOW_MUCH.match(topic.text)
    if frame and not acts.is_question(asked) and not bare.lower().startswith("what if"):
        asked = f"{frame[0].strip()}: {asked}"
    return Resolved(f"{asked.rstrip(' ?.!')} ({about})?", asked, about)


def _parallel(asked: str, topic: Resolved) -> str | None:
    """“And on tent poles?” after “How long is the warranty on packs?”: the last thing named is exchanged."""
    before = topic.text.rstrip(" ?.!")
    if not acts.is_question(topic.text) or "(" in before:
        return None
    if _CONDITION.match(asked):
        return f"{before} {asked}?"
    if acts.is_question(asked) or _PRONOUN.search(asked):
        return None
    places = list(_PREPOSITION.finditer(before))
    new = _PREPOSITION.match(asked)
    if new is not None:
        same = next((place for place in reversed(places) if place[0].lower() == new[0].lower()), None)
        return f"{before[: same.start()] if same else before + ' '}{asked}?"
    articles = list(_ARTICLE.finditer(before))
    if articles and _ORDINAL.match(before, articles[-1].end()):
        return None
    if _ARTICLE.match(asked) and articles:
        end = re.compile(r"\s+\w[\w’'-]*").match(before, articles[-1].end())
        return f"{before[: articles[-1].start()]}{asked}{before[end.end() :] if end else ''}?"
    if not places or places[-1][0].lower() == "to" or not content_words(before[places[-1].end() :]):
        return None
    return f"{before[: places[-1].end()]} {asked}?"


def _carried(asked: str, topic: Resolved, *, parallel: bool) -> str:
    """The part of the topic that still holds: not what is asked again or replaced."""
    about = topic.context if parallel and topic.context else phrase(topic)
    own = _concepts(asked)
    ruled_out = {word for choices in _CHOICES if choices & set(words(asked)) for word in choices}
    return " ".join(
        word
        for word in about.split()
        if concept(bare := word.lower().strip(".,?!;:")) not in own and bare not in ruled_out
    )


def depends(question: str) -> bool:
    """True when a question cannot be understood without what was said before."""
    content = content_words(_LEADING.sub("", question))
    if _CONTINUES.match(question) and len(content) <= 3:
        return True
    if _ATTRIBUTE.match(question):
        return True
    if acts.is_question(question) and len(content) <= 1 and not _names_topic(question):
        return True
    match = _refers(question)
    if match is None:
        return False
    before = _ANTECEDENT.split(question[: match.start()])[:-1]
    return len(content_words(" ".join(before))) < 2 and len(content) <= 3


def _refers(question: str) -> re.Match[str] | None:
    """The first word that refers to something else; “is it possible to” and “is there” do not."""
    return _PRONOUN.search(_EXPLETIVE.sub(" ", question))


def phrase(topic: Resolved) -> str:
    """What an earlier question was about, without the words that only ask: “standard delivery to the UK”."""
    parts = [part for part in acts.clauses(topic.text) if len(content_words(part)) > 1] or [topic.text]
    text = parts[-1].strip().rstrip("?.! ").replace("(", "").replace(")", "")
    text = _AUXILIARY.sub("", _FRAME.sub("", acts.without_opening(text), count=1), count=1).strip(" ,")
    return " ".join(text.split()[:14])


def _names_topic(question: str) -> bool:
    """“Returns?”, “What is Larkspur Plus?”, “How long does a repair take?”: one word that says what about."""
    content = content_words(question)
    if not content:
        return False
    if re.search(rf"\b(?:an?|the|my|your|our) {re.escape(content[0])}", question, re.IGNORECASE):
        return True
    return not _ONLY_ASKS.search(question)


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
        if found and present and not set(found) & set(present) and len(content_words(bare)) == len(found):
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
