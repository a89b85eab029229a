"""What an article's front matter says is asked leads to the article, and is stored, changed and removed with it."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest

from rag.knowledge.parsing.formats import load
from rag.knowledge.search.index import Index
from rag.knowledge.search.keywords import tokens
from rag.knowledge.search.ranking import ASKED, MEANING, Ranked, best, blend, lifted
from rag.knowledge.search.records import NO_QUESTIONS, Entry, Questions, make_passage
from rag.knowledge.types import DocumentInfo
from tests.knowledge.support import library, wordllama, write

TENTS = """---
title: Tents
asked:
- my canvas palace collapsed
- "where do spare pegs live: bag or box"
---
# Tents
## Poles
A broken pole is replaced.
## Pegs
Pegs are in the small bag.
"""
OTHERS = {f"other{n}": f"# Other {n}\nArticle number {n} is about socks, hats and gloves." for n in range(20)}
SAID = "canvas palace collapsed"


def score_of(found: list[tuple[str, float]], document_id: str) -> float:
    return max((score for one, score in found if one == document_id), default=0.0)


def test_front_matter_is_read_and_no_part_of_the_text() -> None:
    loaded = load("tents.md", TENTS.encode())
    assert loaded.asked == ("my canvas palace collapsed", "where do spare pegs live: bag or box")
    assert "palace" not in loaded.text


def test_a_document_is_found_by_what_is_asked(tmp_path: Path) -> None:
    root = write(tmp_path, tents=TENTS, **OTHERS)
    with library(tmp_path) as books:
        books.add([root])
        first = books.search(SAID)[0]
        assert first.document_id == "tents"
        assert "palace" not in f"{first.title} {first.heading} {first.text}"
        document = books.document("tents")
        assert document is not None
        assert document.info.passages == 2
        assert "palace" not in document.text
    with library(tmp_path) as books:
        assert books.search(SAID)[0] == first


def test_what_is_asked_changes_and_goes_with_its_document(tmp_path: Path) -> None:
    root = write(tmp_path, tents=TENTS, **OTHERS)
    with library(tmp_path) as books:
        books.add([root])
        before = books.search(SAID)[0].score
        write(tmp_path, tents=TENTS.replace("my canvas palace collapsed", "how many people fit in"))
        assert books.add([root]).changed == ("tents",)
        found = [(passage.document_id, passage.score) for passage in books.search(SAID, k=9)]
        assert score_of(found, "tents") < before
        (root / "tents.md").unlink()
        books.add([root], prune=True)
        assert "tents" not in [passage.document_id for passage in books.search("how many people fit in", k=40)]
    with library(tmp_path) as books:
        assert "tents" not in [passage.document_id for passage in books.search("how many people fit in", k=40)]


def test_private_documents_have_none(tmp_path: Path) -> None:
    with library(tmp_path) as books:
        books.add_private("alice", "with.md", TENTS.encode())
        books.add_private("bob", "with.md", TENTS.split("---\n", 2)[2].encode())
        ours, theirs = (books.search(SAID, session_id=session) for session in ("alice", "bob"))
        assert [passage.score for passage in ours] == [passage.score for passage in theirs]


def test_stored_as_metadata() -> None:
    made = Questions.made(("a", "ü"), wordllama().embed(["a", "ü"]))
    again = Questions.stored(made.metadata())
    assert again.texts == made.texts
    np.testing.assert_array_equal(again.vectors, made.vectors)
    assert NO_QUESTIONS.metadata() == {}
    assert Questions.stored({"title": "x"}) is NO_QUESTIONS


def entry(document_id: str, *passages: str, asked: tuple[str, ...] = ()) -> Entry:
    info = DocumentInfo(document_id, document_id, document_id, len(passages), 0, private=False)
    made = tuple(make_passage(info, number, "", text) for number, text in enumerate(passages))
    questions = Questions(asked, wordllama().embed(list(asked))) if asked else NO_QUESTIONS
    return Entry(info, "", "", "", made, wordllama().embed(list(passages)), questions)


def test_the_likest_question_stands_for_its_document() -> None:
    documents = {
        "a": entry("a", "text", asked=("red apples", "green pears")),
        "b": entry("b", "text"),
        "c": entry("c", "text", asked=("blue whales",)),
    }
    vector = wordllama().question("green pears")
    first, none, other = Index(documents).asked(tokens("green pears"), vector)
    assert 1.0 >= first > 2 * other
    assert none == 0.0
    assert Index({"b": documents["b"]}).asked(["x"], vector).tolist() == [0.0]
    assert list(Index({}).ranked(["x"], vector, 4)) == []


def test_the_words_of_passages_cost_a_garbage_collection_nothing() -> None:
    words = entry("a", "red apples", "green pears").words
    gc.collect()
    assert [gc.is_tracked(one) for one in words] == [False, False]


@pytest.mark.parametrize("asked", [0.0, 0.2, 0.5, 1.0])
def test_it_lifts_a_whole_document_and_lowers_none(asked: float) -> None:
    strong, weak = lifted(
        blend(np.array([0.5, 0.25]), np.array([0.2, 0.1])), np.array([0]), np.array([0, 0]), np.array([asked])
    )
    own = MEANING * 0.5 + (1 - MEANING) * 0.2
    assert strong == pytest.approx(max(own, (1 - ASKED) * own + ASKED * asked))
    assert weak == pytest.approx(strong / 2)


def test_further_passages_of_a_document_rank_lower_and_keep_their_scores() -> None:
    passages = [*entry("a", "text", "text").passages, *entry("b", "text").passages, *entry("c", "text").passages]
    ranked = [
        Ranked(-score, passage.id, passage) for score, passage in zip((0.9, 0.8, 0.7, 0.6), passages, strict=True)
    ]
    assert [found.id for found in best([ranked], 2)] == ["a#0", "b#0"]
    assert [(found.id, found.score) for found in best([ranked[::2], ranked[1::2]], 3)] == [
        ("a#0", 0.9),
        ("a#1", 0.8),
        ("b#0", 0.7),
    ]
