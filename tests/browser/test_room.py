"""The room in Chromium: two phones and the wall, and presenter mode's keys."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NewContext, NewPage
from tests.browser.serving import AppServer
from tests.browser.test_every_page import COLOURS, shuts_nobody_out
from tests.servers import wait_for

pytestmark = pytest.mark.browser

ORDER = "What is my order number?"
FORTY = """address => {
    for (let number = 0; number < 40; number += 1) {
        const phone = document.createElement('iframe');
        phone.id = `phone-${number}`;
        phone.src = `${address}#${number}`;
        document.body.append(phone);
    }
}"""
ANSWERS = """() => [...document.querySelectorAll('iframe')].map(
    phone => phone.contentDocument.querySelectorAll('.says.chat').length)"""
ASK_ALL = """question => [...document.querySelectorAll('iframe')].filter(phone => {
    const button = [...phone.contentDocument.querySelectorAll('button')].find(one => one.textContent === question);
    if (phone.asked || button.disabled) return phone.asked;
    button.click();
    return phone.asked = true;
}).length"""
"""How many have asked; whoever still waits for an answer asks later."""
WORDS = re.compile("[a-z]")
"""Of an answer; while it is awaited there are dots."""
FITS = "() => document.documentElement.scrollWidth <= innerWidth"


class OnPhone:
    """A phone that has opened the room."""

    def __init__(self, page: Page, url: str, width: int = 390) -> None:
        self.page = page
        page.set_viewport_size({"width": width, "height": 844})
        page.goto(url)
        expect(self.answers.first).to_contain_text("written that down")

    @property
    def answers(self) -> Locator:
        return self.page.locator(".says.chat")

    @property
    def name(self) -> str:
        return self.page.locator("#name").inner_text()

    @property
    def secret(self) -> str:
        return self.page.locator("#secret").inner_text()

    def ask(self) -> str:
        before = self.answers.count()
        button = self.page.get_by_role("button", name=ORDER)
        expect(button).to_be_enabled()
        button.click()
        last = self.answers.nth(before)
        expect(last).to_contain_text(WORDS)
        return last.inner_text()


def wall_of(page: Page) -> tuple[Locator, str]:
    frame = page.frame_locator("iframe")
    expect(frame.locator("#address")).to_contain_text("/r/", timeout=30_000)
    return frame.locator("body"), frame.locator("#address").inner_text().rpartition("/")[2]


def test_a_neighbours_secret_is_on_a_phone_and_the_wall_draws_the_arrow(
    open_page: NewPage, contexts: NewContext, app: AppServer
) -> None:
    page = open_page("room", "Room")
    page.get_by_role("button", name="Open a room").click()
    wall, code = wall_of(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert wall.evaluate(FITS)
    page.set_viewport_size({"width": 1280, "height": 720})
    ada, ben = (OnPhone(contexts().new_page(), f"{app.url}/r/{code}") for _ in range(2))
    expect(wall.locator(".person")).to_have_count(2)
    assert ada.secret in ada.ask()
    assert ben.secret in ben.ask()
    wall.get_by_role("button", name="Wrong memory").click()
    for phone in (ada, ben):  # a question asked while the other one says hello would be in the prompt of both
        expect(phone.answers).to_have_text([WORDS])
    for _ in range(6):  # which of the two numbers is repeated is left to the model
        shown = ada.ask()
        if ben.secret in shown:
            break
    expect(ada.page.get_by_text(f"That is {ben.name}’s order, not yours.").first).to_be_visible()
    expect(ben.page.locator("#shown")).to_contain_text(f"shown to {ada.name}")
    expect(wall.locator("#headline")).to_contain_text("shown somebody else’s secret")
    expect(wall.locator("#sentence")).to_contain_text(f"{ben.name}'s “{ben.secret}”")
    expect(wall.locator(".arrow")).not_to_have_count(0)
    alone = page.context.new_page()
    alone.goto(f"{app.url}/r/{code}/wall")
    expect(alone.locator(".person")).to_have_count(2)
    for each in (alone, ada.page):
        shuts_nobody_out(each)
        each.emulate_media(color_scheme="dark")
        shuts_nobody_out(each, COLOURS)
    alone.close()

    secret = ada.secret
    ada.page.reload()
    expect(ada.page.locator("#secret")).to_have_text(secret)
    expect(ada.page.get_by_text("order, not yours").first).to_be_visible()
    assert ada.page.context.cookies() == []
    assert ada.page.evaluate(FITS)

    page.reload()  # the presenter's page, in the middle
    wall, again = wall_of(page)
    assert again == code
    wall.get_by_role("button", name="Right memory").click()
    expect(ada.answers).to_have_count(1)
    assert ada.secret in ada.ask()
    wall.get_by_role("button", name=re.compile(f"^{ben.name}")).press("Enter")
    wall.get_by_role("button", name=f"Send {ben.name} out").click()
    expect(wall.locator("#who")).to_have_text("1 phone here")
    expect(ben.page.get_by_text("The presenter has sent this phone out of the room.")).to_be_visible()
    page.get_by_role("button", name="End the room").click()
    expect(page.get_by_role("heading", name="2. One memory for everyone")).to_be_visible()
    expect(page.get_by_text(f"{ada.name} was shown the secret of {ben.name}.")).to_be_visible()
    expect(page.get_by_text("isolated", exact=False).or_(page.get_by_text("stayed apart")).first).to_be_visible()
    with page.expect_download() as got:
        page.get_by_role("button", name="Report (HTML)").nth(1).click()
    assert ben.secret in got.value.path().read_text()
    expect(ada.page.get_by_text("The room has ended")).to_be_visible()


def test_who_is_alone_has_two_phones_on_each_memory(open_page: NewPage) -> None:
    page = open_page("room", "Room")
    page.get_by_role("button", name="Alone?").click()
    phones = [page.frame_locator("iframe").nth(number) for number in range(4)]
    for _ in range(6):
        for phone in phones:
            expect(phone.get_by_role("button", name=ORDER)).to_be_enabled()
            phone.get_by_role("button", name=ORDER).click()
        if page.get_by_text("other one's secret.").count():
            break
    expect(page.get_by_text("shown the other one's secret.")).to_have_count(1)
    expect(page.get_by_text("Nobody was shown anybody else's secret")).to_be_visible()


def test_the_space_bar_goes_on_but_not_while_somebody_types(open_page: NewPage) -> None:
    page = open_page("room", "Room")
    page.get_by_role("link", name=re.compile("Present it")).click()
    expect(page.get_by_role("heading", name="Does your chat show one user another user’s data?")).to_be_visible()
    bar = page.locator(".st-key-presenter-bar")
    expect(bar).to_contain_text("1 / 7")
    page.keyboard.press("Space")
    expect(bar).to_contain_text("2 / 7")
    box = page.get_by_test_id("stChatInput").locator("textarea")
    box.click()
    box.press_sequentially("Where is my parcel")
    expect(box).to_have_value("Where is my parcel")
    expect(bar).to_contain_text("2 / 7")
    bar.get_by_role("button", name="Next").click()
    expect(bar).to_contain_text("3 / 7")
    page.get_by_role("button", name=re.compile("Open .* room")).click()
    wall, _ = wall_of(page)
    wall.locator("#headline").click()
    page.keyboard.press("Space")
    expect(bar).to_contain_text("4 / 7")
    page.reload()
    expect(bar).to_contain_text("4 / 7")
    expect(bar.get_by_role("button", name="Leave")).to_be_visible()
    page.keyboard.press("Space")
    expect(bar).to_contain_text("5 / 7")
    bar.get_by_role("button", name="Leave").click()
    expect(bar).to_have_count(0)


def test_forty_phones_ask_at_once(open_page: NewPage, contexts: NewContext, app: AppServer) -> None:
    page = open_page("room", "Room")
    page.get_by_role("button", name="Open a room").click()
    wall, code = wall_of(page)
    wall.get_by_role("button", name="Wrong memory").click()
    hall = contexts().new_page()
    hall.goto(f"{app.url}/r/-/room.css")  # whatever is of this server: a window that holds all of them
    hall.evaluate(FORTY, f"/r/{code}?small=1")
    wait_for(lambda: hall.evaluate(ANSWERS) == [1] * 40, "forty phones that said hello")
    expect(wall.locator(".person")).to_have_count(40)
    wait_for(lambda: hall.evaluate(ASK_ALL, ORDER) == 40, "forty questions")
    wait_for(lambda: hall.evaluate(ANSWERS) == [2] * 40, "forty answers")
    expect(wall.locator("#headline")).to_contain_text(re.compile(r"\d+ of 40 people were shown"))
