"""One Chromium for all browser tests, and one running application for those that do not break it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Playwright,
    Request,
    expect,
    sync_playwright,
)

from tests import needs
from tests.browser.serving import AppServer, serving
from tests.browser.talking import Visit
from tests.chat.faulty_server import FaultyServer, faulty_server

ELSEWHERE = "chat.example.org"
"""A name that for these browsers is this machine's, as behind a proxy."""
PASSWORD = "correct horse battery"

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Pages here live for seconds: what is compiled once more for speed, and collected by threads beside, costs a fifth
    # of the renderer's time and is never earned back.
    "--js-flags=--single-threaded --no-opt --no-maglev",
    # With the page that `watched` leaves open, a browser compiles the application's scripts once, not for each page:
    # that is a third of what a page costs.
    "--process-per-site",
    f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1",
]

OWN = ("http://localhost:", "http://127.0.0.1:", f"http://{ELSEWHERE}:", "data:", "blob:")

expect.set_options(timeout=20_000)

NewVisit = Callable[..., Visit]
NewContext = Callable[[], BrowserContext]
NewPage = Callable[[str, str], Page]


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """Ends with this folder's tests: while it runs, this thread has an event loop that other tests must not meet."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="package")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
    yield browser
    browser.close()


def chromium_path(*, whole: bool = False) -> str:
    """The engine without a window takes half of the processor time for a page. whole: with all that a person's has."""
    rest = ("chromium", "chromium-browser", "google-chrome")
    return needs.program(*rest) if whole else needs.program("chromium-headless-shell", *rest)


@pytest.fixture
def blocking_context(playwright: Playwright, tmp_path: Path) -> Iterator[BrowserContext]:
    """A browser whose owner has blocked all cookies in its settings."""
    profile = tmp_path / "profile" / "Default"
    profile.mkdir(parents=True)
    blocked = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (profile / "Preferences").write_text(json.dumps(blocked))
    context = playwright.chromium.launch_persistent_context(
        profile.parent, executable_path=chromium_path(whole=True), args=ARGUMENTS
    )
    yield context
    context.close()


@pytest.fixture(scope="package")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    with serving(tmp_path_factory.mktemp("app") / "state") as server:
        yield server


class Configured(NamedTuple):
    """The application as it stands in a company."""

    app: AppServer
    model: FaultyServer


@pytest.fixture(scope="package")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Configured]:
    """With a password for the inspector, a name of its own, and a model that misbehaves on demand."""
    with faulty_server() as model:
        env = {
            "OPENAI_BASE_URL": model.url,
            "MODEL_MAX_RETRIES": "0",
            "MODEL_TIMEOUT_SECONDS": "20",
            "STREAMLIT_BROWSER_SERVER_ADDRESS": ELSEWHERE,
            "INSPECTOR_PASSWORD": PASSWORD,
        }
        with serving(tmp_path_factory.mktemp("configured") / "state", env) as app:
            yield Configured(app, model)


@pytest.fixture(scope="package")
def idle(chromium: Browser) -> list[BrowserContext]:
    """Browsers that a test has left: they have the application's files at hand, and nobody's cookies."""
    return []


@pytest.fixture(scope="package")
def refused() -> list[str]:
    """What pages asked of other servers, and what they did that the policy forbids."""
    return []


@pytest.fixture
def contexts(chromium: Browser, idle: list[BrowserContext], refused: list[str]) -> Iterator[NewContext]:
    """Gives out browsers that share nothing with each other, like two people's. No page may ask another server."""
    refused.clear()
    made: list[BrowserContext] = []

    def make() -> BrowserContext:
        context = idle.pop() if idle else watched(chromium.new_context(), refused)
        context.set_default_timeout(20_000)
        made.append(context)
        return context

    yield make
    for context in made:
        for page in context.pages[1:]:
            with suppress(Error):  # where a page is gone, or never was opened
                page.evaluate("localStorage.clear()")
            page.close()
        context.clear_cookies()
        idle.append(context)
    assert refused == []


def watched(context: BrowserContext, refused: list[str]) -> BrowserContext:
    """With an empty page of the application's site, for which its process stays when a test's pages are closed."""
    empty = context.new_page()
    empty.route("http://localhost/", lambda route: route.fulfill(body=""))
    empty.goto("http://localhost/")

    def asked(request: Request) -> None:
        if not request.url.startswith(OWN):
            refused.append(request.url)

    def said(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Refused to" in message.text:
            refused.append(message.text)

    context.on("request", asked)
    context.on("console", said)
    return context


@pytest.fixture
def open_page(contexts: NewContext, app: AppServer) -> NewPage:
    """Opens one of the pages in a browser of its own; path: with its query."""

    def open_path(path: str, heading: str) -> Page:
        page = contexts().new_page()
        if path.startswith(("inspector", "audit")):
            app.let_in(page.context)
        page.goto(f"{app.url}/{path}")
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible(timeout=30_000)
        return page

    return open_path


@pytest.fixture
def visit(contexts: NewContext, app: AppServer) -> NewVisit:
    """Opens the chat in a browser of its own, or in another tab of a context."""

    def open_chat(context: BrowserContext | None = None, url: str = app.url) -> Visit:
        page: Page = (context or contexts()).new_page()
        page.goto(f"{url}/chat")
        return Visit(page).ready()

    return open_chat
