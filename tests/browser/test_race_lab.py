"""The race lab in Chromium: every press counts, by keys and by clicks; shared by its address, readable on a phone."""

from __future__ import annotations

import io
import re
from functools import partial

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NewContext, NewPage
from tests.browser.serving import AppServer
from tests.servers import wait_for

pytestmark = pytest.mark.browser

RECORD = """board => {
    window.seen = [];
    let last;
    const saw = () => {
        if (board.dataset.presses !== last) window.seen.push(board.dataset.schedule);
        last = board.dataset.presses;
    };
    new MutationObserver(saw).observe(board, {attributeFilter: ["data-presses"]});
}"""


def board(page: Page) -> Locator:
    return page.locator(".lab")


def expect_schedule(page: Page, schedule: str) -> None:
    expect(board(page)).to_have_attribute("data-schedule", schedule)


def press(page: Page, keys: str, pause: float = 30) -> None:
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_timeout(pause)


def chapter(page: Page, name: str) -> Locator:
    return page.locator(f".st-key-race_chapter_{name} button")


def expect_done(page: Page, *names: str) -> None:
    for number, name in enumerate(("incident", "scheduler", "deepcopy", "tabs", "every"), 1):
        expect(chapter(page, name)).to_contain_text(f"{number}. ")
        seen = expect(chapter(page, name))
        (seen.to_contain_text if name in names else seen.not_to_contain_text)("check_circle")


def test_sixty_presses_at_thirty_milliseconds_are_all_played_in_order(open_page: NewPage) -> None:
    page = open_page("race_lab?chapter=scheduler", "Race lab")
    expect_schedule(page, "")
    board(page).evaluate(RECORD)
    rounds = ["abababab", "bbbbaaaa", "aabbaabb", "abbabaab", "baabbaab", "ababbaba"]
    press(page, "r".join(rounds) + "rabaabr")
    expect(board(page)).to_have_attribute("data-presses", "60")
    expected = [one[:length].upper() for one in rounds for length in (*range(1, 9), 0)]
    expected += ["A", "AB", "ABA", "ABAA", "ABAAB", ""]
    assert page.evaluate("window.seen") == expected
    expect(page).not_to_have_url(re.compile("scheduler="))


def test_a_scene_that_the_server_steps_through_loses_none_either(open_page: NewPage) -> None:
    page = open_page("race_lab?strategy=lesson-shared&users=5&turns=2", "Race lab")
    expect_schedule(page, "")
    press(page, "abcde" * 6)
    expect(board(page)).to_have_attribute("data-presses", "30")
    expect_schedule(page, "ABCDE" * 6)
    expect(page).to_have_url(re.compile(f"schedule={'ABCDE' * 6}"))


