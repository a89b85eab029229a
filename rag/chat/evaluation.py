"""How well the offline model answers: questions whose answer is known, and dialogues of which each turn is.

A question is answered right if what is quoted holds an expected text or, where none is given, cites an article that
answers; it may also be refused. What no article answers and is answered all the same is a false answer.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.chat.prompt import Source, build_prompt
from rag.chat.retrieval import search
from rag.chat.service import OFFLINE_SOURCES, source_of
from rag.knowledge import Library
from rag.knowledge.search.evaluation import half_of

VERDICTS = ("right", "wrong", "refused", "false answer")
_UNKNOWING = frozenset({"dont_know", "clarify"})
_CHECKED_KINDS = _UNKNOWING | {"greeting", "thanks"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply to one question, its kind, and the sources that it cites."""

    text: str
    kind: str
    cited: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A dialogue as it went. `recalled` of `recalls` questions for what was stated got it."""

    name: str
    transcript: tuple[str, ...]
    complaints: tuple[str, ...]
    recalls: int
    recalled: int


def ask(model: BaseChatModel, library: Library, question: str, history: Sequence[BaseMessage] = ()) -> Answer:
    """One turn as the service runs it, but for what is stored."""
    passages, _ = search(library.search, question, history, OFFLINE_SOURCES)
    sources = [source_of(number, passage) for number, passage in enumerate(passages, 1)]
    reply = model.invoke(build_prompt(sources, history, question))
    cited = tuple(source for source in sources if f"[{source.number}]" in reply.text)
    return Answer(str(reply.text), str(reply.response_metadata["kind"]), cited)


def answered(model: BaseChatModel, library: Library, path: Path) -> Counter[tuple[str, str, str, str]]:
    """How often each (half, language, part, verdict) came of the questions in a file of data/eval."""
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for line in _lines(path):
        answer = ask(model, library, line["question"])
        counts[half_of(line["question"]), line.get("lang", "en"), line["part"], _verdict(line, answer)] += 1
    return counts


def held(model: BaseChatModel, library: Library, paths: Iterable[Path]) -> list[Outcome]:
    """All dialogues of these files, each from an empty history."""
    return [_hold(model, library, dialogue) for path in paths for dialogue in _lines(path)]


def _verdict(line: dict[str, Any], answer: Answer) -> str:
    articles = {name for name in (line["article"], *line.get("also", ())) if name}
    refused = answer.kind in _UNKNOWING or not answer.cited
    if not articles:
        return "refused" if refused else "false answer"
    if refused:
        return "refused"
    if line.get("expect_any"):
        return "right" if _holds(answer.text, line["expect_any"]) else "wrong"
    return "right" if articles & {source.document_id for source in answer.cited} else "wrong"


def _hold(model: BaseChatModel, library: Library, dialogue: dict[str, Any]) -> Outcome:
    history: list[BaseMessage] = []
    transcript: list[str] = []
    complaints: list[str] = []
    recalls = recalled = 0
    for turn in dialogue["turns"]:
        answer = ask(model, library, turn["say"], history)
        missed = [f"none of {group}" for group in turn["expect_any"] if not _holds(answer.text, group)]
        found = missed + [f"says {one!r}" for one in turn["forbid"] if _holds(answer.text, [one])]
        if turn["kind"] in _CHECKED_KINDS and answer.kind != turn["kind"]:
            found.append(f"is {answer.kind}, not {turn['kind']}")
        recalls += turn["kind"] == "recall"
        recalled += turn["kind"] == "recall" and not missed
        complaints += [f"{turn['say']!r}: {one}" for one in found]
        transcript += [f"> {turn['say']}", f"< ({answer.kind}) {answer.text}"]
        cited = [source.to_dict() for source in answer.cited]
        history += [HumanMessage(turn["say"]), AIMessage(answer.text, response_metadata={"sources": cited})]
    return Outcome(dialogue["name"], tuple(transcript), tuple(complaints), recalls, recalled)


def _holds(text: str, any_of: Iterable[str]) -> bool:
    folded = " ".join(text.split()).casefold()
    return any(" ".join(one.split()).casefold() in folded for one in any_of)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
