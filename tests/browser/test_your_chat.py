"""“Your chat” in Chromium: a curl command is pasted, recognised, tried, run; by keyboard where it can be."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewContext
from tests.browser.serving import AppServer
from tests.crosstalk.targets.protocol_servers import application
from tests.web.serving import serving

pytestmark = pytest.mark.browser


def test_a_pasted_request_becomes_a_run_with_a_verdict(contexts: NewContext, app: AppServer) -> None:
    context = contexts()
    app.let_in(context)  # to ask this machine
    page = context.new_page()
    page.goto(f"{app.url}/simulate")
    page.get_by_role("tab", name="Your chat").click()
    field = page.get_by_label("Address or curl command", exact=True)
    with serving(application()) as url:
        field.fill(f'curl {url}/by-address --json \'{{"message": "Hi", "session_id": "a"}}\'')
        field.press("Tab")
        page.get_by_role("button", name="Recognise").press("Enter")
        spec = page.get_by_label("How to ask it (YAML)", exact=True)
        expect(spec).to_have_value(re.compile(r"message: '\{text\}'\n  session_id: '\{session\}'"))
        page.get_by_role("button", name="Ask five questions").press("Enter")
        expect(page.get_by_text("It remembers")).to_be_visible()
        expect(page.get_by_text("the second user got the first one's name")).to_be_visible()
        expect(spec).to_have_value(re.compile("answer: answer"))
        expect(page.get_by_role("button", name="Simulate", exact=True)).to_be_disabled()
        page.get_by_text("This sends 60 messages to").click()
        page.get_by_role("button", name="Simulate", exact=True).click()
        alert = page.get_by_test_id("stAlert").filter(has_text="shown somebody else's data")
        expect(alert).to_be_visible(timeout=60_000)
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("innerWidth < 400 && document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("tab", name="Files").click()
    with page.expect_download() as got:
        page.get_by_role("button", name="Description (YAML)").click()
    assert "answer: answer" in got.value.path().read_text()
