"""A follow-up is searched for with what it refers to; a question that stands alone is left alone."""

from __future__ import annotations

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.chat.followup import standalone

ALONE = [
    "How do I reset my password?",
    "Can I return underwear?",
    "What is Larkspur Plus?",
    "Is it possible to pay with Klarna?",
    "How long does a repair take?",
    "Are there discounts for students?",
    "Returns?",
    "If a zip breaks, will you repair it for free?",
]
FOLLOWING = [
    (["How much is standard delivery to the UK?"], "And to the EU?", "How much is standard delivery to the EU?"),
    (["How much is standard delivery to the UK?"], "what about express?", "How much is express delivery to the UK?"),
    (["How long is the warranty on packs?"], "and on tent poles?", "How long is the warranty on tent poles?"),
    (["How much does it cost to repair a zipper?"], "and a patch?", "How much does it cost to repair a patch?"),
]
CARRIED = [
    (["How much is standard delivery to the UK?"], "and how long does it take?", ["how long", "standard delivery"]),
    (["How do I get a gift card?"], "How long is it valid?", ["valid", "gift card"]),
    (["How much is standard delivery to the UK?", "thanks!"], "how long does that take?", ["standard delivery"]),
    (["Do you ship to Canada?"], "How long?", ["How long", "Canada"]),
    (["I live in Norway", "How much is delivery to Canada?"], "How long?", ["How long", "Canada"]),
    (["I live in Norway"], "How much is standard delivery?", ["Norway"]),
    (["I paid with PayPal"], "When do I get my refund?", ["PayPal"]),
]


def history(*texts: str) -> list[BaseMessage]:
    return [message for text in texts for message in (HumanMessage(text), AIMessage("Old: sole, warranty, tent [1]."))]


@pytest.mark.parametrize("question", ALONE)
def test_a_complete_question_is_not_touched(question: str) -> None:
    assert standalone(question, history("How much is a tent pole?", "I like boots.")) == question


@pytest.mark.parametrize(("before", "question", "expected"), FOLLOWING)
def test_what_is_exchanged(before: list[str], question: str, expected: str) -> None:
    assert standalone(question, history(*before)) == expected


@pytest.mark.parametrize(("before", "question", "parts"), CARRIED)
def test_what_is_carried_over(before: list[str], question: str, parts: list[str]) -> None:
    text = standalone(question, history(*before))
    assert all(part in text for part in parts), text


def test_own_country_wins_over_the_stated_one() -> None:
    question = "How much is delivery to the US?"
    assert standalone(question, history("I live in Norway")) == question


def test_no_history_no_change() -> None:
    assert standalone("and how long does it take?", []) == "and how long does it take?"


def test_the_model_rewrites() -> None:
    model = FakeListChatModel(responses=['"How long does  UK delivery take?"\n'])
    assert standalone("how long?", history("UK delivery?"), model) == "How long does UK delivery take?"


def test_without_history_the_model_is_not_asked() -> None:
    model = FakeListChatModel(responses=["never"])
    assert standalone("How long?", [], model) == "How long?"


class _Failing(FakeListChatModel):
    def _call(self, *args: object, **kwargs: object) -> str:
        raise TimeoutError("no answer")


@pytest.mark.parametrize(
    "model", [_Failing(responses=[""]), FakeListChatModel(responses=[""]), FakeListChatModel(responses=["x" * 999])]
)
def test_rules_when_the_model_fails(model: FakeListChatModel) -> None:
    assert (
        standalone("And to the EU?", history("How much is delivery to the UK?"), model)
        == "How much is delivery to the EU?"
    )
