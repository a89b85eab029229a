"""The race lab in Chromium: played by clicking and by keys, shared by its address, readable on a phone."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NewContext, NewPage
from tests.browser.serving import AppServer
from tests.servers import wait_for

pytestmark = pytest.mark.browser

PEOPLE = {"A": "Ada", "B": "Ben"}


def step(page: Page, name: str, so_far: str) -> None:
    page.get_by_role("button", name=re.compile(f"^{name}:")).click()
    expect(page.get_by_text(f"So far: {so_far}", exact=True)).to_be_visible()


def steps(page: Page, names: dict[str, str], schedule: str) -> None:
    for number, letter in enumerate(schedule, 1):
        step(page, names[letter], schedule[:number])


def chapter(page: Page, number: int) -> Locator:
    return page.locator(f".st-key-race_chapter_{number} button")


def expect_done(page: Page, *numbers: int) -> None:
    for number in range(1, 7):
        seen = expect(chapter(page, number))
        (seen.to_contain_text if number in numbers else seen.not_to_contain_text)("check_circle")


def test_the_first_two_chapters_are_played_and_a_reload_remembers_it(open_page: NewPage, app: AppServer) -> None:
    page = open_page("race_lab", "Race lab")
    page.get_by_role("button", name=re.compile("^Play")).click()
    page.get_by_role("button", name=re.compile("^Next")).click()
    expect(page.get_by_text("Ben's answer shows Ada's address")).to_be_visible()
    page.get_by_role("button", name=re.compile("Again")).click()
    expect(page.get_by_text("Nothing said yet.").first).to_be_visible()
    chapter(page, 2).press("Enter")  # which belongs to what has the focus, not to Play
    expect(page.get_by_text("So far: –")).to_be_visible()
    assert "incident" not in page.url
    steps(page, PEOPLE, "AAAABBBB")
    expect(page.get_by_text("Anomalies: foreign-read")).to_be_visible()
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(page.get_by_text("So far: –")).to_be_visible()
    steps(page, PEOPLE, "ABABABAB")
    expect(page.get_by_text("in 60 of the 70 interleavings both answers look fine")).to_be_visible()
    expect_done(page, 1, 2)
    page.reload()
    expect(page.get_by_text("in 60 of the 70 interleavings both answers look fine")).to_be_visible(timeout=30_000)
    expect_done(page, 1, 2)
    other = open_page(page.url.removeprefix(f"{app.url}/"), "Race lab")
    expect(other.get_by_text("So far: ABABABAB", exact=True)).to_be_visible()
    expect_done(other)


def test_the_fourth_chapter_is_played_to_its_end(open_page: NewPage) -> None:
    page = open_page("race_lab?chapter=4", "Race lab")
    steps(page, {"A": "Ada, tab 1", "B": "Ada, tab 2"}, "AAABBBBA")
    expect(page.get_by_text("44 of the 70 interleavings tear a turn")).to_be_visible()
    for number, letter in enumerate("AAABBB", 1):
        page.get_by_role("heading", name="Race lab").click()
        page.keyboard.press(letter.lower())  # of two boards, the one that is not done yet
        expect(page.get_by_text(f"So far: {'AAABBB'[:number]}", exact=True)).to_be_visible()
        if number == 1:
            expect(page.locator(".st-key-race_lock_B button")).to_be_disabled()
    expect(page.get_by_text("No schedule is left that goes wrong.")).to_be_visible()
    expect_done(page, 4)


def test_a_cell_of_every_way_is_clicked_and_loads(open_page: NewPage, app: AppServer) -> None:
    page = open_page("race_lab?chapter=5", "Race lab")
    page.set_viewport_size({"width": 1280, "height": 1600})
    strip = page.get_by_test_id("stVegaLiteChart").first.locator("canvas, svg").first
    expect(page.get_by_text("So far: –")).to_be_visible(timeout=60_000)
    box = strip.bounding_box()
    assert box is not None
    # In the first row, where every schedule leaks.
    page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + 20)
    expect(page.get_by_text(re.compile("foreign-read"))).to_be_visible()
    assert "memory=lesson-shared" in page.url
    expect_done(page, 5)
    played = page.get_by_text(re.compile("So far: [AB]{8}"))
    expect(played).to_be_visible()
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(page.get_by_text("So far: –")).to_be_visible()
    page.wait_for_timeout(500)  # the strip begins anew
    box = strip.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + 20)
    expect(played).to_be_visible()
    page.goto(f"{app.url}/race_lab?chapter=5&memory=lesson-list")
    expect(page.get_by_text("0 of 2 interleavings go wrong")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("So far: –")).to_be_visible()
    page.wait_for_timeout(500)  # the charts take their place
    box = page.get_by_test_id("stVegaLiteChart").nth(1).locator("canvas, svg").first.bounding_box()
    assert box is not None
    # Ada has made few steps there, and Ben nearly all.
    page.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3)
    expect(page.get_by_text(re.compile("So far: A?BBB"))).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    fits = "innerWidth < 400 && document.documentElement.scrollWidth <= innerWidth"
    wait_for(lambda: page.evaluate(fits), "a page as narrow as the screen")


def test_the_lab_finds_the_shortest_failure_and_it_is_taken_home(open_page: NewPage) -> None:
    page = open_page("race_lab?chapter=5", "Race lab")
    chapter(page, 6).click()
    page.get_by_role("button", name="Find the shortest failure").click()
    expect(page.get_by_text(re.compile("interleavings|leak")).first).to_be_visible()
    expect(page.get_by_test_id("stMermaidChart")).to_be_visible()
    with page.expect_download() as got:
        page.get_by_role("button", name="pytest", exact=True).click()
    assert "def test_" in got.value.path().read_text()
    page.get_by_role("button", name=re.compile("^Undo")).click()
    expect(page.get_by_text("Play it to the end to export it")).to_be_visible()


def test_it_is_played_by_keys_undone_and_set_in_large_type(open_page: NewPage) -> None:
    page = open_page("race_lab?chapter=3", "Race lab")
    expect(page.get_by_text("So far: –")).to_be_visible()
    page.get_by_role("heading", name="Race lab").click()
    page.keyboard.press("a")
    expect(page.get_by_text("So far: A", exact=True)).to_be_visible()
    page.keyboard.press("b")
    expect(page.get_by_text("So far: AB", exact=True)).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_text("So far: A", exact=True)).to_be_visible()
    size = "parseFloat(getComputedStyle(document.documentElement).fontSize)"
    before = page.evaluate(size)
    page.get_by_text("Large type").click()
    wait_for(lambda: page.evaluate(size) > before, "larger type")


def test_a_shared_address_opens_the_same_state_for_somebody_else(open_page: NewPage, app: AppServer) -> None:
    page = open_page("race_lab?chapter=6&strategy=lesson-deepcopy&tabs=0&users=2&turns=1&schedule=ABAABB", "Race lab")
    expect(page.get_by_text("lost-update")).to_be_visible()
    expect(page.get_by_test_id("stMermaidChart")).to_be_visible()
    other = open_page(page.url.removeprefix(f"{app.url}/"), "Race lab")
    expect(other.get_by_text("lost-update")).to_be_visible(timeout=30_000)
    with other.expect_download() as got:
        other.get_by_role("button", name="PNG", exact=True).click()
    assert got.value.path().read_bytes().startswith(b"\x89PNG")


def test_the_drawn_memory_follows_the_theme_and_its_owners_do_not(contexts: NewContext, app: AppServer) -> None:
    page = contexts().new_page()
    seen = {}
    for theme in ("dark", "light"):
        # The theme that a visitor has chosen, whatever the system prefers.
        page.emulate_media(color_scheme="light" if theme == "dark" else "dark")
        page.goto(f"{app.url}/race_lab?chapter=2&embed_options={theme}_theme")
        picture = page.locator(".race-memory")
        expect(picture).to_be_visible(timeout=30_000)
        drawn = Image.open(io.BytesIO(picture.screenshot())).convert("RGB")
        seen[theme] = {colour: count for count, colour in drawn.getcolors(1 << 24) or ()}
    assert seen["dark"].get((0x14, 0x13, 0x1C), 0) > 1000
    assert seen["light"].get((0xFF, 0xFF, 0xFF), 0) > 1000
    for owner in ((0x7C, 0x6E, 0xE6), (0xE8, 0x59, 0x0C)):
        assert min(seen[theme].get(owner, 0) for theme in seen) > 100
