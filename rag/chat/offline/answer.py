"""One reply from sources, what this person said earlier, and a question. Pure: all but a few fixed phrases is quoted.

Sentences are ranked by meaning and by words. What the person said stands first where the question is about the person;
where sources are as near, both are quoted. Of two things said that are much alike the newest is quoted, because it
corrects the other. Nothing is concluded: a rule is quoted with what limits it, and the reader applies it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np

from rag.chat.offline import phrases
from rag.chat.offline.ranking import Question, Ranker, Ready, leaning, scores, spoken
from rag.chat.offline.units import Unit, sentences
from rag.chat.prompt import Source
from rag.knowledge import COVERED
from rag.knowledge.search.keywords import STOPWORDS

Kind = Literal["answer", "recall", "combine", "dont_know", "clarify", "greeting", "thanks", "acknowledge"]

# Chosen on the half of data/eval/questions.jsonl that is called "tuned", and on dialogues-a and -b; data/eval/*-c.jsonl
# were only measured.
NEAR = 0.2
"""A unit of a source under this is not quoted."""
OWN = 0.24
"""Something said earlier under this is not quoted, where the question is about the person; elsewhere SAID."""
SAID = 0.5
SAME = 0.9
"""From this cosine on, two units say the same."""
ALIKE = 0.6
"""From this cosine on, two things that were said are about the same."""
CLOSE = 0.8
"""A further unit is quoted if it is this near, compared with the best."""
ADDS = 0.3
"""… or if it has this share of the question's words, and nothing that is quoted has them."""
REPLACES = 0.5
"""A thing said later stands for one that it is like if it is this near, compared with it."""
PARAGRAPH = 2
"""A sentence of a paragraph of so many is quoted with it: a rule with what limits it."""
PRIOR = 0.5
"""How much of a unit's score hangs on how well its whole passage was found."""
VAGUE = 0.55
"""One word alone is a question if a passage is this near to it."""
INTENT = 0.72
"""From this cosine on, a question is one of those that are known by examples."""
SHORT = 0.6
"""A question that leans on the one before by more than this may ask on for what the person said."""
MOST, LOOKED_AT, LONGEST_LIST = 3, 12, 8
LOOK_BACK, LONGEST_PLACE, REMEMBERED = 3, 500, 100
"""Messages that a question may lean on; characters of what a sentence goes on with; things said that are looked at."""

_SMALL_TALK: tuple[tuple[str, Kind, frozenset[str], frozenset[str]], ...] = (
    (phrases.GREETING, "greeting", phrases.GREETINGS, phrases.FILLING),
    (phrases.THANKS, "thanks", phrases.THANKING, phrases.FILLING | phrases.GREETINGS),
    (phrases.CLARIFY, "clarify", phrases.HELPLESS, frozenset()),
)


@dataclass(frozen=True, slots=True)
class _Stated:
    """A sentence that this person said, with all of what it goes on with or corrects."""

    text: str
    before: str
    corrects: bool


def compose(ranker: Ranker, sources: Sequence[Source], said: Sequence[str], question: str) -> tuple[str, Kind]:
    """The reply, and what kind of one it is. `said`: this person's earlier messages, oldest first."""
    ranker = ranker.for_one_reply()
    top = max((source.score for source in sources), default=0.0)
    if reply := _without_search(ranker, said, question, top):
        return reply
    stated, asking = _asking(ranker, question)
    earlier = [*islice(filter(ranker.tokens, reversed(said)), LOOK_BACK)][::-1] + ([stated] if stated else [])
    texts = ranker.sources(sources, (asking, *earlier))
    amount = any(not phrases.AMOUNTS.isdisjoint(ranker.spoken(text)) for text in (asking, *earlier))
    best, quotes = _best(texts, ranker.question(asking, earlier, texts), top, amount)
    own, nearest = _recalled(ranker, said, asking) if asks(asking) else ([], "")
    lines = [phrases.SAID.format(text) for _, text in own]
    near = max((score for score, _ in own), default=0.0)
    if quotes and best >= CLOSE * near and not _about_person_only(ranker, asking):
        lines += _quoted(texts, quotes)
        return "\n\n".join(lines), "combine" if own else "answer"
    if own:
        return "\n\n".join(lines), "recall"
    known = any(texts.having.get(word) for word in ranker.tokens(asking))
    return _unknown(ranker, asking, question, nearest, sources, known)


