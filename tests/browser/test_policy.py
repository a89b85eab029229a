"""The policy that an answer sends holds in a real browser."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewContext
from tests.browser.serving import AppServer
from tests.servers import wait_for

pytestmark = pytest.mark.browser


def test_what_the_policy_forbids_is_refused(contexts: NewContext, app: AppServer, refused: list[str]) -> None:
    page = contexts().new_page()
    page.goto(f"{app.url}/api/history")
    foreign = page.evaluate("fetch('http://127.0.0.2:1/').then(() => 'sent', () => 'refused')")
    inline = page.evaluate(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
        " document.body.append(s); return window.ran === 1 })()"
    )
    assert (foreign, inline) == ("refused", False)
    assert len(refused) >= 2, "this is how the other tests notice"
    refused.clear()


def test_a_foreign_page_cannot_frame_it(contexts: NewContext, app: AppServer, refused: list[str]) -> None:
    page = contexts().new_page()
    page.route("http://127.0.0.1:9/", lambda route: route.fulfill(body=f"<iframe src='{app.url}/inspector'></iframe>"))
    page.goto("http://127.0.0.1:9/")
    _, framed = page.frames
    wait_for(lambda: framed.url.startswith("chrome-error:"), "the browser's own page in place of ours")
    refused.clear()


def test_a_link_opens_the_inspector_once(contexts: NewContext, app: AppServer) -> None:
    link = app.inspector_link()
    first, second = contexts().new_page(), contexts().new_page()
    first.goto(link)
    expect(first.get_by_text("Live sessions")).to_be_visible(timeout=30_000)
    assert "#" not in first.url
    second.goto(link)
    expect(second.get_by_text("has been used")).to_be_visible()
    second.goto(f"{app.url}/inspector")
    expect(second.get_by_text("python -m rag inspect-link").first).to_be_visible(timeout=30_000)
    first.reload()
    expect(first.get_by_text("Live sessions")).to_be_visible(timeout=30_000)


def test_the_link_of_the_start_is_in_the_output(app: AppServer) -> None:
    assert f"{app.url}/inspector-link#" in app.log()


def test_every_answer_has_the_headers(app: AppServer) -> None:
    for path in ("/", "/inspector", "/inspector-link", "/api/history", "/api/none", "/healthz", "/_stcore/health",
                 "/static/none.js"):  # fmt: skip
        headers = httpx.get(f"{app.url}{path}").headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'self'" in policy
        assert headers["x-frame-options"] == "SAMEORIGIN"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
