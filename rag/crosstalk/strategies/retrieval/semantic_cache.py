"""A cache in front of the model: a question that means the same gets the stored answer, whoever asks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rag.crosstalk.checker import anomalies as kind
from rag.crosstalk.checker.anomalies import kinds
from rag.crosstalk.strategies.base import Asked, Lab, PerSession, Steps, pair, question
from rag.crosstalk.strategies.retrieval.embedding import Embedding

if TYPE_CHECKING:
    from rag.crosstalk.strategies.retrieval.embedding import Vector

SIMILAR = 0.9
_REMARK = re.compile(r" My ticket is \w+\.")


class SemanticCache(PerSession):
    name = "semantic-cache"
    title = "Answers cached by question"
    place = 160
    lesson = "A cache keyed by the question alone serves one user's personal answer to the next user who asks the same."
    wrong = (
        "“What is my order number?” means the same whoever asks, but its answer does not. The history is right and "
        "the prompt would have been; the model is never asked."
    )
    seen = ("vllm-project/semantic-router#1448, #2134",)
    fix = (
        "Put everything the answer depends on into the key: the session, its history. Or cache only what is impersonal."
    )
    expects = kinds(kind.FOREIGN_READ, kind.FOREIGN_WRITE)
    may = kinds(kind.DUPLICATE, kind.INTERLEAVED_TURNS, kind.REORDERED, kind.STALE_PROMPT, kind.SWAPPED_ANSWER)

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.embedding = Embedding()
        self.cache: list[tuple[Vector, str]] = []

    def turn(self, asked: Asked) -> Steps:
        yield "load from the cache"
        key = self.embedding([_REMARK.sub("", asked.text)])[0]
        answer = self.cached(key)
        if answer is None:
            yield "load"
            history = list(self.histories[asked.session])
            yield "ask"
            answer = asked.ask([*history, question(asked)])
            yield "save to the cache"
            self.cache.append((key, answer))  # the bug
        yield "save turn"
        self.histories[asked.session].extend(pair(asked, answer))
        return answer

    def cached(self, key: Vector) -> str | None:
        """The answer to the most similar question, if that is similar enough."""
        score, answer = max(((float(known @ key), said) for known, said in self.cache), default=(0.0, ""))
        return answer if score >= SIMILAR else None  # the bug