def asks(message: str) -> bool:
    """Whether a message asks for something, rather than stating it."""
    return message.rstrip().endswith("?") or not phrases.ASKING.isdisjoint(spoken(message)[:1])


def _about_person_only(ranker: Ranker, asking: str) -> bool:
    """“What is my …?”: a thing that only this person can know."""
    words = ranker.spoken(asking)
    opened = not phrases.OPENING.isdisjoint(words[:2])
    return opened and not phrases.MINE.isdisjoint(words) and len(ranker.tokens(asking)) <= 2


def _without_search(ranker: Ranker, said: Sequence[str], question: str, top: float) -> tuple[str, Kind] | None:
    """Replies to what asks for nothing that could be found. `top` is the score of the nearest passage."""
    words = set(ranker.spoken(question))
    for text, kind, some, others in _SMALL_TALK:
        if words & some and words <= some | others:
            return text, kind
    for place, examples in ((0, phrases.FIRST_ASKED), (-1, phrases.LAST_ASKED)):
        if said and ranker.similarity(question, examples) >= INTENT:
            asked = [sentence for message in said for sentence in sentences(message) if asks(sentence)]
            if asked:
                return phrases.ASKED.format(asked[place]), "recall"
    vague = len(ranker.tokens(question)) < 2 and not said and top < VAGUE and phrases.OWN.isdisjoint(words)
    empty = not ranker.tokens(question) and (not said or phrases.OWN.isdisjoint(words))
    return (phrases.CLARIFY, "clarify") if vague or empty else None


def _asking(ranker: Ranker, message: str) -> tuple[str, str]:
    """What a message states and what it asks; all of it asks if no sentence does."""
    said = sentences(message)
    asked = [sentence for sentence in said if asks(sentence)]
    if not ranker.tokens(" ".join(asked)):
        return "", message
    return " ".join(sentence for sentence in said if sentence not in asked), " ".join(asked)


def _best(texts: Ready, question: Question, top: float, amount: bool) -> tuple[float, list[int]]:
    """The few units that answer best and say different things, best first, and its score; none if nothing is near."""
    if top < COVERED or not texts.units:
        return 0.0, []
    priors = 1 - PRIOR + PRIOR * np.maximum([source.score for source in texts.sources], 0.0) / top
    every = scores(question, texts) * priors * texts.counts[int(amount)]
    found = np.argsort(-every, kind="stable")[:LOOKED_AT].tolist()
    best = float(every[found[0]])
    # What is found for a follow-up has something of its own, and not only of what was said before it.
    own = any(number in texts.having[word] for word in question.own for number in found[:MOST])
    if best < NEAR or (question.leans and best < 2 * NEAR and not own):
        return 0.0, []
    chosen: list[int] = []
    for number in found:
        more = every[number] >= CLOSE * best or _adds(texts, question, number, chosen)
        if more and len(chosen) < MOST and _differs(texts, number, chosen):
            chosen.append(number)
    return best, chosen


def _adds(texts: Ready, question: Question, number: int, chosen: Sequence[int]) -> bool:
    """Whether it has words of the question itself that nothing chosen has: what limits a rule is often said apart."""
    told = {word for word in question.own for one in chosen if texts.having[word].get(one) == 1.0}
    new = [word for word in question.own if word not in told and texts.having[word].get(number) == 1.0]
    return sum(question.weights[word] for word in new) >= ADDS * sum(question.weights[word] for word in question.own)


def _differs(texts: Ready, number: int, chosen: Sequence[int]) -> bool:
    cosines = texts.vectors[chosen] @ texts.vectors[number]
    return all(texts.units[number].text not in texts.units[one].text for one in chosen) and bool((cosines < SAME).all())


