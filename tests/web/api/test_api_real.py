"""The API on the real store, library and offline model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware

from rag.services import build, load_articles
from rag.settings import Settings
from rag.web.api import ApiFirst
from rag.web.identity import SessionCookie, session_secret
from tests.web.calls import ask, check_description, check_problem, events
from tests.web.serving import serving

ARTICLE = """\
# Return window

You can return most items within 60 days of delivery. Opened underwear cannot be returned.
"""


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("real")
    (folder / "knowledge").mkdir()
    (folder / "knowledge" / "return-window.md").write_text(ARTICLE)
    settings = Settings.model_validate(
        {"state_dir": folder / "state", "knowledge_dir": folder / "knowledge", "session_ttl_seconds": 600}
    )
    services = build(settings)
    load_articles(services)
    app = Starlette(
        middleware=[
            Middleware(SessionCookie, secret=session_secret(settings)),
            Middleware(ApiFirst, services=lambda: services),
        ],
    )
    with serving(app) as address:
        yield address
    services.close()


@pytest.fixture
def browser(real: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=real, timeout=30) as client:
        yield client


def test_a_conversation(browser: httpx.Client) -> None:
    assert browser.get("/readyz").json() == {"status": "ok", "store": "ok", "library": "ok"}
    first = ask(browser, "Within how many days can I return an item?").json()
    assert "60 days" in first["answer"]
    assert first["sources"][0]["title"] == "Return window"
    assert first["turn"] == 1
    seen = events(browser, "Can I return opened underwear?")
    assert seen[0][0] == "sources"
    assert seen[-1][0] == "done"
    assert "".join(data["text"] for name, data in seen if name == "token") == seen[-1][1]["answer"]
    assert seen[-1][1]["turn"] == 2
    history = browser.get("/api/history").json()
    assert [message["role"] for message in history["messages"]] == ["user", "assistant"] * 2
    assert history["messages"][1]["text"] == first["answer"]
    assert history["messages"][1]["sources"] == first["sources"]
    assert 0 < history["ttl"] <= 600
    assert browser.delete("/api/history").json() == {"cleared": True, "documents_deleted": True}
    assert browser.get("/api/history").json()["messages"] == []


def test_two_clients_see_nothing_of_each_other(real: str, browser: httpx.Client) -> None:
    ask(browser, "My order is ORD-4821, going to 12 Elm Street.")
    with httpx.Client(base_url=real, timeout=30) as other:
        assert "ORD-4821" not in ask(other, "What is my order number?").text
        assert "ORD-4821" not in other.get("/api/history").text
    assert "ORD-4821" in ask(browser, "What is my order number?").json()["answer"]


def test_a_bad_message_stores_nothing(browser: httpx.Client) -> None:
    check_problem(ask(browser, " "), 422)
    assert browser.get("/api/history").json()["messages"] == []


def test_every_answer_is_as_described(real: str, tmp_path: Path) -> None:
    check_description(real, tmp_path)
