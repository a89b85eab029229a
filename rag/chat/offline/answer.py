"""One reply from sources, what this person said earlier, and a question. Pure: all but a few fixed phrases is quoted.

Sentences are ranked by meaning and by words. What the person said stands first where the question is about the person;
where sources are as near, both are quoted. Of two things said that are much alike the newest is quoted, because it
corrects the other. Nothing is concluded: a rule is quoted with what limits it, and the reader applies it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Literal

import numpy as np

from rag.chat.offline import phrases
from rag.chat.offline.ranking import Question, Ranker, Ready, scores, spoken
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
ALIKE = 0.6
"""From this cosine on, two things that were said are about the same."""
CLOSE = 0.8
"""A further unit is quoted if it is this near, compared with the best."""
ADDS = 0.3
"""… or if it has this share of the question's words, and nothing that is quoted has them."""
AMOUNT = 1.2
"""A unit with a number counts so much more where the question asks for an amount or a time."""
POINTER = 0.7
"""What a unit counts that only points elsewhere."""
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
class Draft:
    """A reply, and what kind of one it is."""

    text: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class _Quote:
    score: float
    source: int
    unit: int


@dataclass(frozen=True, slots=True)
class _Stated:
    """A sentence that this person said, with all of what it goes on with or corrects."""

    text: str
    before: str
    corrects: bool


def compose(ranker: Ranker, sources: Sequence[Source], said: Sequence[str], question: str) -> Draft:
    """The reply. `said`: this person's earlier messages, oldest first."""
    ranker = ranker.for_one_reply()
    top = max((source.score for source in sources), default=0.0)
    if draft := _without_search(ranker, said, question, top):
        return draft
    stated, asking = _asking(ranker, question)
    ready = [ranker.source(source) for source in sources]
    earlier = [*islice(filter(ranker.tokens, reversed(said)), LOOK_BACK)][::-1] + ([stated] if stated else [])
    amount = AMOUNT if any(not phrases.AMOUNTS.isdisjoint(ranker.spoken(text)) for text in (asking, *earlier)) else 1.0
    quotes = _best(sources, ready, ranker.question(asking, earlier, ready), amount)
    own, nearest = _recalled(ranker, said, asking) if asks(asking) else ([], "")
    lines = [phrases.SAID.format(text) for _, text in own]
    near = max((score for score, _ in own), default=0.0)
    if quotes and (not own or quotes[0].score >= CLOSE * near) and not _about_person_only(ranker, asking):
        lines += _quoted(sources, ready, quotes)
        return Draft("\n\n".join(lines), "combine" if own else "answer")
    if own:
        return Draft("\n\n".join(lines), "recall")
    return _unknown(ranker, sources, ready, asking, question, nearest)


def asks(message: str) -> bool:
    """Whether a message asks for something, rather than stating it."""
    return message.rstrip().endswith("?") or not phrases.ASKING.isdisjoint(spoken(message)[:1])


def _about_person_only(ranker: Ranker, asking: str) -> bool:
    """“What is my …?”: a thing that only this person can know."""
    words = ranker.spoken(asking)
    opened = not phrases.OPENING.isdisjoint(words[:2])
    return opened and not phrases.MINE.isdisjoint(words) and len(ranker.tokens(asking)) <= 2


def _without_search(ranker: Ranker, said: Sequence[str], question: str, top: float) -> Draft | None:
    """Replies to what asks for nothing that could be found. `top` is the score of the nearest passage."""
    words = set(ranker.spoken(question))
    for text, kind, some, others in _SMALL_TALK:
        if words & some and words <= some | others:
            return Draft(text, kind)
    for place, examples in ((0, phrases.FIRST_ASKED), (-1, phrases.LAST_ASKED)):
        if said and ranker.similarity(question, examples) >= INTENT:
            asked = [sentence for message in said for sentence in sentences(message) if asks(sentence)]
            if asked:
                return Draft(phrases.ASKED.format(asked[place]), "recall")
    vague = len(ranker.tokens(question)) < 2 and not said and top < VAGUE and phrases.OWN.isdisjoint(words)
    empty = not ranker.tokens(question) and (not said or phrases.OWN.isdisjoint(words))
    return Draft(phrases.CLARIFY, "clarify") if vague or empty else None


