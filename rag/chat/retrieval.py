"""What a question is searched with where it may follow up the ones before it.

A question that is short, or near to nothing by itself, is also searched together with the last messages of this person;
what is found that way counts less. The passages that the last answer cited stay at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.chat.offline.phrases import REFERRING
from rag.chat.offline.ranking import leaning, spoken
from rag.knowledge import COVERED, Passage
from rag.knowledge.search.keywords import tokens

SHORT = 4
"""A question of no more words that count may follow up another."""
CITED = 0.8
"""The score, compared with the best one, with which a passage of the last answer stays."""
LOOK_BACK = 2


def search(
    find: Callable[[str, int], list[Passage]], question: str, history: Sequence[BaseMessage], k: int
) -> tuple[list[Passage], str]:
    """The `k` best passages, best first, and the text that they were found with.

    `find(text, k)` searches. `history`: this session's messages, oldest first; answers carry their sources.
    """
    found = find(question, k)
    words, heard = tokens(question), spoken(question)
    if not _leans(words, heard, found):
        return found, question
    said = (message.text for message in reversed(history) if isinstance(message, HumanMessage))
    before = [*islice(filter(tokens, said), LOOK_BACK)]
    if not before:
        return found, question
    together = " ".join([*reversed(before), question])
    best = {passage.id: passage for passage in found}
    for passage in find(together, k):
        _keep(best, passage, passage.score * leaning(words, heard) ** 0.5)
    top = max((passage.score for passage in best.values()), default=0.0)
    for passage in _cited(history):
        _keep(best, passage, top * CITED)
    return sorted(best.values(), key=lambda passage: (-passage.score, passage.id))[:k], together


def _leans(words: Sequence[str], heard: Sequence[str], found: Sequence[Passage]) -> bool:
    short = len(words) <= SHORT or not REFERRING.isdisjoint(heard)
    return short or not found or found[0].score < COVERED


def _keep(best: dict[str, Passage], passage: Passage, score: float) -> None:
    known = best.get(passage.id)
    if known is None or known.score < score:
        best[passage.id] = passage.scored(score)


def _cited(history: Sequence[BaseMessage]) -> list[Passage]:
    """The passages of articles that the last answer cited, as they were stored with it.

    Those of a person's own documents are found by searching alone: they may have been removed meanwhile.
    """
    answer = next((message for message in reversed(history) if isinstance(message, AIMessage)), None)
    stored = answer.response_metadata.get("sources", ()) if answer is not None else ()
    fields = ("passage_id", "document_id", "title", "heading", "text", "score", "private")
    return [
        Passage(*(source[name] for name in fields))
        for source in stored
        if all(name in source for name in fields) and not source["private"]
    ]
