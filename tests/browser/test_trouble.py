"""A model that is slow, gone, refusing or busy: the page says so, keeps what was typed, and stores nothing half."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Configured, NewVisit
from tests.browser.talking import Visit
from tests.chat.faulty_server import FaultyServer, drop_midway, stall_midway

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


def test_a_question_that_is_sent_while_an_answer_is_written_waits_for_it(
    visit: NewVisit, configured: Configured
) -> None:
    ada = visit(url=configured.app.url)
    configured.model.faults.append(stall_midway)
    ada.say(QUESTION)
    expect(ada.page.get_by_text("Returns")).to_be_visible()
    ada.say("And exchanges?")
    for number, text in enumerate([QUESTION, "Returns are free", "And exchanges?", "Returns are free"]):
        expect(ada.messages.nth(number)).to_contain_text(text)
    ada.settled()
    assert "And exchanges?" in ada.reload().messages.nth(2).inner_text()
    expect(ada.messages).to_have_count(4)


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
