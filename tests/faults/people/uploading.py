"""Visitors who add documents to their session on one replica, and search them on the others."""

from __future__ import annotations

import random
import time
from contextlib import suppress

from playwright.async_api import Error, FilePayload, Page

from rag.crosstalk.log.events import Info
from rag.crosstalk.run.people import order
from tests.faults.people.browsers import Chromium, Visitor
from tests.faults.people.talking import PATIENCE
from tests.faults.world import World

FOUND, MISSED = "documents found on another replica", "documents not found on another replica"


AGAIN = "Once more", "And again"
"""No question is asked twice, and none holds what the offline model would look for, such as a replica's address."""


class Uploader(Visitor):
    """Each turn: a document with a code that nobody else has, added with a question in the page, and asked for on every
    other replica that answers."""

    def __init__(self, name: str, site: str, world: World, chromium: Chromium) -> None:
        super().__init__(name, site, [app.url for app in world.apps], chromium)
        self._world = world
        self._documents = 0

    async def _turn(self, page: Page) -> None:
        self._documents += 1
        gate, code = f"{self.name} {self._documents}", order(random.SystemRandom())
        data = f"The code of gate {gate} is {code}.".encode()
        file: FilePayload = {"name": "gate.txt", "mimeType": "text/plain", "buffer": data}
        text = f"What is the code of gate {gate}?"
        with suppress(Error):
            box = page.get_by_test_id("stChatInput")
            await box.locator("input[type=file]").set_input_files(file, timeout=1000 * PATIENCE)
            # Until the document has arrived the page ignores Enter.
            ready = box.get_by_role("button", name="Send message", disabled=False)
            await ready.wait_for(timeout=1000 * PATIENCE)
        op = self.log.invoke(self.name, text, (code,), (code,))
        if code not in await self._asked(page, op, text):
            return
        others = [site for site in self._sites[1:] if site != self._site]
        for again, site in zip(AGAIN, others, strict=False):
            await self._search(site, f"{again}: what is the code of gate {gate}?", code)

    async def _search(self, site: str, text: str, code: str) -> None:
        found = await self._finds(site, text, code)
        if found is not None:
            self._world.noticed[FOUND if found else MISSED] += 1

    async def _finds(self, site: str, text: str, code: str) -> bool | None:
        """None: it did not answer."""
        op = self.log.invoke(self.name, text, (), (code,))
        with suppress(Error):
            answer = await self._context.request.post(
                f"{site}/api/chat", data={"message": text}, timeout=1000 * PATIENCE
            )
            if answer.ok:
                said = str((await answer.json())["answer"])
                self.log.ok(op, self.name, said)
                return code in said
        self.log.add(Info(op, time.monotonic(), "not answered"))
        return None
