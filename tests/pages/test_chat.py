"""The chat page over the real store and the real library."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote

import pytest
from streamlit.testing.v1 import AppTest

from rag.chat import numbered, sources_of
from rag.chat.export import to_json, to_markdown
from rag.services import Services
from rag.ui.chat.pending_question import Pending
from rag.ui.chat.suggestions import FIRST_QUESTIONS
from tests.pages.opening import calm, errors, labels, press, say, session_of, to, transcript, visit

QUESTION = "How long do I have to return something?"
NASTY = "**bold** <img src=x onerror=alert(1)> $x^2$ :red[no] [link](http://a.example)\n    second line"


@pytest.fixture
def page(services: Services) -> AppTest:
    return visit()


def test_an_empty_conversation_says_what_to_do(page: AppTest) -> None:
    assert [element.value for element in page.header] == ["Ask the help centre"]
    assert all(question in labels(page) for question in FIRST_QUESTIONS)
    assert transcript(page) == []
    clear = next(button for button in page.button if button.label == "Clear history")
    assert clear.disabled
    assert "Nothing stored yet." in [text.value for text in page.caption]
    assert "Model: offline-extractive" in [text.value for text in page.caption]
    assert errors(page) == []


def test_a_suggestion_is_answered_and_the_others_go(page: AppTest, services: Services) -> None:
    press(page, QUESTION)
    (_, asked), (_, answer) = transcript(page)
    assert asked == QUESTION
    assert "30 days" in answer
    assert not set(labels(page)) & set(FIRST_QUESTIONS)
    question, reply = services.store.records(session_of(page))
    assert (question.message.text, numbered(reply.message.text, sources_of(reply.message))[0]) == (asked, answer)


def test_citations_count_from_1_and_lead_to_the_article(page: AppTest, services: Services) -> None:
    answer = say(page, QUESTION).chat_message[1].markdown[0].value
    links = re.findall(r"\[\\\[(\d)\\\]\]\(knowledge\?article=([\w%.-]+)(?:#([\w-]+))?\)", answer)
    assert [number for number, *_ in dict.fromkeys(links)] == ["1", "2"]
    shown = [element.value[:6] for element in page.expander[0].markdown if element.value.startswith("**")]
    assert shown == ["**\\[1\\", "**\\[2\\"]

    _, article, section = links[0]
    page.query_params["article"] = unquote(article)
    (text,) = [element.value for element in to("knowledge.py", page).markdown if element.value.startswith("# ")]
    assert section in text.lower().replace(" ", "-")
    page.query_params["article"] = "returns/none"
    assert any("not in the library" in info.value for info in to("knowledge.py", page).info)


def test_a_file_goes_with_its_question(page: AppTest, services: Services) -> None:
    box = page.chat_input[0].upload("tent.md", b"The Kestrel tent pitch code is ZEBRA-77.")
    calm(box.set_value("What is the Kestrel tent pitch code?").run())
    assert "ZEBRA-77" in transcript(page)[-1][1]
    assert [link.proto.label for link in page.get("page_link")] == ["1 document of your own"]

    calm(page.chat_input[0].upload("empty.md", b"").set_value("And what is in this?").run())
    (trouble,) = errors(page)
    assert trouble.startswith("empty.md: ")
    assert {"Try again", "Discard"} <= set(labels(page))
    press(page, "Discard")
    calm(page.chat_input[0].upload("more.md", b"Pegs are red.").upload("bad.md", b"").run())
    assert [success.value[:6] for success in page.success] == ["Added."]
    assert len(errors(page)) == 1
    assert len(transcript(page)) == 2


def test_a_one_off_question_is_kept_nowhere_and_says_so(page: AppTest, services: Services) -> None:
    say(page, "My order is ORD-48213.")
    before = services.store.records(session_of(page))
    calm(page.toggle[0].set_value(True).run())
    assert any("Nothing is stored" in info.value for info in page.info)
    assert "Clear history" not in labels(page)
    assert "ORD-48213" not in transcript(say(page, "What is my order number?"))[-1][1]
    assert "30 days" in transcript(say(page, QUESTION))[-1][1]
    assert len(transcript(page)) == 2
    assert transcript(calm(page.run())) == []
    assert QUESTION not in str(page.session_state)
    calm(page.toggle[0].set_value(False).run())
    assert services.store.records(session_of(page)) == before
    assert len(transcript(page)) == 2


def test_an_answer_is_stored_with_its_sources_and_the_next_run_shows_both(page: AppTest, services: Services) -> None:
    first = transcript(say(page, QUESTION))
    again = calm(page.run())
    assert transcript(again) == first
    (sources,) = again.expander
    shown = " ".join(element.value for element in sources.markdown)
    assert re.fullmatch(r"\d sources?", sources.label)
    assert "Return window" in shown
    assert "30 days" in shown
    assert services.store.records(session_of(page))[1].documents

    calm(next(button for button in again.button if button.label == "Open article").click().run())
    assert [element.value for element in again.markdown if element.value.startswith("# ")]


def test_the_clock_starts_with_the_first_answer(page: AppTest) -> None:
    say(page, QUESTION)
    (clock,) = page.get("progress")
    assert clock.proto.text == "Expires in 60 min if idle"


def test_what_is_said_is_remembered_here_and_nowhere_else(page: AppTest, services: Services) -> None:
    say(page, "My order is ORD-48213.")
    other = visit()
    assert "ORD-48213" in transcript(say(page, "What is my order number?"))[-1][1]
    assert "ORD-48213" not in transcript(say(other, "What is my order number?"))[-1][1]
    assert len(transcript(other)) == 2
    assert session_of(page) != session_of(other)


def test_what_is_typed_is_shown_as_typed(page: AppTest) -> None:
    say(page, NASTY)
    assert transcript(page)[0] == ("user", NASTY)
    assert page.chat_message[0].markdown.len == 0
    assert transcript(calm(page.run()))[0] == ("user", NASTY)


def test_a_blank_question_is_refused_and_can_be_discarded(page: AppTest, services: Services) -> None:
    say(page, "   ")
    assert errors(page) == ["The question is empty: write what you want to know."]
    press(page, "Discard")
    assert errors(page) == []
    assert QUESTION in labels(page)
    assert services.store.records(session_of(page)) == []


def test_clear_history_asks_before_it_does_anything(page: AppTest) -> None:
    say(page, QUESTION)
    press(page, "Clear history")
    # A click in a dialog runs only the dialog, and AppTest always runs the page; tests/browser deletes.
    assert {"Delete", "Cancel"} <= set(labels(page))
    assert any("deletes all messages and documents of this session" in text.value for text in page.markdown)
    assert len(transcript(calm(page.run()))) == 2


def test_the_conversation_can_be_taken_away(page: AppTest, services: Services) -> None:
    say(page, QUESTION)
    # AppTest does not fetch files; tests/browser does. What is in them is made by these functions.
    assert [button.label for button in page.download_button] == ["As Markdown", "As JSON"]
    records = services.store.records(session_of(page))
    markdown, plain = to_markdown("Ada", records), json.loads(to_json("Ada", records))
    assert markdown.startswith("# Conversation of Ada\n")
    assert all(text in markdown for _, text in transcript(page))
    assert re.search(r"- \[\d\] Return window", markdown)
    assert plain["session"] == "Ada"
    told = [(message["turn"], message["role"], bool(message["sources"])) for message in plain["messages"]]
    assert told == [(1, "user", False), (1, "assistant", True)]


def test_without_cookies_the_tab_is_the_session_and_the_page_says_so(page: AppTest) -> None:
    (warning,) = page.warning
    assert "blocks cookies" in warning.value
    assert "this tab only" in warning.value
    before = session_of(page)
    assert session_of(say(page, QUESTION)) == before

    page.session_state["pending"] = Pending("What of my order?", "It was not answered.")
    press(page, "New session")
    assert session_of(page) != before
    assert transcript(page) == []
    assert "pending" not in page.session_state


def test_a_second_tab_shows_what_the_first_wrote_at_its_next_run(page: AppTest, services: Services) -> None:
    second = visit()
    second.session_state["tab_token"] = page.session_state["tab_token"]
    say(page, QUESTION)
    assert transcript(calm(second.run())) == transcript(page)
