"""Every page, in both themes: nothing is asked of another server, and axe-core finds nothing serious."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, expect

from tests import PROJECT
from tests.browser.conftest import NewPage
from tests.browser.serving import AppServer
from tests.browser.talking import Visit
from tests.servers import wait_for

pytestmark = pytest.mark.browser

PAGES = sorted(path.stem for path in (PROJECT / "pages").glob("*.py") if path.stem != "navigation")
SERIOUS = {"serious", "critical"}
STREAMLITS: dict[tuple[str, str], str] = {}
"""What Streamlit itself does wrong, by axe's rule and a part of the element's markup, and why it stays."""
RUN = "options => axe.run(document, {resultTypes: ['violations'], ...options}).then(found => found.violations)"
COLOURS = {"runOnly": ["color-contrast"]}
"""All that a theme changes."""
GO = "path => { history.pushState(null, '', path); dispatchEvent(new PopStateEvent('popstate')); }"
"""As the Back button does, which loads Streamlit only once."""
GAP = """() => {
    const link = document.querySelector('[data-testid=stTopNavLink]'), words = document.createRange();
    words.selectNodeContents(link.querySelector('p'));
    return link.getBoundingClientRect().right - words.getBoundingClientRect().right;
}"""
"""Pixels from the end of the navigation's first title to that of its link."""
OTHER_SCHEMES = ("data:", "blob:")


class Tab(NamedTuple):
    """asked: what it has asked servers for."""

    page: Page
    asked: list[str]


@pytest.fixture(scope="module")
def tab(chromium: Browser, app: AppServer) -> Iterator[Tab]:
    """Of somebody who may open the inspector, too, and goes from page to page in it."""
    context = chromium.new_context()
    app.let_in(context)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(app.url)
    yield Tab(page, asked)
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_no_page_asks_another_server_or_shuts_anybody_out(tab: Tab, app: AppServer, name: str) -> None:
    page = tab.page
    page.emulate_media(color_scheme="light")
    expect(page.get_by_role("heading").first).to_be_visible(timeout=30_000)
    page.evaluate(GO, "/" if name == "home" else f"/{name.replace('_', '-')}")
    expect(page).to_have_title(f"{name.replace('_', ' ').capitalize()} · Crosswire")
    expect(page.get_by_role("heading").first).to_be_visible(timeout=30_000)
    Visit(page).settled()
    assert str(page.locator("link[rel='shortcut icon']").get_attribute("href")).startswith("data:")
    assert page.evaluate(GAP) < 30
    shuts_nobody_out(page)
    page.emulate_media(color_scheme="dark")
    expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", "dark")
    shuts_nobody_out(page, COLOURS)
    assert tab.asked
    assert {urlsplit(url)[:2] for url in tab.asked if not url.startswith(OTHER_SCHEMES)} == {urlsplit(app.url)[:2]}


def shuts_nobody_out(page: Page, look_at: dict[str, list[str]] | None = None) -> None:
    """axe-core finds nothing serious in it as it is now; look_at: only at that."""
    page.evaluate(AXE_SCRIPT)
    assert list(serious(page.evaluate(RUN, look_at or {}))) == []


def serious(violations: list[dict[str, Any]]) -> Iterator[str]:
    for found in violations:
        for node in found["nodes"] if found["impact"] in SERIOUS else ():
            if not any(rule == found["id"] and part in node["html"] for rule, part in STREAMLITS):
                reason = next((one["message"] for one in [*node["any"], *node["all"], *node["none"]]), "")
                yield f"{found['id']}: {node['html'][:200]} {reason}"


def test_what_is_planted_is_found(tab: Tab) -> None:
    tab.page.evaluate(AXE_SCRIPT)
    plant = "document.querySelector('[data-testid=stMain]').insertAdjacentHTML('beforeend', '<button></button>')"
    tab.page.evaluate(plant)
    assert any(line.startswith("button-name") for line in serious(tab.page.evaluate(RUN, {})))


def test_a_question_is_asked_and_answered_by_keys_alone(open_page: NewPage) -> None:
    page = open_page("", "Does your chat show one user another user’s data?")
    walk(page, r"^Try the chat")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Ask the help centre")).to_be_visible()
    chat = Visit(page).ready()
    walk(page, r"^Ask about orders")
    page.keyboard.type("How long do I have to return something?")
    page.keyboard.press("Enter")
    expect(chat.messages.nth(1)).to_contain_text("30 days", timeout=30_000)
    chat.settled()
    walk(page, r"^\[1\]$")
    shuts_nobody_out(page)


def test_the_recorded_run_plays_pauses_and_stands_still_for_whoever_asks_for_it(open_page: NewPage) -> None:
    page = open_page("", "Does your chat show one user another user’s data?")
    time = "Number(getComputedStyle(document.querySelector('.cw-people')).getPropertyValue('--t'))"
    page.locator(".cw-people").first.wait_for()
    before = page.evaluate(time)
    wait_for(lambda: page.evaluate(time) != before, "another frame of the recorded run")
    page.get_by_label("Pause").check()
    # By the standard a pause holds from the next frame on, which a busy machine draws later.
    page.evaluate("Promise.all(document.getAnimations().map(one => one.ready)).then(() => null)")
    stopped = page.evaluate(time)
    page.wait_for_timeout(300)
    assert page.evaluate(time) == stopped
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(time) == 99, "how it ended"
    expect(page.get_by_label("Pause")).to_be_hidden()


WHERE = """() => {
    let at = document.activeElement;
    while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
    return at.getAttribute('aria-label') || at.getAttribute('placeholder') || at.innerText || '';
}"""


def walk(page: Page, name: str) -> None:
    """Press Tab until what has this name has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if re.search(name, page.evaluate(WHERE)):
            return
    raise AssertionError(f"Tab never came to {name}")
