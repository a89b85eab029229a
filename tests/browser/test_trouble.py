"""A model that is slow, gone, refusing or busy: the page says so, keeps what was typed, and stores nothing half."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Configured, NewVisit
from tests.browser.talking import Visit
from tests.chat.faulty_server import FaultyServer, Handler, drop_midway, stall_midway, waits_to_be_heard

pytestmark = pytest.mark.browser

QUESTION = "How long do I have to return a jacket?"


def test_the_page_says_what_happened_and_offers_to_try_again(visit: NewVisit, configured: Configured) -> None:
    """Which trouble is told in which words, tests/pages shows."""
    ada = visit(url=configured.app.url)
    configured.model.faults.append(drop_midway)
    ada.say(QUESTION)
    expect(ada.page.get_by_test_id("stAlert").get_by_text("gave no complete answer")).to_be_visible()
    expect(ada.messages).to_have_count(1)  # what was typed is still there

    ada.page.get_by_role("button", name="Try again").click()
    expect(ada.messages).to_have_count(2)
    expect(ada.messages.last).to_contain_text("Returns are free")
    expect(ada.page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
    expect(ada.reload().messages.first).to_contain_text(QUESTION)


def test_a_stop_stores_nothing_keeps_the_question_and_lets_another_tab_have_its_turn(
    visit: NewVisit, configured: Configured
) -> None:
    ada = visit(url=configured.app.url)
    _stop_half_way(ada, configured.model)

    ada.page.get_by_role("button", name="Edit").click()
    box = ada.page.get_by_test_id("stChatInput").locator("textarea")
    expect(box).to_have_value(QUESTION)
    second = visit(ada.page.context, url=configured.app.url)
    expect(second.messages).to_have_count(0)
    assert "Returns are free" in second.ask("Another question altogether?")


def test_neither_the_next_question_nor_a_click_ends_an_answer_that_is_written(
    visit: NewVisit, configured: Configured
) -> None:
    ada, model = visit(url=configured.app.url), configured.model
    model.heard.clear()
    model.faults.append(waits_to_be_heard)
    ada.say(QUESTION)
    expect(ada.page.get_by_text("Returns")).to_be_visible()
    asked = len(model.seen)
    ada.say("And exchanges?")
    expect(ada.page.get_by_text("Waits for the answer above")).to_be_visible()
    for there in (True, False):
        ada.page.get_by_text("One-off questions", exact=True).first.click()
        expect(ada.page.get_by_text("Nothing is stored: the next question replaces")).to_be_visible(visible=there)
    expect(ada.page.get_by_text("Returns")).to_be_visible()
    assert len(model.seen) == asked
    model.heard.set()
    for number, text in enumerate([QUESTION, "Returns are free", "And exchanges?", "Returns are free"]):
        expect(ada.messages.nth(number)).to_contain_text(text)
    ada.settled()
    expect(ada.reload().messages).to_have_count(4)


def test_who_closes_the_tab_ends_the_answer(visit: NewVisit, configured: Configured) -> None:
    def slowly(handler: Handler) -> None:
        handler.begin()
        while not model.ended.wait(0.1):
            handler.word("more ")

    ada, model = visit(url=configured.app.url), configured.model
    model.hung_up.clear()
    model.faults.append(slowly)
    ada.say(QUESTION)
    expect(ada.page.get_by_text("▌")).to_be_visible()
    assert not model.hung_up.wait(2)
    ada.page.close()
    assert model.hung_up.wait(10)
    expect(visit(ada.page.context, url=configured.app.url).messages).to_have_count(0)


def _stop_half_way(ada: Visit, model: FaultyServer) -> None:
    model.faults.append(stall_midway)
    ada.say(QUESTION)
    expect(ada.page.get_by_text("Returns")).to_be_visible()
    stop, stopped = (
        ada.page.get_by_role("button", name="Stop", exact=True).last,  # Streamlit has one of its own in the header
        ada.page.get_by_text("You stopped this answer"),
    )
    stop.click()
    try:
        expect(stopped).to_be_visible(timeout=5000)
    except AssertionError:  # a browser that is too busy to have heard the click: a visitor clicks again
        stop.click()
        expect(stopped).to_be_visible()
