"""The race lab in Chromium: played by clicking and by keys, shared by its address, readable on a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewVisit
from tests.browser.serving import AppServer

pytestmark = pytest.mark.browser


def opened(visit: NewVisit, app: AppServer, query: str = "") -> Page:
    page: Page = visit().page
    page.goto(f"{app.url}/race_lab{query}")
    expect(page.get_by_role("heading", name="Race lab")).to_be_visible(timeout=30_000)
    return page


def step(page: Page, name: str, so_far: str) -> None:
    page.get_by_role("button", name=re.compile(f"^{name}:")).click()
    expect(page.get_by_text(f"So far: {so_far}", exact=True)).to_be_visible()


def test_the_first_two_chapters_are_played_by_clicking(visit: NewVisit, app: AppServer) -> None:
    page = opened(visit, app)
    page.get_by_role("button", name=re.compile("^Play")).click()
    page.get_by_role("button", name=re.compile("^Next")).click()
    expect(page.get_by_text("Ben's answer shows Ada's address")).to_be_visible()
    page.get_by_text("You are the scheduler").click()
    for number in range(4):
        step(page, "Ada", "A" * (number + 1))
    for number in range(4):
        step(page, "Ben", "AAAA" + "B" * (number + 1))
    expect(page.get_by_test_id("stAlert")).to_contain_text("foreign-read")


def test_the_fourth_chapter_is_played_to_its_end(visit: NewVisit, app: AppServer) -> None:
    page = opened(visit, app, "?chapter=4")
    for number, letter in enumerate("AAABBBBA", 1):
        step(page, {"A": "Ada, tab 1", "B": "Ada, tab 2"}[letter], "AAABBBBA"[:number])
    expect(page.get_by_text("though nobody else ever sees a word")).to_be_visible()
    for number, letter in enumerate("AAABBB", 1):
        page.locator(f".st-key-race_lock_{letter} button").click()
        expect(page.get_by_text(f"So far: {'AAABBB'[:number]}", exact=True)).to_be_visible()
        if number == 1:
            expect(page.locator(".st-key-race_lock_B button")).to_be_disabled()
    expect(page.get_by_text("There is no schedule left that goes wrong.")).to_be_visible()


def test_a_presenter_has_large_type(visit: NewVisit, app: AppServer) -> None:
    page = opened(visit, app, "?chapter=2")
    size = "parseFloat(getComputedStyle(document.documentElement).fontSize)"
    before = page.evaluate(size)
    page.get_by_text("Large type").click()
    page.wait_for_function(f"{size} > {before}")


def test_it_is_played_by_keys_and_undone(visit: NewVisit, app: AppServer) -> None:
    page = opened(visit, app, "?chapter=3")
    expect(page.get_by_text("So far: –")).to_be_visible()
    page.get_by_role("heading", name="Race lab").click()
    page.keyboard.press("a")
    expect(page.get_by_text("So far: A", exact=True)).to_be_visible()
    page.keyboard.press("b")
    expect(page.get_by_text("So far: AB", exact=True)).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_text("So far: A", exact=True)).to_be_visible()


def test_a_shared_address_opens_the_same_state_for_somebody_else(visit: NewVisit, app: AppServer) -> None:
    page = opened(visit, app, "?chapter=6&strategy=lesson-deepcopy&tabs=0&users=2&turns=1&schedule=ABAABB")
    expect(page.get_by_text("lost-update")).to_be_visible()
    expect(page.get_by_test_id("stMermaidChart")).to_be_visible()
    other = visit().page
    other.goto(page.url)
    expect(other.get_by_text("lost-update")).to_be_visible(timeout=30_000)
    with other.expect_download() as got:
        other.get_by_role("button", name="PNG").click()
    assert got.value.path().read_bytes().startswith(b"\x89PNG")


def test_every_way_fits_a_phone(visit: NewVisit, app: AppServer) -> None:
    page = opened(visit, app, "?chapter=5")
    expect(page.get_by_text("0 of 2 interleavings go wrong")).to_be_visible(timeout=60_000)
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
