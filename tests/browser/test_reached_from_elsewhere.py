"""The inspector under a name that is not this machine's: it gives nothing away, and the password opens it."""

from __future__ import annotations

from contextlib import closing

import httpx
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from playwright.sync_api import expect

from rag.sessions import SessionStore, connect
from rag.sessions.names import friendly_name
from tests.browser.conftest import ELSEWHERE, PASSWORD, Configured, NewContext

pytestmark = pytest.mark.browser


def test_from_elsewhere_it_gives_nothing_away_and_the_password_opens_it(
    configured: Configured, contexts: NewContext, refused: list[str]
) -> None:
    public = configured.app
    with closing(connect("embedded", state_dir=public.state_dir)) as client:
        SessionStore(client).append("secret-session", [HumanMessage("my order is CW-4711-ADA"), AIMessage("Noted.")])
    page = contexts().new_page()
    received: list[bytes] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(bytes_of(frame))))
    page.goto(f"http://{ELSEWHERE}:{public.port}/inspector")
    box = page.locator("input[type=password]")
    expect(box).to_be_visible(timeout=30_000)
    for _ in range(3):
        box.fill("wrong password")
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_text("This is not the password.")).to_be_visible()
    told = b"\n".join(received)
    assert not [part for part in (b"secret-session", b"CW-4711", b"Live sessions") if part in told]
    assert friendly_name("secret-session").encode() not in told
    box.fill(PASSWORD)
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_text("Live sessions")).to_be_visible()
    cells = page.get_by_test_id("stDataFrame").first.locator("[role=gridcell]")
    expect(cells.filter(has_text=friendly_name("secret-session"))).to_have_count(1)

    for path in ("/inspector", "/api/sessions", "/api/inspector", "/_stcore/metrics", "/media/sessions.json"):
        answer = httpx.get(f"{public.url}{path}", headers={"Host": ELSEWHERE})
        assert "secret-session" not in answer.text
        assert "CW-4711" not in answer.text


def bytes_of(frame: str | bytes) -> bytes:
    return frame.encode() if isinstance(frame, str) else frame
