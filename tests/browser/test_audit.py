"""The audit page in Chromium: checks go by, a card is read, its replay goes on in the race lab, a stop keeps all."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NewPage
from tests.servers import wait_for

pytestmark = pytest.mark.browser

STORES = "tests.audit.stores"
BOTH = ("langgraph-memory", f"{STORES}:Folding")


def audit(page: Page, path: str, checks: int) -> None:
    box = page.get_by_role("textbox", name="Or your own store")
    box.fill(path)
    box.press("Enter")
    page.get_by_role("button", name=f"Audit with {checks} checks").click()


def card(page: Page, check: str) -> Locator:
    return page.get_by_test_id("stExpander").filter(has=page.locator("summary").filter(has_text=check)).last


def test_a_fault_is_watched_read_copied_and_played(open_page: NewPage) -> None:
    page = open_page("audit", "Audit")
    page.set_viewport_size({"width": 1280, "height": 1600})
    expect(page.get_by_text("Nobody reads or loses somebody else's conversation.")).to_be_visible()
    page.get_by_text(re.compile("stores not available here")).click()
    expect(page.get_by_text("pip install google-adk", exact=True)).to_be_visible()
    for level in ("apart", "lasting", "faithful", "bounded", "async"):
        page.get_by_role("button", name=level, exact=True).click()

    audit(page, f"{STORES}:Hanging", 10)
    expect(page.get_by_text(re.compile("^2 of 2:"))).to_be_visible(timeout=60_000)
    live = page.get_by_test_id("stMain")
    expect(live).to_contain_text(re.compile(r"whole 10/10 .*3 fail.*5 pass.*2 not applicable", re.DOTALL))
    expect(live).to_contain_text("whole.overlapping-turns Overlapping turns keep every acknowledged turn, once.")
    page.get_by_role("button", name=re.compile("^Stop")).click()
    expect(page.get_by_role("heading", name="langgraph-memory: 3 checks failed")).to_be_visible()
    expect(page.get_by_text(f"Stopped before a check was done: {STORES}:Hanging")).to_be_visible()

    fault = card(page, "whole.overlapping-turns")
    expect(fault).to_contain_text("'question of the second tab' was acknowledged and is stored 0 times.")
    expect(fault).to_contain_text("Double texting is a feature of LangSmith Deployment")  # what its maker says of it
    assert fault.locator("th").all_inner_texts()[1:] == ["A the first tab", "B the second tab", "C a reader"]
    steps = [row.locator("td").all_inner_texts() for row in fault.locator("tbody tr").all()]
    assert [[bool(cell) for cell in row].index(True, 1) for row in steps] == [1, 2, 1, 3]
    assert steps[0][1] == "asks in 'one': question of the first tab → …"
    assert steps[2][1] == "… → answer to question of the first tab"
    fault.get_by_text("Copy the file").click()
    expect(fault.get_by_test_id("stCode")).to_contain_text("def test_whole_overlapping_turns")
    with page.expect_download() as got:
        fault.get_by_role("button", name="Reproduction", exact=True).click()
    assert "def test_whole_overlapping_turns" in got.value.path().read_text()

    with page.context.expect_page() as opened:
        fault.get_by_role("link", name="See it in the race lab").click()
    lab = opened.value
    expect(lab.locator(".lab")).to_have_attribute("data-schedule", "AABBBA", timeout=30_000)
    expect(lab.get_by_text("lost-update")).to_be_visible()
    lab.close()

    for level in ("apart", "whole"):
        page.get_by_role("button", name=level, exact=True).click()
    audit(page, BOTH[1], 20)
    table = page.get_by_test_id("stDataFrame").first
    expect(table).to_be_visible(timeout=60_000)
    expect(table.locator("tbody tr").filter(has_text="apart.case")).to_contain_text("✓ pass✗ fail")
    page.get_by_role("radio", name=BOTH[1]).click()
    expect(page.get_by_role("heading", name=f"{BOTH[1]}: 1 check failed")).to_be_visible()
    expect(card(page, "apart.case")).to_contain_text("Why: An index folds case.")

    page.set_viewport_size({"width": 390, "height": 844})
    fits = "innerWidth < 400 && document.documentElement.scrollWidth <= innerWidth"
    wait_for(lambda: page.evaluate(fits), "a page as narrow as the screen")
