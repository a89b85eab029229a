"""A session keeps its documents while its browser can go back to it; cleared or forgotten, it takes them with it."""

from __future__ import annotations

import re

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from rag.web.api import ApiFirst
from rag.web.identity import SessionCookie
from rag.web.sessions.token import SHAPE, all_sessions, earlier, following, new_token, opened, session_id_of
from tests.web.scripted import ScriptedServices


def client(services: ScriptedServices) -> TestClient:
    app = Starlette(
        middleware=[
            Middleware(SessionCookie, secret="a secret of 32 characters or more"),
            Middleware(ApiFirst, services=lambda: services.typed),
        ],
    )
    return TestClient(app)


def session(browser: TestClient) -> str:
    found: str = browser.get("/api/history").json()["session"]
    return found


def test_a_browser_goes_back_to_its_own_sessions_and_to_no_others() -> None:
    services = ScriptedServices()
    ada, ben = client(services), client(services)
    first, bens = session(ada), session(ben)
    assert ada.post("/session/new", follow_redirects=False).status_code == 303
    second = session(ada)
    assert len({first, second, bens}) == 3
    assert services.library.forgotten == []

    assert ada.post("/session/open", data={"number": "0"}, follow_redirects=False).status_code == 303
    assert session(ada) == first
    for number in ("2", "-1", "1 ", "١", "999", "", bens, first):
        refused = ada.post("/session/open", data={"number": number}, follow_redirects=False)
        assert (refused.status_code, "set-cookie" in refused.headers) == (404, False), number
    assert ben.post("/session/open", data={"number": "1"}).status_code == 404
    assert ada.post("/session/open", content=b"number=1&" * 100).status_code == 413
    assert (session(ada), session(ben)) == (first, bens)

    (cookie,) = ada.cookies.jar
    token, _, rest = str(cookie.value).partition("~")
    forged = f"{cookie.name}={token}~1~1{rest[rest.index('.') :]}"
    assert TestClient(ada.app).get("/api/history", headers={"Cookie": forged}).json()["session"] not in (first, second)


def test_a_browser_that_is_forgotten_leaves_nothing_behind() -> None:
    services = ScriptedServices()
    browser = client(services)
    sessions = [session(browser)]
    for _ in range(2):
        browser.post("/session/new", follow_redirects=False)
        sessions.append(session(browser))
    services.store.sessions = {name: [] for name in [*sessions, "another"]}
    services.library.own = [*services.store.sessions]

    assert browser.post("/session/forget", follow_redirects=False).status_code == 303
    assert set(services.store.sessions) == {"another"}
    assert set(services.library.forgotten) == set(sessions)
    assert session(browser) not in sessions
    assert browser.post("/session/open", data={"number": "1"}).status_code == 404


@pytest.mark.parametrize("path", ["/session/new", "/session/open", "/session/forget"])
def test_a_foreign_site_changes_nobodys_session(path: str) -> None:
    services = ScriptedServices()
    browser = client(services)
    before = session(browser)
    services.store.sessions = {before: []}
    services.library.own = [before]

    answer = browser.post(path, headers={"Sec-Fetch-Site": "cross-site"}, follow_redirects=False)

    assert answer.status_code == 403
    assert session(browser) == before
    assert (services.library.forgotten, set(services.store.sessions)) == ([], {before})


def test_a_browser_goes_back_so_far_and_a_secret_proves_only_its_own() -> None:
    token = first = new_token()
    for _ in range(30):
        token = following(token)
    numbers = earlier(token)
    assert list(numbers) == list(range(29, 20, -1))
    assert len({*numbers.values(), session_id_of(token), session_id_of(first)}) == 11
    assert opened(token, "20") is None
    back = opened(token, "25")
    assert back is not None
    assert session_id_of(back) == numbers[25]
    assert set(earlier(back)) == {*range(30, 20, -1)} - {25}
    other = new_token()
    for _ in range(30):
        other = following(other)
    assert not set(all_sessions(other)) & set(all_sessions(token))
    assert set(numbers.values()) < set(all_sessions(token))
    for _ in range(1000):
        token = following(token)
    assert re.fullmatch(SHAPE, token)
    assert not token.startswith(first)


def test_deleting_the_history_forgets_the_documents() -> None:
    services = ScriptedServices()
    browser = client(services)
    cleared = session(browser)
    services.library.own = [cleared, "another"]
    services.store.sessions = {name: [] for name in services.library.own}

    browser.delete("/api/history")

    assert services.library.forgotten == [cleared]
