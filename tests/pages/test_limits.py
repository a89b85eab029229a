"""What the chat page says to who asks too much: the time that is left, and nothing that was typed is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from time import monotonic

import pytest
from streamlit.testing.v1 import AppTest

from rag.errors import SessionStoreUnavailable
from rag.services import Services
from rag.sessions import SessionStore
from tests.pages.opening import calm, errors, labels, opened, press, say, session_of, transcript, visit

QUESTION = "How long do I have to return something?"


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    limits = {"LIMIT_SESSION_TURNS": "2", "LIMIT_SESSION_UPLOADS": "1", "LIMIT_SESSION_AT_ONCE": "1"}
    with opened(**limits) as services:
        yield services


@pytest.fixture
def page(services: Services) -> AppTest:
    return visit()


def test_who_is_over_the_limit_sees_the_time_left_and_keeps_the_question(
    page: AppTest, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        say(page, QUESTION)
    stored = services.store.records(session_of(page))
    assert len(stored) == 4
    say(page, "And what about shoes?")
    (told,) = (warning.value for warning in page.warning if "Too" in warning.value)
    found = re.fullmatch(r"Too many questions in a short time\. Nothing was saved; try again in (\d+) s\.", told)
    assert found is not None, told
    assert 20 <= int(found[1]) <= 30
    assert transcript(page)[-1] == ("user", "And what about shoes?")
    (again,) = (button for button in page.button if button.label == "Try again")
    assert again.disabled
    assert {"Edit", "Discard"} <= set(labels(page))
    assert services.store.records(session_of(page)) == stored
    # Another visitor of this server notices nothing.
    other = visit()
    say(other, QUESTION)
    assert [role for role, _ in transcript(other)] == ["user", "assistant"]
    # The time passes.
    later = monotonic() + 30
    monkeypatch.setattr("rag.ui.chat.countdown.monotonic", lambda: later)
    calm(page.run())
    assert [info.value for info in page.info] == ["You can ask again now."]
    assert not next(button for button in page.button if button.label == "Try again").disabled


def test_one_off_questions_are_charged_too(page: AppTest) -> None:
    page.toggle(key="one-off").set_value(True)
    calm(page.run())
    for _ in range(2):
        calm(page.chat_input[0].set_value(QUESTION).run())
        assert errors(page) == []
    calm(page.chat_input[0].set_value(QUESTION).run())
    assert "Too many questions in a short time" in errors(page)[0]


def test_one_off_questions_need_no_store(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(store: SessionStore, allowance: object) -> None:
        raise SessionStoreUnavailable("redis", "gone")

    monkeypatch.setattr(SessionStore, "charge", gone)
    page.toggle(key="one-off").set_value(True)
    calm(page.run())
    calm(page.chat_input[0].set_value(QUESTION).run())
    assert errors(page) == []
    assert [role for role, _ in transcript(page)] == ["user", "assistant"]


def test_documents_are_limited_and_the_question_that_came_with_them_is_kept(page: AppTest) -> None:
    box = page.chat_input[0].upload("tent.md", b"The Kestrel tent pitch code is ZEBRA-77.")
    box = box.upload("peg.md", b"Pegs are red.").upload("rope.md", b"Ropes are blue.")
    calm(box.set_value("What is the pitch code?").run())
    (line,) = errors(page)
    assert re.fullmatch(r"Too many documents in a short time\. Nothing was saved; try again in \d+ s\.", line), line
    assert transcript(page) == [("user", "What is the pitch code?")]
    press(page, "Try again")
    assert "ZEBRA-77" in transcript(page)[-1][1]


def test_a_turn_of_the_page_is_counted_while_it_runs(page: AppTest, services: Services) -> None:
    """The other tab's question is still being answered: by the page's own session, however it came."""
    place = services.under_way.enter(session_of(page), None)
    say(page, QUESTION)
    assert errors(page) == ["This session has too many questions under way: wait for their answers, then ask again."]
    place.leave()
    press(page, "Try again")
    assert errors(page) == []
    assert len(transcript(page)) == 2
    assert services.under_way.turns == 0
