"""Conversations with the offline model over the real library, written by people who had not seen it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rag.chat import evaluation
from rag.chat.evaluation import Outcome, ask, held
from rag.chat.offline import OfflineChatModel
from rag.chat.offline.ranking import Ranker
from rag.chat.prompt import Source
from rag.knowledge import Library, open_library
from rag.knowledge.embedding.embedders import make_embedder
from rag.settings import load
from rag.ui.chat.suggestions import FIRST_QUESTIONS
from tests import PROJECT

EVAL = PROJECT / "data" / "eval"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OfflineChatModel, Library]]:
    settings = load(state_dir=tmp_path_factory.mktemp("state"), knowledge_dir=PROJECT / "data" / "knowledge")
    embedder = make_embedder(settings)
    library = open_library(settings, embedder)
    library.add([settings.knowledge_dir])
    yield OfflineChatModel(ranker=Ranker(embedder)), library
    library.close()


def test_what_was_stated_is_recalled_in_nine_of_ten_and_most_dialogues_are_flawless(
    parts: tuple[OfflineChatModel, Library],
) -> None:
    outcomes = held(*parts, [EVAL / "dialogues-a.jsonl", EVAL / "dialogues-b.jsonl"])
    failures = "\n\n".join(_shown(outcome) for outcome in outcomes if outcome.complaints)
    assert sum(one.recalled for one in outcomes) >= 0.9 * sum(one.recalls for one in outcomes), failures
    assert sum(not one.complaints for one in outcomes) >= 46, failures


@pytest.mark.parametrize("question", FIRST_QUESTIONS)
def test_each_first_question_of_the_page_is_answered_from_an_article(
    parts: tuple[OfflineChatModel, Library], question: str
) -> None:
    answer = ask(*parts, question)
    assert answer.kind in ("answer", "combine")
    assert answer.cited


@pytest.mark.parametrize(
    ("line", "answer", "verdict"),
    [
        ({"article": "a", "expect_any": ["30 days"]}, ("Within  30 DAYS [1].", "answer", True), "right"),
        ({"article": "a", "expect_any": ["30 days"]}, ("Within a year [1].", "answer", True), "wrong"),
        ({"article": "a"}, ("See [1].", "answer", True), "right"),
        ({"article": "b", "also": ["a"]}, ("See [1].", "answer", True), "right"),
        ({"article": "b"}, ("See [1].", "answer", True), "wrong"),
        ({"article": "a"}, ("I cannot say.", "dont_know", True), "refused"),
        ({"article": "a"}, ("Hello!", "greeting", False), "refused"),
        ({"article": ""}, ("I cannot say.", "dont_know", False), "refused"),
        ({"article": ""}, ("See [1].", "answer", True), "false answer"),
    ],
)
def test_an_answer_is_judged_by_what_it_quotes_or_else_cites(
    line: dict[str, object],
    answer: tuple[str, str, bool],
    verdict: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text, kind, cites = answer
    cited = (Source(1, "a#0", "a", "Returns", "", ""),) if cites else ()
    monkeypatch.setattr(evaluation, "ask", lambda *_: evaluation.Answer(text, kind, cited))
    file = tmp_path / "asked.jsonl"
    file.write_text(json.dumps({"question": "How long?", "part": "p", **line}) + "\n\n")
    unused: Any = None
    (counted,) = evaluation.answered(unused, unused, file)
    assert counted[1:] == ("en", "p", verdict)


def _shown(outcome: Outcome) -> str:
    return "\n  ".join([outcome.name, *outcome.transcript, *(f"! {one}" for one in outcome.complaints)])
