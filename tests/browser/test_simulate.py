"""The simulate page in Chromium: one button, a field that fills, a leak that opens, a stop, a reload, two people."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NewPage
from tests.servers import wait_for

pytestmark = pytest.mark.browser


@pytest.fixture
def simulate(open_page: NewPage) -> Callable[[], Page]:
    def new() -> Page:
        page = open_page("simulate", "Simulate")
        expect(page.get_by_role("button", name="Simulate", exact=True)).to_be_enabled(timeout=30_000)
        return page

    return new


def start(page: Page) -> None:
    page.get_by_role("button", name="Simulate", exact=True).click()


def verdict(page: Page) -> str:
    alert = page.get_by_test_id("stAlert").first
    expect(alert).to_contain_text(re.compile("Anomalies|Isolated|Nothing can be said"), timeout=60_000)
    return alert.inner_text()


def field(page: Page, said: str) -> Locator:
    return page.get_by_role("img", name=re.compile(said))


def fill(page: Page, label: str, value: str) -> None:
    box = page.get_by_label(label, exact=True)
    box.fill(value)
    box.press("Enter")


def top(what: Locator) -> float:
    box = what.bounding_box()
    return box["y"] if box else 0.0


def cells(chart: Locator) -> list[tuple[int, int]]:
    """Where the chart has its highest and its lowest cell: what is drawn is grey but for these."""
    drawn = Image.open(io.BytesIO(chart.screenshot())).convert("RGB")
    red, _, blue = drawn.split()
    more = ImageChops.subtract(red, blue).tobytes()
    found = [(at % drawn.width, at // drawn.width) for at, much in enumerate(more) if much > 20]
    return [(across + 3, down + 3) for across, down in found[:1]] + [(across, down - 3) for across, down in found[-1:]]


def test_one_button_shows_the_incident_and_a_click_its_evidence(simulate: Callable[[], Page]) -> None:
    page = simulate()
    start(page)
    expect(field(page, "[1-9][0-9]* of 300 turns answered")).to_be_visible()
    assert "shown somebody else's data" in verdict(page)
    expect(page.get_by_role("tab", name="Who saw whom")).to_be_visible(timeout=30_000)
    for name, shown in (("See it", re.compile("Both conversations")), ("See the line", re.compile("def turn"))):
        page.get_by_test_id("stMain").get_by_role("button", name=name).click()
        expect(page.get_by_role("dialog")).to_contain_text(shown)
        if name == "See the line":  # above the rest of the source, which is longer than a screen
            line = page.get_by_role("dialog").get_by_test_id("stCode").first
            expect(line).to_have_text(re.compile(r"^\s*45\s+self"))
            expect(line).to_be_in_viewport()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="First leak").click()
    line = page.get_by_text(re.compile("was answered with .*'s data"))
    expect(line).to_be_visible()
    at = page.get_by_label("Turns answered")
    expect(at).not_to_have_value("300")
    first = int(at.input_value())
    page.get_by_role("button", name="One turn on").click()
    expect(at).to_have_value(str(first + 1))
    page.get_by_role("button", name="Play the run again").click()
    expect(at).to_have_value("300", timeout=30_000)
    chart = page.get_by_test_id("stVegaLiteChart").first.locator("canvas, svg").first
    expect(chart).to_be_visible()
    expect(page.get_by_text("was shown", exact=False).first).to_be_visible()
    chosen = page.get_by_label("Viewer", exact=True).input_value()
    page.set_viewport_size({"width": 1280, "height": 1800})
    page.mouse.wheel(0, 3000)
    wait_for(lambda: len(cells(chart)) > 1, "the cells of the chart")
    box = chart.bounding_box()
    assert box is not None
    for across, down in cells(chart):  # the highest and the lowest are not both of one viewer
        page.mouse.click(box["x"] + across, box["y"] + down)
        page.wait_for_timeout(500)
        if page.get_by_label("Viewer", exact=True).input_value() != chosen:
            break
    expect(page.get_by_label("Viewer", exact=True)).not_to_have_value(chosen)
    page.set_viewport_size({"width": 390, "height": 844})
    fits = "innerWidth < 400 && document.documentElement.scrollWidth <= innerWidth"
    wait_for(lambda: page.evaluate(fits), "a page as narrow as the screen")
    wait_for(lambda: top(page.get_by_test_id("stAlert").first) < top(at), "the verdict above all")
    page.set_viewport_size({"width": 1280, "height": 1800})
    page.get_by_role("tab", name="Smallest example").click()
    expect(page.get_by_test_id("stMermaidChart")).to_be_visible()
    page.get_by_role("tab", name="Files").click()
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    with page.expect_download() as got:
        page.get_by_role("button", name="Report (HTML)").click()
    assert "<html" in got.value.path().read_text()


def test_stop_gives_a_verdict_and_a_reload_finds_the_run(simulate: Callable[[], Page]) -> None:
    page = simulate()
    fill(page, "Users", "10")
    fill(page, "Turns each", "200")
    page.get_by_text("More", exact=True).click()
    fill(page, "Model latency (s)", "0.2")
    start(page)
    expect(field(page, "[1-9][0-9]* of 2000 turns answered")).to_be_visible(timeout=30_000)
    page.reload()
    expect(page.get_by_role("button", name=re.compile("^Stop")).last).to_be_visible(timeout=30_000)
    page.get_by_role("button", name=re.compile("^Stop")).last.click()
    assert "The run was stopped early" in verdict(page)
    page.reload()
    assert "The run was stopped early" in verdict(page)


def test_two_people_run_at_once_and_neither_sees_the_other(simulate: Callable[[], Page]) -> None:
    ada, ben = simulate(), simulate()
    ben.get_by_text("Two processes", exact=True).click()
    expect(ben.get_by_label("Memory", exact=True)).to_have_value(re.compile("with locks"))
    for page in (ada, ben):
        fill(page, "Users", "12")
    start(ada)
    start(ben)
    assert "shown somebody else's data" in verdict(ada)
    expect(ben.get_by_role("heading", name=re.compile("redis-turn"))).to_be_visible()
    # Whichever of the two ends first has the first verdict.
    expect(ben.get_by_test_id("stAlert").filter(has_text="lost turns").first).to_be_visible(timeout=60_000)
    expect(ada.get_by_role("heading", name=re.compile("redis-turn"))).to_have_count(0)
    ben.goto(ada.url)
    expect(ben.get_by_text("This is somebody else's run.")).to_be_visible(timeout=30_000)
