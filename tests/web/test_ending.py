"""A session that its browser leaves or clears takes its private documents with it."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from rag.web.api import ApiFirst
from rag.web.identity import SessionCookie
from tests.web.scripted import ScriptedServices


def client(services: ScriptedServices) -> TestClient:
    app = Starlette(
        middleware=[
            Middleware(SessionCookie, secret="a secret of 32 characters or more"),
            Middleware(ApiFirst, services=lambda: services.typed),
        ],
    )
    return TestClient(app)


def test_new_session_forgets_the_documents_of_the_old_one_only() -> None:
    services = ScriptedServices()
    browser = client(services)
    old = browser.get("/api/history").cookies
    session = browser.get("/api/history").json()["session"]
    assert old

    answer = browser.post("/session/new", follow_redirects=False)

    assert answer.status_code == 303
    assert services.library.forgotten == [session]
    assert browser.get("/api/history").json()["session"] != session


def test_a_foreign_site_ends_nobodys_session() -> None:
    services = ScriptedServices()
    browser = client(services)
    browser.get("/api/history")

    answer = browser.post("/session/new", headers={"Sec-Fetch-Site": "cross-site"}, follow_redirects=False)

    assert answer.status_code == 403
    assert services.library.forgotten == []


def test_deleting_the_history_forgets_the_documents() -> None:
    services = ScriptedServices()
    browser = client(services)
    session = browser.get("/api/history").json()["session"]

    browser.delete("/api/history")

    assert services.library.forgotten == [session]