def test_by_the_keyboard_alone_from_what_one_foretells_to_the_next_chapter(open_page: NewPage) -> None:
    page = open_page("race_lab?chapter=scheduler", "Race lab")
    expect_schedule(page, "")

    def tab_to(name: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.locator("button:focus").filter(has_text=name).count():
                return
        raise AssertionError(f"no way by Tab to {name}")

    tab_to("Turns are torn or mixed in the store")
    page.keyboard.press("Enter")
    expect(page.get_by_text("You were right.")).to_be_visible()
    tab_to("Now play it yourself")
    page.keyboard.press("Enter")
    press(page, "aaaabbbb")
    expect(page.get_by_text("Goal reached with 0 preemptions, at par (0)")).to_be_visible()
    page.keyboard.press("r")
    press(page, "abaabb")
    page.keyboard.press("u")
    press(page, "ab")
    expect_schedule(page, "ABAABAB")
    press(page, "b")
    expect(page.get_by_text("in 60 of the 70 interleavings both answers look fine")).to_be_visible()
    for _ in range(3):
        page.keyboard.press("Shift+Tab")
    tab_to("Next: The clever fix")
    page.keyboard.press("Enter")
    expect(page.get_by_text("each turn works on a copy of the memory")).to_be_visible()


def places(page: Page) -> list[dict[str, float]]:
    """Where the parts of the board are; of the one in the page, if it was replaced between being found and asked."""
    script = """board => board.isConnected &&
        [...board.querySelectorAll('section, .phone')].map(one => one.getBoundingClientRect().toJSON())"""
    found: list[dict[str, float]] = wait_for(partial(board(page).evaluate, script), "a board in the page")
    return found


def test_nothing_jumps_the_victim_is_above_the_fold_and_a_message_flies(contexts: NewContext, app: AppServer) -> None:
    page = contexts().new_page()
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{app.url}/race-lab?chapter=scheduler")
    expect(page.get_by_role("heading", name="Race lab", exact=True)).to_be_visible(timeout=30_000)
    for motion, flying in (("no-preference", 1), ("reduce", 0)):
        page.emulate_media(reduced_motion=motion)  # type: ignore[arg-type]
        page.keyboard.press("r")
        expect_schedule(page, "")
        expect(page.locator(".flying")).to_have_count(0)  # the one before has arrived
        before = places(page)
        for key in "aaaabbb":
            page.keyboard.press(key)
            assert places(page) == before
        assert all(place["bottom"] <= 800 for place in before)
        page.keyboard.press("b")
        assert page.locator(".flying").count() == flying
        expect(page.locator(".phone.wrong")).to_contain_text("12 Willow LaneAda's")
        assert places(page) == before
    page.set_viewport_size({"width": 390, "height": 844})
    fits = "innerWidth < 400 && document.documentElement.scrollWidth <= innerWidth"
    wait_for(lambda: page.evaluate(fits), "a page as narrow as the screen")


def test_the_first_two_chapters_are_played_and_a_reload_remembers_it(open_page: NewPage, app: AppServer) -> None:
    page = open_page("race_lab", "Race lab")
    page.get_by_role("button", name="Somebody sees the other's address").click()
    expect(page.get_by_text("You were right.")).to_be_visible()
    expect(page.get_by_text("The chat's memory is one object")).to_be_visible()
    expect_done(page, "incident")
    page.get_by_role("button", name="Next: You are the scheduler").click()
    expect(page.get_by_role("button", name=re.compile("Ada load"))).to_be_visible()
    for name, times in (("Ada", 4), ("Ben", 4)):
        for _ in range(times):
            page.get_by_role("button", name=re.compile(f"^[ab] ?{name}")).click()
    expect(page.get_by_text("Goal reached")).to_be_visible()
    page.get_by_role("button", name=re.compile("Restart")).click()
    press(page, "abababab")
    expect(page.get_by_text("in 60 of the 70 interleavings both answers look fine")).to_be_visible()
    expect_done(page, "incident", "scheduler")
    expect(page).to_have_url(re.compile("scheduler=ABABABAB"))
    page.reload()
    expect(page.get_by_text("in 60 of the 70 interleavings both answers look fine")).to_be_visible(timeout=30_000)
    expect_done(page, "incident", "scheduler")
    other = open_page(page.url.removeprefix(f"{app.url}/"), "Race lab")
    expect_schedule(other, "ABABABAB")
    expect_done(other)


def test_the_timeline_looks_back_and_a_press_there_goes_on_from_it(open_page: NewPage) -> None:
    page = open_page("race_lab?chapter=deepcopy&deepcopy=ABAABB", "Race lab")
    expect_schedule(page, "ABAABB")
    expect(page.get_by_text("Step 6 of 6")).to_be_visible()
    page.get_by_label("Step of the schedule").focus()
    page.keyboard.press("Home")
    expect(page.get_by_text("Step 0 of 6")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("Ada reads the shared list: it is empty.")).to_be_visible()
    page.keyboard.press("a")
    expect_schedule(page, "AA")
    page.keyboard.press("p")
    expect(page.get_by_text("Step 2 of 2")).to_be_visible()


def test_a_cell_of_every_way_is_clicked_and_loads(open_page: NewPage, app: AppServer) -> None:
    page = open_page("race_lab?chapter=every", "Race lab")
    page.set_viewport_size({"width": 1280, "height": 1600})
    strip = page.get_by_test_id("stVegaLiteChart").first.locator("canvas, svg").first
    expect_schedule(page, "")
    box = strip.bounding_box()
    assert box is not None
    # In the first row, where every schedule leaks.
    page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + 20)
    expect(page.get_by_text(re.compile("foreign-read"))).to_be_visible()
    assert "memory=lesson-shared" in page.url
    expect_done(page, "every")
    expect(board(page)).to_have_attribute("data-schedule", re.compile("^[AB]{8}$"))
    page.get_by_role("button", name=re.compile("Restart")).click()
    expect_schedule(page, "")
    expect(page).not_to_have_url(re.compile("every="))

    def loaded() -> bool:
        """The strip begins anew, and what is clicked until it has is lost: a visitor clicks again."""
        if not board(page).get_attribute("data-schedule") and (there := strip.bounding_box()):
            page.mouse.click(there["x"] + there["width"] * 0.6, there["y"] + 20)
            page.wait_for_timeout(1000)
        return bool(re.fullmatch("[AB]{8}", board(page).get_attribute("data-schedule") or ""))

    wait_for(loaded, "the cell that was clicked again")
    page.goto(f"{app.url}/race_lab?chapter=every&memory=lesson-list")
    page.get_by_text("More: the progress graph").click()
    expect(page.get_by_text("0 of 2 interleavings go wrong")).to_be_visible(timeout=60_000)
    expect_schedule(page, "")
    page.wait_for_timeout(500)  # the charts take their place
    box = page.get_by_test_id("stVegaLiteChart").nth(1).locator("canvas, svg").first.bounding_box()
    assert box is not None
    # Ada has made few steps there, and Ben nearly all.
    page.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3)
    expect(board(page)).to_have_attribute("data-schedule", re.compile("^A?BBB"))


