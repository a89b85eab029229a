"""The page of beliefs in Chromium: committed, measured for real, stopped, and followed into the race lab."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewPage
from tests.servers import wait_for

pytestmark = pytest.mark.browser


def test_a_belief_is_committed_to_measured_and_followed_into_the_lab(open_page: NewPage) -> None:
    page = open_page("beliefs", "Beliefs")
    expect(page.get_by_role("heading", name="Three classic mistakes")).to_be_visible()
    expect(page.get_by_test_id("stCode")).to_have_count(0)

    stopped = page.locator(".st-key-card_one-server")
    stopped.get_by_role("button", name="Yes", exact=True).click()
    stopped.get_by_role("button", name="Stop", exact=True).click()
    expect(stopped).to_contain_text("It was stopped.")
    stopped.get_by_role("button", name="Again", exact=True).click()
    expect(stopped.get_by_role("button", name="No", exact=True)).to_be_enabled()

    saved, raced = page.locator(".st-key-card_load-append-save"), page.locator(".st-key-card_one-user")
    saved.get_by_role("button", name="No", exact=True).click()
    begun = saved.get_by_role("button", name="Stop", exact=True).or_(saved.get_by_test_id("stAlert"))
    expect(begun).to_be_visible()  # it may be over before the browser looks
    raced.get_by_role("button", name="No", exact=True).click()
    expect(raced.get_by_test_id("stAlert")).to_have_text(re.compile("Yes. You said no."), timeout=60_000)
    expect(raced).to_contain_text("68 of the 70 orders go wrong.")
    expect(raced.get_by_test_id("stCode")).to_have_count(2)
    expect(saved.get_by_test_id("stAlert")).to_have_text(re.compile("No. You said no."), timeout=60_000)
    expect(saved.locator("tbody tr").last).to_have_text(re.compile(r"that are gone\s*[1-9][0-9]*\s*0"))
    expect(page.get_by_text("You were right in 1 of 2.")).to_be_visible()

    page.set_viewport_size({"width": 390, "height": 844})
    fits = "innerWidth < 400 && document.documentElement.scrollWidth <= innerWidth"
    wait_for(lambda: page.evaluate(fits), "a page as narrow as the screen")
    page.set_viewport_size({"width": 1280, "height": 800})
    raced.get_by_role("link", name="Step through it in the race lab").click()
    expect(page.locator(".lab")).to_have_attribute("data-schedule", "AAABBBBA", timeout=30_000)
    page.go_back()
    expect(raced).to_contain_text("68 of the 70 orders go wrong.")  # what was measured is still there
