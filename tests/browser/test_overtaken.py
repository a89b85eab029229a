"""Parts of pages that Streamlit draws again before it has the cleanup of the time before, as where the browser is busy:
it then calls that cleanup at once, though what it would take away stands in the page, and a newer call draws it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import NewContext
from tests.browser.serving import AppServer
from tests.servers import wait_for

pytestmark = pytest.mark.browser

HELD = """
    window.calls = 0; // of the part that was drawn most often
    const released = new Promise(release => window.release = release);
    export default async (given) => {
        const cleanup = draw(given), place = given.parentElement;
        window.calls = Math.max(window.calls, place.calls = (place.calls ?? 0) + 1);
        await released;
        return cleanup;
    };
"""
OVERTAKEN = "async () => { window.release(); await new Promise(done => setTimeout(done, 50)); }"


@pytest.fixture
def page(contexts: NewContext) -> Page:
    return contexts().new_page()


def hold(page: Page, part: str) -> None:
    """The cleanups of all calls come when `window.release` is called."""

    def held(route: Route) -> None:
        source = route.fetch()
        body = source.text().replace("export default function (", "function draw(")
        assert body != source.text()
        route.fulfill(response=source, body=body + HELD)

    page.route(f"**/*{part}/main.js*", held)


def expect_calls(page: Page, least: int) -> None:
    wait_for(lambda: page.evaluate("window.calls ?? 0") >= least, f"{least} calls")


def test_the_board_stays_and_hears_every_key(page: Page, app: AppServer) -> None:
    hold(page, "stepper")
    page.goto(f"{app.url}/race-lab?chapter=scheduler")
    board = page.locator(".lab")
    expect(board).to_have_attribute("data-schedule", "", timeout=30_000)
    page.keyboard.press("a")
    expect_calls(page, 2)  # Python was told, and has answered
    board.evaluate("board => board.same = true")
    page.evaluate(OVERTAKEN)
    for key in "bab":
        page.keyboard.press(key)
    expect(board).to_have_attribute("data-schedule", "ABAB")
    assert board.evaluate("board => board.same")
    page.get_by_role("link", name="See it happen to 100 people").click()
    expect(page.get_by_role("heading", name="Simulate", exact=True)).to_be_visible()
    expect(board).to_have_count(0)
    typed = "new KeyboardEvent('keydown', {key: 'a', bubbles: true, cancelable: true, composed: true})"
    assert page.evaluate(f"document.body.dispatchEvent({typed})")  # whoever has left the board has the keys again


def test_the_field_of_people_stays(page: Page, app: AppServer) -> None:
    hold(page, "people_field")
    page.goto(f"{app.url}/simulate")
    page.get_by_role("button", name="Simulate", exact=True).click()
    expect_calls(page, 2)
    field = page.locator(".field")
    expect(field.get_by_role("img", name="of 300 turns answered")).to_be_visible()
    expect(page.get_by_test_id("stAlert").first).to_contain_text("Anomalies", timeout=60_000)  # it is drawn no more
    field.evaluate("field => field.same = true")
    page.evaluate(OVERTAKEN)
    assert field.evaluate("field => field.same && field.isConnected")