def test_the_lab_finds_the_shortest_failure_and_it_is_taken_home(open_page: NewPage) -> None:
    page = open_page("race_lab?chapter=every", "Race lab")
    chapter(page, "lab").click()
    page.get_by_role("button", name="Find the shortest failure").click()
    expect(page.get_by_text(re.compile("interleavings leak")).first).to_be_visible()
    expect(page.get_by_test_id("stMermaidChart")).to_be_visible()
    with page.expect_download() as got:
        page.get_by_role("button", name="pytest", exact=True).click()
    assert "def test_" in got.value.path().read_text()
    page.get_by_role("button", name=re.compile("Undo")).click()
    expect(page.get_by_text("Play it to the end to export it")).to_be_visible()
    size = "parseFloat(getComputedStyle(document.documentElement).fontSize)"
    before = page.evaluate(size)
    page.get_by_text("Large type").click()
    wait_for(lambda: page.evaluate(size) > before, "larger type")


def test_a_shared_address_opens_the_same_state_for_somebody_else(open_page: NewPage, app: AppServer) -> None:
    page = open_page("race_lab?strategy=lesson-deepcopy&schedule=ABAABB", "Race lab")
    expect(page.get_by_text("lost-update")).to_be_visible()
    expect(page.get_by_test_id("stMermaidChart")).to_be_visible()
    expect(page).to_have_url(re.compile("/race-lab.*chapter=lab"))
    other = open_page(page.url.removeprefix(f"{app.url}/"), "Race lab")
    expect_schedule(other, "ABAABB")
    with other.expect_download() as got:
        other.get_by_role("button", name="PNG", exact=True).click()
    assert got.value.path().read_bytes().startswith(b"\x89PNG")


def test_the_drawn_memory_follows_the_theme_and_its_owners_do_not(contexts: NewContext, app: AppServer) -> None:
    page = contexts().new_page()
    seen = {}
    for theme in ("dark", "light"):
        # The theme that a visitor has chosen, whatever the system prefers.
        page.emulate_media(color_scheme="light" if theme == "dark" else "dark")
        page.goto(f"{app.url}/race_lab?chapter=scheduler&embed_options={theme}_theme")
        picture = page.locator(".phones")
        expect(picture).to_be_visible(timeout=30_000)
        drawn = Image.open(io.BytesIO(picture.screenshot())).convert("RGB")
        seen[theme] = {colour: count for count, colour in drawn.getcolors(1 << 24) or ()}
    assert seen["dark"].get((0x14, 0x13, 0x1C), 0) > 1000
    assert seen["light"].get((0xFF, 0xFF, 0xFF), 0) > 1000
    for owner in ((0x7C, 0x6E, 0xE6), (0xE8, 0x59, 0x0C)):
        assert min(seen[theme].get(owner, 0) for theme in seen) > 100
