"""Visitors in Chromium: the real chat page, its websocket, and what stands written on it when there is no answer."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from playwright.async_api import Browser, BrowserContext, Error, Page, async_playwright

from rag.crosstalk.log.events import Info
from tests.browser.conftest import ARGUMENTS, OWN, chromium_path
from tests.faults.people.talking import PATIENCE, Asking, Log

T = TypeVar("T")

PAUSE = 0.5
"""Seconds between two turns of a visitor."""
VANISHED, CUT_OFF = 10.0, 3.0
"""Seconds without a word about a question after which it will not be answered; after a lost connection."""

SAYS = """
const app = document.querySelector('[data-testid=stApp]');
const still = () => app && /notRunning/i.test(app.dataset.testScriptState);
const linked = () => app && app.dataset.testConnectionState === 'CONNECTED';
const stop = () => [...document.querySelectorAll('button')].some(one => /\\bStop$/.test(one.innerText.trim()));
const words = of => [...document.querySelectorAll(of)].filter(one => !one.closest('[data-testid=stSidebar]'))
  .map(one => one.innerText.trim()).filter(one => one).join(' ');
const trouble = () => words('[data-testid=stDialog], [data-testid=stAlert]');
const status = () => words('[data-testid=stConnectionStatus]');
"""
READY = f"""() => {{ {SAYS}
const box = document.querySelector('[data-testid=stChatInput] textarea');
return still() && linked() && box && !box.disabled; }}"""
OUTCOME = f"""([text, whole, cut]) => {{ {SAYS}
const now = performance.now(), seen = window.seen?.text === text ? window.seen : (window.seen = {{text, since: now}});
if (!linked()) {{ seen.lost = true; seen.since = now; seen.status ||= status(); return null; }}
if (!still() || stop()) {{ seen.since = now; return null; }}
const messages = [...document.querySelectorAll('[data-testid=stChatMessage]')];
const asked = messages.findLastIndex(one => one.innerText.includes(text));
const answer = asked < 0 ? null : messages[asked + 1]?.querySelector('[data-testid=stMarkdown]')?.innerText;
if (asked >= 0 && trouble()) return {{trouble: trouble(), status: seen.status}};
if (answer) return {{answer, status: seen.status}};
const box = document.querySelector('[data-testid=stChatInput] textarea');
if (box?.value === text && !box.disabled && now - seen.since > 1000) return {{unsent: true}};
return now - seen.since > 1000 * (seen.lost ? cut : whole) ? {{vanished: true, status: seen.status}} : null; }}"""
WORDS = f"() => {{ {SAYS} return trouble() || status(); }}"


class Chromium:
    """One for all visitors, in a thread and an event loop of its own."""

    def __init__(self) -> None:
        self.refused: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chromium", daemon=True)
        self._idle: list[BrowserContext] = []

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def context(self) -> BrowserContext:
        """Shares nothing with another; one that was left has the application's files at hand, and nobody's cookies."""
        if self._idle:
            return self._idle.pop()
        context = await self._browser.new_context()
        context.on("request", lambda asked: None if asked.url.startswith(OWN) else self.refused.append(asked.url))
        return context

    async def leave(self, context: BrowserContext) -> None:
        for page in context.pages:
            with suppress(Error):
                await page.close()
        await context.clear_cookies()
        self._idle.append(context)

    def __enter__(self) -> Self:
        self._thread.start()
        self.do(self._launch())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        assert not self.refused, f"a page asked another server: {self.refused[:3]}"

    async def _launch(self) -> None:
        self._playwright = await async_playwright().start()
        self._browser: Browser = await self._playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)

    async def _close(self) -> None:
        await self._browser.close()
        await self._playwright.stop()


class Visitor:
    """A person with a browser of its own, on the page of one site; history is asked of any."""

    def __init__(self, name: str, site: str, sites: Sequence[str], chromium: Chromium) -> None:
        self.name, self.log = name, Log()
        self._site, self._sites = site, [site, *sites]
        self._asking = Asking(name)
        self._chromium = chromium
        self._context = chromium.do(chromium.context())
        self._page: Page | None = None

    def begin(self, log: Log) -> bool:
        self.log = log
        self._asking.begin()
        return self._page is None or self._chromium.do(self._clear(self._page))

    def talk(self, until: threading.Event) -> None:
        self._chromium.do(self._talk(until))

    def look(self) -> bool:
        return self._chromium.do(self._look())

    def close(self) -> None:
        self._chromium.do(self._chromium.leave(self._context))

    async def _talk(self, until: threading.Event) -> None:
        while not until.is_set() and self._page is None:
            page = await self._context.new_page()
            if await self._opened(page):
                self._page = page
            else:
                await page.close()
                await asyncio.sleep(PAUSE)
        while not until.is_set():
            if self._page and await self._usable(self._page, until):
                await self._turn(self._page)
            await asyncio.sleep(PAUSE)

    async def _opened(self, page: Page) -> bool:
        try:
            answer = await page.goto(f"{self._site}/chat", timeout=1000 * PATIENCE)
        except Error as problem:
            self.log.tell(
                self.log.read, f"no page ({problem.message.partition(' at ')[0].rpartition('net::')[2][:40]})"
            )
            return False
        if answer is None or not answer.ok:
            self.log.tell(self.log.read, f"no page ({answer.status if answer else 'nothing'})")
            return False
        return True

    async def _usable(self, page: Page, until: threading.Event) -> bool:
        """Whether something can be typed. Who waits for too long loads the page anew."""
        waited, told = time.monotonic(), ""
        while not until.is_set():
            try:
                await page.wait_for_function(READY, timeout=1000)
            except Error:
                with suppress(Error):
                    if (words := await page.evaluate(WORDS)) and words != told:
                        self.log.tell(self.log.read, told := words)
                if time.monotonic() - waited > PATIENCE:
                    self.log.tell(self.log.read, "page loaded anew")
                    await self._opened(page)
                    waited = time.monotonic()
            else:
                return True
        return False

    async def _turn(self, page: Page) -> None:
        await self._asked(page, *self._asking.next(self.log))

    async def _asked(self, page: Page, op: int, text: str) -> str:
        """The answer; empty: there was none."""
        found: dict[str, Any] = {}
        with suppress(Error):
            box = page.locator("[data-testid=stChatInput] textarea")
            await box.fill(text, timeout=1000 * PATIENCE)
            found = {"unsent": True}
            while found.get("unsent"):
                await box.press("Enter", timeout=1000 * PATIENCE)
                arg = [text, VANISHED, CUT_OFF]
                handle = await page.wait_for_function(OUTCOME, arg=arg, polling=100, timeout=1000 * PATIENCE)
                found = await handle.json_value()
        if status := found.get("status"):
            self.log.tell(self.log.read, status)
        if answer := found.get("answer"):
            self.log.ok(op, self.name, answer)
            return str(answer)
        words = found.get("trouble") or ("(the question is gone)" if "vanished" in found else "(nothing)")
        self.log.tell(self.log.read, words)
        self.log.add(Info(op, time.monotonic(), words))
        return ""

    async def _clear(self, page: Page) -> bool:
        with suppress(Error):
            return bool(await page.evaluate("async () => (await fetch('/api/history', {method: 'DELETE'})).ok"))
        return False

    async def _look(self) -> bool:
        for site in self._sites:
            with suppress(Error):
                answer = await self._context.request.get(f"{site}/api/history", timeout=1000 * PATIENCE)
                if answer.ok:
                    self.log.keep(self.name, (await answer.json())["messages"])
                    return True
        return False
