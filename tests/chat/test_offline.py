"""The offline model is a real chat model: it streams what it generates, from its prompt alone, and it only quotes."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from rag.chat.offline import NAME, OfflineChatModel, phrases
from rag.chat.offline.ranking import Ranker
from rag.chat.offline.units import Unit, sentences, units
from rag.chat.prompt import Source, build_prompt
from rag.knowledge.embedding.embedders import WordLlamaEmbedder

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
    Source(1, "delivery#0", "delivery", "Delivery prices", "", DELIVERY, 0.8),
    Source(2, "returns#0", "returns", "Return window", "Return window > Periods", RETURNS, 0.8),
)
MODEL = OfflineChatModel(ranker=Ranker(WordLlamaEmbedder()))


def ask(question: str, *earlier: str, sources: Sequence[Source] = SOURCES) -> AIMessage:
    history: list[BaseMessage] = []
    for text in earlier:
        history += [HumanMessage(text), AIMessage("OK.")]
    reply = MODEL.invoke(build_prompt(sources, history, question))
    assert isinstance(reply, AIMessage)
    return reply


def kind(reply: AIMessage) -> str:
    return str(reply.response_metadata["kind"])


# --- what is quoted ----------------------------------------------------------------------------------------------


def test_markdown_is_read_as_sentences_items_and_rows() -> None:
    found = [*units(DELIVERY, "Delivery")]
    assert Unit("UK express – Price: £6.95; Time: next working day", "Delivery", "row", 2) in found
    assert Unit("Fuel and gas", "Delivery > These cannot be sent abroad:", "item", 4) in found
    assert Unit("Press Track.", "Delivery > How to follow a parcel", "step", 5) in found
    assert not any(set(unit.text) & set("*[|]#") for unit in found)


def test_a_unit_of_measure_may_end_a_sentence() -> None:
    assert sentences("It weighs 340 g. The other weighs 520 g. See e.g. Mr. Smith.") == [
        "It weighs 340 g.",
        "The other weighs 520 g.",
        "See e.g. Mr. Smith.",
    ]


@pytest.mark.parametrize(
    ("question", "quoted", "mark"),
    [
        ("How much is UK express?", "UK express – Price: £6.95; Time: next working day", "[1]"),
        ("Until when can I return items?", "You can return most items within 30 days of delivery", "[2]"),
        ("How do I follow a parcel?", "1. Open My orders [1].\n2. Press Track [1].", "[1]"),
        # A rule comes with what limits it, and the reader applies it: nothing is concluded.
        ("I am not a Plus member. How many days do I have to return items?", "within 30 days", "[2]"),
    ],
)
def test_the_nearest_of_the_sources_is_quoted_with_its_mark(question: str, quoted: str, mark: str) -> None:
    reply = ask(question)
    assert quoted in reply.text
    assert mark in reply.text
    assert kind(reply) == "answer"


def test_a_follow_up_leans_on_the_question_before_it() -> None:
    assert "£6.95" in ask("And express?", "How much is UK standard?").text


def test_what_is_near_to_nothing_is_not_answered() -> None:
    far = [Source(1, "x#0", "x", "Delivery prices", "", DELIVERY, 0.1)]
    reply = ask("What is the capital of Mongolia?", sources=far)
    assert (kind(reply), "[1]" in reply.text) == ("dont_know", False)
    assert "Delivery prices" in reply.text
    assert kind(ask("Wie wird morgen das Wetter?", sources=far)) == "clarify"


# --- what the person said ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "said", "expected"),
    [
        ("What is my order number?", ["My order number is ORD-48213."], "ORD-48213"),
        ("What am I allergic to?", ["I am allergic to down.", "I work as a nurse."], "allergic to down"),
        ("What's my name?", ["I live in Leeds.", "Hello, I'm Priya."], "Priya"),
        ("What is my shoe size?", ["My shoe size is UK 8.", "Sorry, I meant UK 10, not 8."], "UK 10"),
        ("And where is it going?", ["My order goes to 12 Elm Street.", "Which order did I mean?"], "12 Elm Street"),
        ("What did I ask you first?", ["Do you ship to Norway?", "And to France?"], "Do you ship to Norway?"),
    ],
)
def test_it_is_recalled_as_it_was_said(question: str, said: list[str], expected: str) -> None:
    reply = ask(question, *said)
    assert expected in reply.text
    assert kind(reply) in ("recall", "combine")


def test_the_last_of_what_is_alike_is_quoted_alone() -> None:
    reply = ask("What is my phone number?", "My phone is 0161 555 0110.", "My phone is 0161 555 0199.")
    assert "0199" in reply.text
    assert "0110" not in reply.text


def test_a_correction_of_one_thing_leaves_the_others() -> None:
    said = ["I live in Leeds.", "My shoe size is UK 8.", "Sorry, I meant UK 10."]
    assert "Leeds" in ask("Where do I live?", *said).text


def test_what_was_never_said_is_not_told() -> None:
    assert ask("What is my order number?").text == phrases.NOT_TOLD
    trap = Source(1, "x", "x", "Note", "", "My name is Eve and my order is ORD-99999.", 0.9)
    for question in ("What is my name?", "What is my order number?"):
        reply = ask(question, sources=[trap])
        assert (kind(reply), re.search("Eve|99999", reply.text)) == ("dont_know", None)
    prompt = build_prompt([], [HumanMessage("hi"), AIMessage("Your order is ORD-99999.")], "What is my order number?")
    assert "99999" not in MODEL.invoke(prompt).text


def test_the_summary_of_older_turns_is_remembered() -> None:
    summary = SystemMessage("The person said: my name is Ana\nThe person said: my order is ORD-48213")
    assert "ORD-48213" in MODEL.invoke(build_prompt(SOURCES, [summary], "What is my order number?")).text


def test_nothing_is_pretended_to_be_done() -> None:
    privacy = "Clear history deletes the conversation and your documents at once."
    reply = ask("delete all my data please", sources=[Source(1, "p#0", "p", "Your data", "", privacy, 0.5)])
    assert reply.text == "Clear history deletes the conversation and your documents at once [1]."


# --- messages that ask for nothing -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Hello!", "greeting"),
        ("thank you very much", "thanks"),
        ("ok bye, thanks", "thanks"),
        ("?????", "clarify"),
        ("and?", "clarify"),
        ("help", "clarify"),
        ("My tent is red.", "acknowledge"),
    ],
)
def test_kinds(message: str, expected: str) -> None:
    far = [Source(1, "x#0", "x", "Delivery prices", "", DELIVERY, 0.1)]
    assert kind(ask(message, sources=far)) == expected


# --- a chat model like others ------------------------------------------------------------------------------------


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


def test_stop_words_end_the_reply() -> None:
    assert MODEL.invoke(build_prompt(SOURCES, [], "How much is UK express?"), stop=[" – "]).text == "- UK express"


def test_prompts_of_others_are_answered_too() -> None:
    assert MODEL.invoke("hello").response_metadata["kind"] == "greeting"
    assert MODEL.invoke([SystemMessage("You are a pirate.")]).text


# --- all of it is quoted, whatever is asked ----------------------------------------------------------------------

WORDS = st.sampled_from(
    "return delivery UK express when how much my order ORD-12345 is what fuel Elm 12 ? . and it".split()
)
FIXED = [text.replace("{}", "") for name, text in vars(phrases).items() if name.isupper() and isinstance(text, str)]


def unquoted(reply: str, texts: Sequence[str]) -> str:
    """What is left of a reply without fixed phrases, marks, and whatever stands in the texts."""
    for fixed in sorted((part for text in FIXED for part in text.split("“”")), key=len, reverse=True):
        reply = reply.replace(fixed.strip(), " ") if fixed.strip() else reply
    known = {piece for text in texts for piece in re.findall(r"\w+", text)}
    pieces = re.findall(r"\w+", re.sub(r"\[\d+\]|^\d+\. ", "", reply, flags=re.MULTILINE))
    return " ".join(piece for piece in pieces if piece not in known)


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, max_size=12).map(" ".join), st.lists(st.lists(WORDS, max_size=8).map(" ".join), max_size=3))
def test_nothing_is_said_that_no_text_has(question: str, earlier: list[str]) -> None:
    reply = ask(question, *earlier).text
    texts = [question, *earlier, *(f"{source.title} {source.text}" for source in SOURCES)]
    assert reply
    assert unquoted(reply, texts) == ""
    assert set(re.findall(r"\[(\d+)\]", reply)) <= {"1", "2"}
    assert not re.search(r"\*\*|\]\(|\|", reply)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_gets_an_answer(question: str) -> None:
    assert ask(question).text


@pytest.mark.parametrize(
    "grown",
    [
        lambda size: "x" + " " * size + "y",
        lambda size: "a b " * size,
        lambda size: "(" * size + "? " + "." * size,
        lambda size: "ORD-1. " * size,
        lambda size: "[" * size + "*" * size,
        lambda size: "| a " * size + "\n" + "|---" * size,
    ],
)
def test_work_grows_no_faster_than_the_text(grown: Callable[[int], str]) -> None:
    def work(size: int) -> int:
        text = grown(size)
        source = Source(1, "x#0", "x", "X", "", text, 0.9, private=True)
        prompt = build_prompt([source], [HumanMessage(text), AIMessage("OK.")], text)
        return _lines_run(lambda: MODEL.invoke(prompt))

    work(50)
    small, large = work(100), work(400)
    assert large < 6 * small, (small, large)


def _lines_run(call: Callable[[], Any]) -> int:
    """Lines of Python that a call runs, which do not depend on how busy the machine is."""
    count = 0

    def line(_frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal count
        count += event == "line"
        return line

    before = sys.gettrace()
    sys.settrace(line)
    try:
        call()
    finally:
        sys.settrace(before)
    return count