def _asking(ranker: Ranker, message: str) -> tuple[str, str]:
    """What a message states and what it asks; all of it asks if no sentence does."""
    said = sentences(message)
    asked = [sentence for sentence in said if asks(sentence)]
    if not ranker.tokens(" ".join(asked)):
        return "", message
    return " ".join(sentence for sentence in said if sentence not in asked), " ".join(asked)


def _best(sources: Sequence[Source], ready: Sequence[Ready], question: Question, amount: float) -> list[_Quote]:
    """The few units that answer best and say different things, best first; none where nothing is near."""
    top = max((source.score for source in sources), default=0.0)
    if top < COVERED:
        return []
    sizes = [len(texts.units) for texts in ready]
    priors = np.repeat([1 - PRIOR + PRIOR * max(source.score, 0.0) / top for source in sources], sizes)
    numbered = np.where(np.concatenate([texts.numbered for texts in ready]), amount, 1.0)
    pointing = np.where(np.concatenate([texts.pointing for texts in ready]), POINTER, 1.0)
    every = scores(question, *ready) * priors * numbered * pointing
    ends = [*accumulate(sizes)]
    found = []
    for number in np.argsort(-every, kind="stable")[:LOOKED_AT].tolist():
        place = bisect_right(ends, number)
        found.append(_Quote(float(every[number]), place, number - ends[place] + sizes[place]))
    if not found or found[0].score < NEAR or (question.leans and not _of_its_own(found, ready, question)):
        return []
    chosen = [found[0]]
    for quote in found[1:]:
        near = quote.score >= CLOSE * found[0].score
        if len(chosen) < MOST and _differs(quote, chosen, ready) and (near or _adds(quote, chosen, ready, question)):
            chosen.append(quote)
    return chosen


def _adds(quote: _Quote, chosen: Sequence[_Quote], ready: Sequence[Ready], question: Question) -> bool:
    """Whether it has words of the question itself that nothing chosen has: what limits a rule is often said apart."""
    told = frozenset().union(*(ready[one.source].words[one.unit] for one in chosen))
    new = (ready[quote.source].words[quote.unit] - told) & question.own
    return sum(question.weights[word] for word in new) >= ADDS * sum(question.weights[word] for word in question.own)


def _of_its_own(found: Sequence[_Quote], ready: Sequence[Ready], question: Question) -> bool:
    """Whether what is found has anything of the question itself, and not only of what was said before it."""
    best = found[:MOST]
    words = frozenset().union(*(ready[one.source].words[one.unit] | ready[one.source].places[one.unit] for one in best))
    return not question.own.isdisjoint(words) or found[0].score >= 2 * NEAR


def _differs(quote: _Quote, chosen: Sequence[_Quote], ready: Sequence[Ready]) -> bool:
    text, vector = ready[quote.source].units[quote.unit].text, ready[quote.source].vectors[quote.unit]
    others = [(ready[one.source].units[one.unit].text, ready[one.source].vectors[one.unit]) for one in chosen]
    return all(text not in other and float(vector @ near) < 0.9 for other, near in others)


