"""What only a browser shows: streaming, stopping, clearing, downloads, citations."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewVisit
from tests.browser.talking import Visit

pytestmark = pytest.mark.browser


WATCH = """() => {
    window.tops = new Set();
    const look = () => {
        const asked = document.querySelector('[data-testid="stChatMessage"]');
        const buttons = [...document.querySelectorAll('button')];
        const starter = buttons.some(one => one.innerText.includes('express delivery'));
        if (asked) window.tops.add(Math.round(asked.getBoundingClientRect().top) + (starter ? ' beside starters' : ''));
        requestAnimationFrame(look);
    };
    look();
}"""


def test_a_first_question_is_one_click_away_its_source_opens_and_all_can_be_taken_away(
    visit: NewVisit,
) -> None:
    ada = visit()
    ada.page.evaluate(WATCH)
    ada.page.get_by_role("button", name="How long do I have to return something?").click()
    expect(ada.messages.nth(1)).to_contain_text("30 days")
    # What is clicked while the answer is drawn anew, once it is stored, may be gone by then.
    expect(ada.page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
    ada.settled()
    assert len(ada.page.evaluate("[...window.tops]")) == 1, "the question stays where it first appeared"

    ada.page.get_by_text(re.compile(r"^\d+ sources?$")).click()
    ada.page.get_by_role("button", name="Open article").first.click()
    dialog = ada.page.get_by_role("dialog")
    expect(dialog.get_by_text("Quoted here")).to_be_visible()
    expect(dialog.get_by_text("within 30 days of delivery").first).to_be_visible()
    ada.page.keyboard.press("Escape")

    with ada.page.context.expect_page() as opened:
        ada.messages.nth(1).get_by_role("link", name="[1]").first.click()
    expect(opened.value.get_by_role("heading", name="Return window")).to_be_in_viewport()

    ada.ask("How much is express delivery in the UK?")
    ada.page.get_by_role("button", name="Download").click()
    with ada.page.expect_download() as markdown:
        ada.page.get_by_role("button", name="As Markdown").click()
    with ada.page.expect_download() as plain:
        ada.page.get_by_role("button", name="As JSON").click()
    assert "£6.95" in markdown.value.path().read_text()
    messages = json.loads(plain.value.path().read_text())["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant"] * 2
    assert messages[3]["sources"]


def test_what_is_typed_is_shown_as_typed_and_clear_history_asks_first_and_clears_every_tab(
    visit: NewVisit,
) -> None:
    first = visit()
    first.ask("My name is Ada Lovelace.")
    second = visit(first.page.context)
    expect(second.messages).to_have_count(2)

    typed = "**bold** <img src=x onerror=alert(1)> $x^2$ :red[no] [link](http://a.example)"
    second.ask(typed)
    assert typed in second.messages.nth(2).inner_text()
    assert second.messages.nth(2).locator("img[src=x], strong, a, .katex").count() == 0

    first.page.get_by_role("button", name="Clear history").click()
    first.page.get_by_role("button", name="Cancel").click()
    expect(first.messages).to_have_count(4)
    first.page.get_by_role("button", name="Clear history").click()
    first.page.get_by_role("button", name="Delete", exact=True).click()
    expect(first.messages).to_have_count(0)

    second.reload()
    expect(second.messages).to_have_count(0)


def test_a_browser_goes_back_to_its_earlier_sessions_and_ends_them_all_and_a_document_answers_its_owner_only(
    visit: NewVisit,
) -> None:
    ada, ben = visit(), visit()
    ada.ask("My name is Ada Lovelace.")
    first = ada.name()
    ada.page.get_by_role("button", name="New session").click()
    expect(ada.messages).to_have_count(0)
    ada.ready().ask("What does express delivery cost?")
    second, sidebar = ada.name(), ada.page.get_by_test_id("stSidebar")
    assert second != first
    expect(sidebar.get_by_text("My name is Ada Lovelace")).to_be_visible()

    sidebar.get_by_role("button", name=first).click()
    expect(ada.messages.first).to_contain_text("Ada Lovelace")
    ada.ready()
    assert ada.name() == first
    expect(ben.page.get_by_text("Earlier sessions")).to_have_count(0)

    sidebar.get_by_role("button", name="End all sessions").click()
    ada.page.get_by_role("dialog").get_by_role("button", name="End all sessions").click()
    expect(ada.messages).to_have_count(0)
    ada.ready()
    assert ada.name() not in (first, second)
    expect(sidebar.get_by_text("Earlier sessions")).to_have_count(0)
    a_document_is_handed_in_with_the_question_and_answers_its_owner_only(ada, ben)


def a_document_is_handed_in_with_the_question_and_answers_its_owner_only(ada: Visit, ben: Visit) -> None:
    ada.attach("tent.txt", b"The Kestrel tent pitch code is ZEBRA-77.")
    assert "ZEBRA-77" in ada.ask("What is the Kestrel tent pitch code?")
    assert "ZEBRA-77" not in ben.ask("What is the Kestrel tent pitch code?")

    ada.page.get_by_role("link", name="1 document of your own").click()
    ada.page.get_by_role("tab", name="Only in this session").click()
    expect(ada.page.get_by_text("tent.txt · 1 passage")).to_be_visible()
