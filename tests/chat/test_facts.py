"""What somebody stated is found, corrected where they corrected it, and never taken from a question."""

from __future__ import annotations

import pytest

from rag.chat.facts import remember
from rag.chat.recall import missing, recall
from rag.chat.voice import second_person

CASES = [
    (["My order is ORD-48213 and it should go to 12 Elm Street."], "order", "ORD-48213"),
    (["My order is ORD-48213 and it should go to 12 Elm Street."], "address", "12 Elm Street"),
    (["Hi, I'm Ana. I live at 3 Mill Lane, Leeds LS1 4AP"], "name", "Ana"),
    (["Hi, I'm Ana. I live at 3 Mill Lane, Leeds LS1 4AP"], "address", "3 Mill Lane, Leeds LS1 4AP"),
    (["my name is ana lopez and my email is ana@x.org"], "e-mail address", "ana@x.org"),
    (["my name is ana lopez and my email is ana@x.org"], "name", "ana lopez"),
    (["You can call me on 0117 496 0123"], "phone number", "0117 496 0123"),
    (["I ordered a blue jacket in size M on 3 March for £89."], "item", "a blue jacket"),
    (["I ordered a blue jacket in size M on 3 March for £89."], "size", "M"),
    (["I ordered a blue jacket in size M on 3 March for £89."], "order date", "3 March"),
    (["I ordered a blue jacket in size M on 3 March for £89."], "amount", "£89"),
    (["I'm from Norway"], "place", "Norway"),
    (["My dog is called Rex."], "dog", "Rex"),
    (["I wear UK 9 shoes"], "shoe size", "UK 9"),
    (["is my order ORD-11111 late?"], "order", "ORD-11111"),
    (["I live in Oslo, how much is delivery?"], "place", "Oslo"),
    (["I have two orders, ORD-11111 and ORD-22222"], "order", "ORD-11111 and ORD-22222"),
    (["I paid with PayPal"], "payment", "PayPal"),
]
CORRECTIONS = [
    (["My order number is ORD-48213.", "Sorry, I meant ORD-48214"], "order", "ORD-48214"),
    (["It goes to 12 Elm Street", "no, the address is 9 Oak Road"], "address", "9 Oak Road"),
    (["It goes to 12 Elm Street", "Actually it's 14 Elm Street"], "address", "14 Elm Street"),
    (["It goes to 12 Elm Street", "It's number 14, not 12."], "address", "14 Elm Street"),
    (["I ordered a blue jacket in size M", "Actually, make that green"], "item", "a green jacket"),
    (["I ordered a blue jacket in size M", "Sorry, size L, not M"], "size", "L"),
    (["I ordered the blue one", "not blue but green"], "colour", "green"),
    (["My name is Tom.", "Actually it's Thomas"], "name", "Thomas"),
    (["My e-mail is a@x.org", "Correction: my e-mail is i.b@y.org"], "e-mail address", "i.b@y.org"),
    (["My order is ORD-11111", "My order is ORD-22222"], "order", "ORD-22222"),
    (["It goes to Zurich in Switzerland", "No, it goes to my sister in Canada, not to Zurich."], "place", "Canada"),
]


@pytest.mark.parametrize(("messages", "key", "value"), CASES + CORRECTIONS)
def test_the_last_statement_counts(messages: list[str], key: str, value: str) -> None:
    fact = remember(messages).get(key)
    assert fact is not None
    assert fact.value == value


@pytest.mark.parametrize(("messages", "key", "value"), CORRECTIONS)
def test_a_corrected_value_is_gone(messages: list[str], key: str, value: str) -> None:
    old = remember(messages[:1]).get(key)
    said = " ".join(f"{fact.value} {fact.clause}" for fact in remember(messages).facts.values())
    assert old is not None
    assert old.value not in said
    assert value in said


@pytest.mark.parametrize(
    "question",
    ["How much is delivery to Norway?", "Do you sell red jackets?", "Is 12 Elm Street far away?", "What size is M?"],
)
def test_a_question_states_nothing(question: str) -> None:
    assert not remember([question]).facts


def test_recall_says_only_what_was_asked_for() -> None:
    ledger = remember(["My order is ORD-48213, it should go to 12 Elm Street.", "My name is Ana"])
    assert recall(["What is my order number?"], ledger) == "You told me: the order is ORD-48213."
    assert recall(["Where is it going?"], ledger) == "You told me: it is going to 12 Elm Street."
    assert recall(["What is my phone number?"], ledger) == ""
    assert missing("What is my phone number?") == "your phone number"
    assert "ORD-48213, going to 12 Elm Street" in recall(["What do you know about me?"], ledger)


@pytest.mark.parametrize(
    ("said", "back"),
    [
        ("I live at my mother's.", "you live at your mother's"),
        ("I am sure you sent me the wrong one", "you are sure we sent you the wrong one"),
        ("We moved to the US", "you moved to the US"),
        ("I was told by you", "you were told by us"),
    ],
)
def test_second_person(said: str, back: str) -> None:
    assert second_person(said) == back
