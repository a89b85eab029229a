"""Takes the README's pictures from the real application: `python -m tests.browser.pictures` (needs Chromium).

Names of pictures choose some of them: `python -m tests.browser.pictures simulate two_am`.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from tests import PROJECT
from tests.browser.conftest import ARGUMENTS, chromium_path
from tests.browser.serving import AppServer, serving
from tests.browser.talking import Visit
from tests.web.room.phones import Phone

FOLDER = PROJECT / "docs" / "images"
TALK = (
    "My order is ORD-48213 and it goes to 12 Elm Street.",
    "How long do I have to return it?",
    "Where does my order go?",
)

QUESTIONS = ("How long is the warranty on boots?", "What does express delivery cost?", "Can I pay by invoice?")


def main(*chosen: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        serving(Path(scratch) / "state") as app,
        sync_playwright() as running,
    ):
        browser = running.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        for name in chosen or PICTURES:
            for scheme in ("light",) if name == "two_am" else ("light", "dark"):
                PICTURES[name](browser, app, scheme)
        browser.close()


def _two_am(browser: Browser, app: AppServer, scheme: str) -> None:
    """The 2 AM run as it goes, until its verdict has been there for some seconds."""
    context = browser.new_context(viewport={"width": 1200, "height": 760}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{app.url}/simulate")
    page.get_by_text("The 2 AM incident", exact=True).click()
    button = page.get_by_role("button", name="Simulate", exact=True)
    expect(button).to_be_enabled()
    Visit(page).settled()
    frames, held = [page.screenshot()], [1200]
    button.click()
    done, until = page.get_by_role("tab", name="Who saw whom"), time.monotonic() + 60
    while time.monotonic() < until and not done.is_visible():
        frames.append(page.screenshot())
        held.append(150)
    Visit(page).settled()
    page.mouse.move(0, 0)
    frames.append(page.screenshot())
    held.append(4000)
    context.close()
    small = [
        Image.open(io.BytesIO(frame)).convert("RGB").resize((900, 570), Image.Resampling.LANCZOS) for frame in frames
    ]
    small[0].save(
        FOLDER / "two-am.webp", save_all=True, append_images=small[1:], duration=held, loop=0, quality=70, method=4
    )


def _room(browser: Browser, app: AppServer, scheme: str) -> None:
    """The wall in a window of its own, and a phone that was shown somebody else's secret."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{app.url}/room")
    page.get_by_role("button", name="Open a room").click()
    frame = page.frame_locator("iframe")
    expect(frame.locator("#address")).to_contain_text("/r/")
    code = frame.locator("#address").inner_text().rpartition("/")[2]
    wall, phone = context.new_page(), context.new_page()
    wall.goto(f"{app.url}/r/{code}/wall")
    phone.set_viewport_size({"width": 390, "height": 720})
    phone.goto(f"{app.url}/r/{code}")
    others = [Phone(app.url, code) for _ in range(10)]
    wall.get_by_role("button", name="Wrong memory").click()
    expect(phone.locator(".says.chat").first).to_contain_text("written that down")
    with ThreadPoolExecutor(len(others)) as at_once:
        list(at_once.map(Phone.hello, others))
        button = phone.get_by_role("button", name="What is my order number?")
        while not phone.get_by_text("order, not yours").count():
            expect(button).to_be_enabled()
            button.click()
            phone.wait_for_timeout(500)
        list(at_once.map(Phone.ask, others))
    expect(button).to_be_enabled()
    wall.bring_to_front()
    wall.wait_for_timeout(1500)
    wall.screenshot(path=FOLDER / f"room-{scheme}.png")
    phone.bring_to_front()
    phone.screenshot(path=FOLDER / f"room-phone-{scheme}.png")
    context.close()


def _chat(browser: Browser, app: AppServer, scheme: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{app.url}/chat")
    visit = Visit(page).ready()
    for text in TALK:
        visit.ask(text)
    visit.settled()
    page.mouse.move(790, 400)
    page.mouse.wheel(0, 20_000)
    page.wait_for_timeout(1500)
    page.screenshot(path=FOLDER / f"chat-{scheme}.png")
    context.close()


def _knowledge(browser: Browser, app: AppServer, scheme: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{app.url}/knowledge")
    box = page.get_by_placeholder("late parcel")
    box.fill("my parcel never turned up")
    box.press("Enter")
    expect(page.get_by_text("score").first).to_be_visible()
    Visit(page).settled()
    page.wait_for_timeout(1000)
    page.screenshot(path=FOLDER / f"knowledge-{scheme}.png")
    context.close()


def _simulate(browser: Browser, app: AppServer, scheme: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 1160}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{app.url}/simulate")
    page.get_by_text("Bug vs fix", exact=True).click()
    expect(page.get_by_label("Compare with", exact=True)).to_have_value(re.compile("Redis, one write per turn"))
    page.get_by_role("button", name="Simulate", exact=True).click()
    expect(page.get_by_role("tab", name="Who saw whom")).to_be_visible(timeout=60_000)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    page.wait_for_timeout(1500)  # it may come back for a moment
    page.screenshot(path=FOLDER / f"simulate-{scheme}.png")
    context.close()


def _race_lab(browser: Browser, app: AppServer, scheme: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 1180}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{app.url}/race_lab?chapter=6&strategy=lesson-deepcopy&tabs=0&users=2&turns=1&schedule=ABAABB")
    expect(page.get_by_text("lost-update")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("button", name="PNG", exact=True)).to_be_visible()
    page.screenshot(path=FOLDER / f"race-lab-{scheme}.png")
    page.goto(f"{app.url}/race_lab?chapter=5")
    expect(page.locator(".lab")).to_be_visible(timeout=60_000)
    page.wait_for_timeout(1000)
    page.screenshot(path=FOLDER / f"every-way-{scheme}.png")
    context.close()


def _audit(browser: Browser, app: AppServer, scheme: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 1500}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{app.url}/audit")
    for level in ("apart", "lasting", "faithful", "bounded", "async"):
        page.get_by_role("button", name=level, exact=True).click()
    page.get_by_role("button", name="Audit with 10 checks").click()
    fault = page.get_by_text("Overlapping turns keep every acknowledged turn, once.")
    expect(page.get_by_role("heading", name="langgraph-memory: 3 checks failed")).to_be_visible(timeout=60_000)
    page.get_by_text("A turn whose model fails leaves no half turn.").click()  # folded, so that the other is seen
    expect(fault).to_be_visible()
    page.mouse.move(0, 0)
    page.wait_for_timeout(1500)
    page.screenshot(path=FOLDER / f"audit-{scheme}.png")
    context.close()


def _inspector(browser: Browser, app: AppServer, scheme: str) -> None:
    for number in range(8):  # other people
        with httpx.Client(base_url=app.url, timeout=60) as person:
            for question in QUESTIONS[: 1 + number % 3]:
                person.post("/api/chat", json={"message": question}).raise_for_status()
    context = browser.new_context(viewport={"width": 1280, "height": 860}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(app.inspector_link())
    expect(page.get_by_text("Live sessions")).to_be_visible(timeout=30_000)
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible()
    page.wait_for_timeout(1500)
    page.screenshot(path=FOLDER / f"inspector-{scheme}.png")
    context.close()


PICTURES: dict[str, Callable[[Browser, AppServer, str], None]] = {
    "chat": _chat,
    "knowledge": _knowledge,
    "simulate": _simulate,
    "race_lab": _race_lab,
    "room": _room,
    "audit": _audit,
    "inspector": _inspector,
    "two_am": _two_am,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
