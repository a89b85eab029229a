"""Takes the README's pictures from the real application: `python -m tests.browser.pictures` (needs Chromium)."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from rag.settings import PROJECT
from tests.browser.conftest import ARGUMENTS, chromium_path
from tests.browser.serving import serving
from tests.browser.talking import Visit

FOLDER = PROJECT / "docs" / "images"
TALK = (
    "My order is ORD-48213 and it goes to 12 Elm Street.",
    "How long do I have to return it?",
    "Where does my order go?",
)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        serving(Path(scratch) / "state") as app,
        sync_playwright() as running,
    ):
        browser = running.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        for scheme in ("light", "dark"):
            _chat(browser, app.url, scheme)
            _knowledge(browser, app.url, scheme)
        browser.close()


def _chat(browser: Browser, url: str, scheme: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(url)
    visit = Visit(page).ready()
    for text in TALK:
        visit.ask(text)
    page.screenshot(path=FOLDER / f"chat-{scheme}.png")
    context.close()


def _knowledge(browser: Browser, url: str, scheme: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{url}/knowledge")
    box = page.get_by_placeholder("late parcel")
    box.fill("my parcel never turned up")
    box.press("Enter")
    expect(page.get_by_text("score").first).to_be_visible()
    page.screenshot(path=FOLDER / f"knowledge-{scheme}.png")
    context.close()


if __name__ == "__main__":
    main()
