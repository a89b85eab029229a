"""What a person does on the chat page, in Chromium."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from playwright.sync_api import Locator, Page, expect


@dataclass(frozen=True, slots=True)
class Visit:
    """One tab with the chat page open."""

    page: Page

    def ready(self) -> Self:
        expect(self.page.get_by_test_id("stChatInput")).to_be_visible(timeout=30_000)
        expect(self.page.get_by_test_id("stSidebar").get_by_text("Model:")).to_be_attached(timeout=30_000)
        return self.settled()

    def settled(self) -> Self:
        """Wait until everything is drawn: without it a conversation that is half there looks like a short one."""
        still = re.compile("notRunning", re.IGNORECASE)
        expect(self.page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", still, timeout=30_000)
        return self

    @property
    def messages(self) -> Locator:
        return self.page.get_by_test_id("stChatMessage")

    def say(self, text: str) -> None:
        box = self.page.get_by_test_id("stChatInput").locator("textarea")
        box.fill(text)
        box.press("Enter")

    def attach(self, name: str, data: bytes) -> None:
        """Hand in a text with the next question. Nothing can be sent before it has arrived: the page ignores Enter."""
        box = self.page.get_by_test_id("stChatInput")
        box.locator("input[type=file]").set_input_files({"name": name, "mimeType": "text/plain", "buffer": data})
        expect(box.get_by_text(name)).to_be_visible()
        expect(box.get_by_role("button", name="Send message")).to_be_enabled(timeout=30_000)

    def ask(self, text: str) -> str:
        """Say something, and wait until its answer is stored and drawn."""
        before = self.messages.count()
        self.say(text)
        expect(self.messages).to_have_count(before + 2, timeout=30_000)
        self.settled()
        expect(self.page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
        return self.messages.last.inner_text()

    def transcript(self) -> str:
        return "\n".join(self.messages.all_inner_texts())

    def name(self) -> str:
        return self.page.get_by_test_id("stSidebar").locator("strong").first.inner_text()

    def cookie(self) -> str | None:
        found = [c for c in self.page.context.cookies() if c["name"].startswith("crosswire_")]
        return found[0]["value"] if found else None

    def reload(self) -> Self:
        self.page.reload()
        return self.ready()
