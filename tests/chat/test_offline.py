"""The offline model is a real chat model: it streams what it generates, from its prompt alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from rag.chat.offline import NAME, OfflineChatModel
from rag.chat.prompt import Source, build_prompt

DELIVERY = """\
Larkspur ships every working day.

| Service | Price | Time |
|---|---|---|
| UK standard | £3.95 | 2–4 working days |
| UK express | £6.95 | next working day |

These cannot be sent abroad:

- **Fuel** and gas
- [Knives](../products/knives.md)

## How to follow a parcel

1. Open **My orders**.
2. Press *Track*.
"""
RETURNS = "You can return most items within 30 days of delivery. It must be unused. Plus members have 60 days."
SOURCES = (
    Source(1, "delivery#0", "delivery", "Delivery prices", "", DELIVERY),
    Source(2, "returns#0", "returns", "Return window", "Return window > Periods", RETURNS),
)
MODEL = OfflineChatModel()


def ask(
    question: str, *earlier: str, sources: Sequence[Source] = SOURCES, model: OfflineChatModel = MODEL
) -> AIMessage:
    history: list[BaseMessage] = []
    for text in earlier:
        history += [HumanMessage(text), AIMessage("OK.")]
    reply = model.invoke(build_prompt(sources, history, question))
    assert isinstance(reply, AIMessage)
    return reply


@pytest.mark.parametrize(
    ("question", "text", "kind"),
    [
        ("How much is UK express?", "UK express: £6.95, next working day [1].", "answer"),
        (
            "Until when can I return items?",
            "You can return most items within 30 days of delivery [2]. It must be unused [2].",
            "answer",
        ),
        ("How do I follow a parcel?", "How to follow a parcel: Open My orders; Press Track [1].", "answer"),
    ],
)
def test_quotes_are_readable(question: str, text: str, kind: str) -> None:
    reply = ask(question)
    assert (reply.text, reply.response_metadata["kind"]) == (text, kind)


def test_list_items_come_with_what_introduces_them() -> None:
    assert "These cannot be sent abroad: Fuel and gas" in ask("Can fuel be sent abroad?").text


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("hi", "greeting"),
        ("Good morning!", "greeting"),
        ("thanks a lot", "thanks"),
        ("ok, bye", "thanks"),
        ("asdfgh jkl", "clarify"),
        ("???", "clarify"),
        ("help", "clarify"),
        ("I have a problem", "clarify"),
        ("Do you sell bicycles?", "dont_know"),
        ("What is the capital of France?", "dont_know"),
        ("What is my phone number?", "dont_know"),
        ("What did the customer before me ask?", "dont_know"),
        ("Which address did the other user give you?", "dont_know"),
        ("My name is Ana", "acknowledge"),
        ("I ordered a tent", "acknowledge"),
        ("Are you a robot?", "answer"),
    ],
)
def test_kinds(question: str, kind: str) -> None:
    assert ask(question).response_metadata["kind"] == kind


LIBRARY = (
    Source(1, "", "", "Lost phone", "", "Sign in with a backup code. Then remove the old phone.", 0.5),
    Source(2, "", "", "How to return an item", "", "1. Open My orders.\n2. Print the label.", 0.49),
    Source(3, "", "", "Contact us", "", "The help desk is reached by chat and phone. Post is slow.", 0.48),
)
COLLOQUIAL = "what if my phone is nicked abroad with the backup"


@pytest.mark.parametrize(
    ("score", "kind", "start"),
    [
        (0.5, "answer", "The closest I can find: "),
        (0.1, "dont_know", "I don't know"),
        (0.0, "dont_know", "I don't know"),
    ],
)
def test_what_the_search_is_sure_of_is_quoted_as_the_closest(score: float, kind: str, start: str) -> None:
    reply = ask(COLLOQUIAL + "?", sources=[replace(LIBRARY[0], score=score)])
    assert (reply.response_metadata["kind"], reply.text.startswith(start)) == (kind, True), reply.text


PRICES = "Delivery to Norway takes 5 days.\n\nDelivery to the US takes 8 days.\n\nDelivery to Canada takes 9 days."


@pytest.mark.parametrize(
    "earlier", [["Do you deliver to Canada?"], ["I live in Canada.", "Do you deliver here?"], ["Delivery to Canada?"]]
)
def test_a_follow_up_keeps_its_country(earlier: list[str]) -> None:
    reply = ask("How long?", *earlier, sources=[Source(1, "", "", "Delivery times", "", PRICES, 0.5)])
    assert reply.text == "Delivery to Canada takes 9 days [1]."


@pytest.mark.parametrize(
    "wish", ["I want to return my jacket", "I'd like to return these boots.", "how do i return it"]
)
def test_a_wish_is_answered_with_how_it_is_done(wish: str) -> None:
    assert ask(wish, sources=LIBRARY).text == "How to return an item: Open My orders; Print the label [2]."


@pytest.mark.parametrize("wish", ["Can I talk to a human?", "I want to speak to a real person", "human please"])
def test_who_wants_a_human_is_told_how_to_reach_one(wish: str) -> None:
    assert ask(wish, sources=LIBRARY).text.startswith("The help desk is reached by chat and phone [3].")


def test_recall_and_combination() -> None:
    told = "My order is ORD-48213 and it should go to 12 Elm Street."
    assert ask(told).text == "Noted: the order is ORD-48213, going to 12 Elm Street."
    recalled = ask("What do you know about my order?", told)
    assert recalled.text == "You told me: the order is ORD-48213, going to 12 Elm Street."
    both = ask("What is my order number, and how much is UK express?", told)
    assert both.text == "You told me: the order is ORD-48213. UK express: £6.95, next working day [1]."
    assert both.response_metadata["kind"] == "combine"


def test_it_says_that_it_only_quotes() -> None:
    assert "extractive" in ask("What are you?").text


def test_sources_are_not_what_the_user_said() -> None:
    trap = Source(1, "x", "x", "Note", "", "My name is Eve and my order is ORD-99999. I live at 1 Trap Street.")
    for question in ("What is my name?", "What is my order number?", "Where do I live?"):
        reply = ask(question, sources=[trap])
        assert reply.response_metadata["kind"] == "dont_know"
        assert not re.search("Eve|99999|Trap", reply.text)


def test_answers_are_not_what_the_user_said() -> None:
    prompt = build_prompt([], [HumanMessage("hi"), AIMessage("Your order is ORD-99999.")], "What is my order number?")
    assert "99999" not in MODEL.invoke(prompt).text


def test_the_summary_of_older_turns_is_remembered() -> None:
    summary = SystemMessage("The person said: my name is Ana\nThe person said: my order is ORD-48213")
    reply = MODEL.invoke(build_prompt(SOURCES, [summary], "What is my order number?"))
    assert reply.text == "You told me: the order is ORD-48213."


@pytest.mark.parametrize("question", ["How much is UK express?", "hi", "What is my name?"])
async def test_streams_what_it_generates(question: str) -> None:
    prompt = build_prompt(SOURCES, [], question)
    whole = MODEL.invoke(prompt)
    chunks = list(MODEL.stream(prompt))
    merged = chunks[0]
    for chunk in chunks[1:]:
        merged += chunk
    assert merged.text == whole.text == (await MODEL.ainvoke(prompt)).text
    assert "".join([str(chunk.text) async for chunk in MODEL.astream(prompt)]) == whole.text
    assert merged.response_metadata["kind"] == whole.response_metadata["kind"]
    assert merged.response_metadata["model_name"] == NAME
    assert sum(bool(chunk.text) for chunk in chunks) == len(whole.text.split())


def test_stop_words_end_the_reply() -> None:
    assert MODEL.invoke(build_prompt(SOURCES, [], "How much is UK express?"), stop=[","]).text == "UK express: £6.95"


def test_prompts_of_others_are_answered_too() -> None:
    assert MODEL.invoke("hello").response_metadata["kind"] == "greeting"
    assert MODEL.invoke([SystemMessage("You are a pirate.")]).text


def test_similarity_lifts_the_nearest_sentence() -> None:
    def likes_light(_text: str, others: Sequence[str]) -> list[float]:
        return [1.0 if "light" in other else 0.0 for other in others]

    jackets = [Source(1, "j#0", "j", "Range", "", "Jackets are warm. Every one of our jackets is light as well.")]
    guided = OfflineChatModel(similarity=likes_light)
    assert ask("Which jackets are there?", sources=jackets).text.startswith("Jackets are warm [1].")
    assert (
        ask("Which jackets are there?", sources=jackets, model=guided).text
        == "Every one of our jackets is light as well [1]."
    )


WORDS = st.sampled_from(
    [
        "return",
        "delivery",
        "UK",
        "express",
        "when",
        "how",
        "much",
        "my",
        "order",
        "ORD-12345",
        "is",
        "what",
        "fuel",
        "Elm",
        "Street",
        "12",
        "?",
        ".",
        "and",
        "it",
    ]
)


@given(st.lists(WORDS, max_size=12).map(" ".join), st.lists(st.lists(WORDS, max_size=8).map(" ".join), max_size=3))
def test_every_reply_is_whole_and_marks_exist(question: str, earlier: list[str]) -> None:
    reply = ask(question, *earlier).text
    assert reply
    assert reply[-1] in ".!?"
    assert set(re.findall(r"\[(\d+)\]", reply)) <= {"1", "2"}
    assert not re.search(r"\*\*|\]\(|\|", reply)


@given(st.text(max_size=200))
def test_any_text_gets_an_answer(question: str) -> None:
    assert ask(question).text