def _recalled(ranker: Ranker, said: Sequence[str], asking: str) -> tuple[list[tuple[float, str]], str]:
    """What this person said that the question is near to, newest first; of what is alike, only the newest.

    Then what is nearest of all, however far.
    """
    stated = [one for one in _in_context(ranker, said) if not asks(one.text) and ranker.tokens(one.text)][-REMEMBERED:]
    if not stated:
        return [], ""
    personal = [sentence for sentence in sentences(asking) if not phrases.OWN.isdisjoint(ranker.spoken(sentence))]
    about_person, asking = bool(personal), " ".join(personal) or asking
    before = () if about_person and ranker.tokens(asking) else said[-LOOK_BACK:]
    questions = [_asking(ranker, message)[1] for message in before if asks(message)]
    about = " ".join(word for word in ranker.spoken(asking) if word not in phrases.SPEAKING)
    ready = ranker.ready([Unit(f"{one.before} {one.text}".strip()) for one in stated])
    near = scores(ranker.question(about, questions), ready)
    if about_person and ranker.similarity(asking, phrases.NAME_ASKED) >= INTENT:
        near += np.float32(OWN) * np.asarray([_names(one.text) for one in stated], dtype=np.float32)
    best = float(near.max())
    if best < (OWN if about_person or leaning(ranker.tokens(asking), ranker.spoken(asking)) > SHORT else SAID):
        return [], stated[int(near.argmax())].text
    kept: list[int] = []
    for number in np.flatnonzero(near >= REPLACES * best)[::-1].tolist():
        alike = ready.vectors @ ready.vectors[number] >= ALIKE
        if not any(_replaces(ranker, stated[one], stated[number], alike[one]) for one in kept):
            kept.append(number)
    first = [number for number in kept if near[number] >= CLOSE * best or number == kept[0]]
    return [(float(near[number]), stated[number].text) for number in first[:MOST]], stated[first[0]].text


def _replaces(ranker: Ranker, newer: _Stated, older: _Stated, alike: bool) -> bool:
    """Whether what was said later stands for what was said before: it is much alike, or corrects it."""
    if newer.corrects:
        return older.text in newer.before or not set(ranker.tokens(newer.text)).isdisjoint(ranker.tokens(older.text))
    return alike and not newer.before


def _in_context(ranker: Ranker, said: Sequence[str]) -> Iterator[_Stated]:
    before = ""
    for message in said:
        corrects = False
        for sentence in sentences(message):
            words = ranker.spoken(sentence)
            corrects = corrects or not phrases.CORRECTING.isdisjoint(words)
            goes_on = corrects or not phrases.GOING_ON.isdisjoint(words[:1])
            yield _Stated(sentence, before if goes_on else "", corrects)
            before = f"{before} {sentence}"[-LONGEST_PLACE:] if goes_on else sentence


def _names(sentence: str) -> bool:
    folded = f" {sentence.casefold().replace('’', chr(39))} "
    return any(f" {opening}" in folded for opening in phrases.NAMED)


def _quoted(texts: Ready, quotes: Sequence[int]) -> list[str]:
    """The chosen units with their marks: sentences as a paragraph each, rows and lists as lists."""
    found = []
    for unit, source in ((texts.units[number], texts.sources[number]) for number in quotes):
        around = [
            _marked(one.text, source)
            for one, its in zip(texts.units, texts.sources, strict=True)
            if its is source and (one.block, one.kind) == (unit.block, unit.kind)
        ]
        if unit.kind == "step":
            found.append("\n".join(f"{number}. {text}" for number, text in enumerate(around[:LONGEST_LIST], 1)))
        elif unit.kind == "sentence":
            found.append(" ".join(around) if len(around) <= PARAGRAPH else _marked(unit.text, source))
        else:
            found.append(f"- {_marked(unit.text, source)}")
    return list(dict.fromkeys(found))


def _marked(text: str, source: Source) -> str:
    mark = f"[{source.number}]"
    return f"{text[:-1]} {mark}{text[-1]}" if text.endswith((".", "!", "?")) else f"{text} {mark}"


def _unknown(
    ranker: Ranker, asking: str, message: str, nearest: str, sources: Sequence[Source], known: bool
) -> tuple[str, Kind]:
    if not asks(message) and not phrases.OWN.isdisjoint(ranker.spoken(message)):
        return phrases.NOTED, "acknowledge"
    if _about_person_only(ranker, asking):
        return phrases.NEAREST_SAID.format(nearest) if nearest else phrases.NOT_TOLD, "dont_know"
    if sources and not known and STOPWORDS.isdisjoint(ranker.spoken(asking)):
        return phrases.OTHER_WORDS, "clarify"
    return f"{phrases.UNKNOWN}{phrases.NEAREST.format(sources[0].title) if sources else ''}", "dont_know"