def _recalled(ranker: Ranker, said: Sequence[str], asking: str) -> tuple[list[tuple[float, str]], str]:
    """What this person said that the question is near to, newest first; of what is alike, only the newest.

    Then what is nearest of all, however far.
    """
    stated = [one for one in _in_context(ranker, said) if not asks(one.text) and ranker.tokens(one.text)][-REMEMBERED:]
    if not stated:
        return [], ""
    personal = [sentence for sentence in sentences(asking) if not phrases.OWN.isdisjoint(ranker.spoken(sentence))]
    about_person, asking = bool(personal), " ".join(personal) or asking
    questions = (
        []
        if about_person and ranker.tokens(asking)
        else [_asking(ranker, message)[1] for message in said[-LOOK_BACK:] if asks(message)]
    )
    about = " ".join(word for word in ranker.spoken(asking) if word not in phrases.SPEAKING)
    ready = ranker.ready([Unit(f"{one.before} {one.text}".strip()) for one in stated])
    near = scores(ranker.question(about, questions, ()), ready)
    if about_person and ranker.similarity(asking, phrases.NAME_ASKED) >= INTENT:
        near += np.float32(OWN) * np.asarray([_names(one.text) for one in stated], dtype=np.float32)
    best = float(near.max())
    if best < (OWN if about_person or ranker.leaning(asking) > SHORT else SAID):
        return [], stated[int(near.argmax())].text
    kept: list[int] = []
    for number in range(len(stated) - 1, -1, -1):
        replaced = any(
            _replaces(ranker, stated[one], stated[number], float(ready.vectors[one] @ ready.vectors[number]))
            for one in kept
        )
        if near[number] >= REPLACES * best and not replaced:
            kept.append(number)
    first = [number for number in kept if near[number] >= CLOSE * best or number == kept[0]]
    return [(float(near[number]), stated[number].text) for number in first[:MOST]], stated[first[0]].text


def _replaces(ranker: Ranker, newer: _Stated, older: _Stated, cosine: float) -> bool:
    """Whether what was said later stands for what was said before: it is much alike, or corrects it."""
    if newer.corrects:
        return older.text in newer.before or not set(ranker.tokens(newer.text)).isdisjoint(ranker.tokens(older.text))
    return not newer.before and cosine >= ALIKE


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


def _quoted(sources: Sequence[Source], ready: Sequence[Ready], quotes: Sequence[_Quote]) -> list[str]:
    """The chosen units with their marks: sentences as a paragraph each, rows and lists as lists."""
    found = []
    for quote in quotes:
        unit, mark = ready[quote.source].units[quote.unit], f"[{sources[quote.source].number}]"
        if unit.kind == "step":
            steps = [one for one in ready[quote.source].units if one.block == unit.block and one.kind == "step"]
            found.append("\n".join(f"{n}. {_marked(one.text, mark)}" for n, one in enumerate(steps[:LONGEST_LIST], 1)))
        elif unit.kind == "sentence":
            paragraph = [
                one.text for one in ready[quote.source].units if (one.block, one.kind) == (unit.block, unit.kind)
            ]
            found.append(
                " ".join(_marked(one, mark) for one in (paragraph if len(paragraph) <= PARAGRAPH else [unit.text]))
            )
        else:
            found.append(f"- {_marked(unit.text, mark)}")
    return list(dict.fromkeys(found))


def _marked(text: str, mark: str) -> str:
    return f"{text[:-1]} {mark}{text[-1]}" if text[-1:] in (".", "!", "?") else f"{text} {mark}"


def _unknown(
    ranker: Ranker, sources: Sequence[Source], ready: Sequence[Ready], asking: str, message: str, nearest: str
) -> Draft:
    if not asks(message) and phrases.OWN & set(ranker.spoken(message)):
        return Draft(phrases.NOTED, "acknowledge")
    if _about_person_only(ranker, asking):
        return Draft(phrases.NEAREST_SAID.format(nearest) if nearest else phrases.NOT_TOLD, "dont_know")
    known = frozenset().union(*(words for texts in ready for words in (*texts.words, *texts.places)))
    if sources and known.isdisjoint(ranker.tokens(asking)) and STOPWORDS.isdisjoint(ranker.spoken(asking)):
        return Draft(phrases.OTHER_WORDS, "clarify")
    return Draft(f"{phrases.UNKNOWN}{phrases.NEAREST.format(sources[0].title) if sources else ''}", "dont_know")
