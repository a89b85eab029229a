"""A cookie that was replaced is nobody's: at every replica, at once, and for as long as it would have lived."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from httpx2 import Response
from langchain_core.messages import AIMessage, HumanMessage
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Scope

from rag.chat import ChatService
from rag.sessions import SessionStore, connect
from rag.web.api import ApiFirst
from rag.web.cookie import MAX_AGE, REISSUE_AFTER, CookieJar, new_token
from rag.web.identity import SessionCookie
from rag.web.sessions.token import session_id_of
from tests.chat.parts import ScriptedModel, ShelfLibrary
from tests.servers import Server
from tests.web.scripted import ScriptedServices

SECRET = "a secret of at least thirty-two characters"
JAR = CookieJar(SECRET)
VISITORS = int(os.environ.get("VISITORS", "500"))
"""Ten thousand take ten seconds."""


class Replicas:
    """Applications of one secret over one Redis, each with a store of its own."""

    def __init__(self, redis: Server) -> None:
        self.redis = redis
        self.clients = [connect(redis.url) for _ in range(2)]
        self.stores = [SessionStore(client) for client in self.clients]
        self.apps = [self._app(store) for store in self.stores]

    def _app(self, store: SessionStore) -> Starlette:
        services = ScriptedServices(store=store)  # type: ignore[arg-type]
        services.chat = ChatService(store, ShelfLibrary(), ScriptedModel())  # type: ignore[assignment]
        return Starlette(
            routes=[Route("/{path:path}", lambda _: PlainTextResponse("page"))],
            middleware=[
                Middleware(SessionCookie, secret=SECRET, revocations=lambda: store.revocations),
                Middleware(ApiFirst, services=lambda: services.typed),
            ],
        )

    def browser(self, token: str | None = None, at: int = 0) -> TestClient:
        browser = TestClient(self.apps[at], follow_redirects=False, raise_server_exceptions=False)
        if token:
            browser.cookies.set(JAR.plain_name, JAR.sign(token), domain="testserver.local")
        return browser


@pytest.fixture(scope="module")
def replicas() -> Iterator[Replicas]:
    with Server() as redis:
        made = Replicas(redis)
        try:
            yield made
        finally:
            for client in made.clients:
                client.close()


def history(browser: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = browser.get("/api/history").json()
    return found


def held(browser: TestClient) -> str:
    (cookie,) = browser.cookies.jar
    return str(cookie.value).partition(".")[0]


def test_a_stolen_cookie_is_worth_nothing_once_its_session_was_changed(replicas: Replicas) -> None:
    ada = replicas.browser()
    first = history(ada)["session"]
    replicas.stores[0].append(first, [HumanMessage("My order is ORD-51206."), AIMessage("Noted.")])
    stolen = held(ada)
    assert history(replicas.browser(stolen, at=1))["session"] == first  # until here it is as good as hers

    assert ada.post("/session/new").status_code == 303
    second = history(ada)["session"]
    after_new = held(ada)
    for number, at in enumerate((1, 0)):
        thief = replicas.browser(stolen, at)
        for path, data in (("/session/new", {}), ("/session/open", {"number": str(number)}), ("/session/forget", {})):
            answer = thief.post(path, data=data)
            assert (answer.status_code, "set-cookie" in answer.headers) == (303, False), path
        found = history(thief)
        assert found["session"] not in (first, second)
        assert found["messages"] == []
        assert session_id_of(held(thief)) == found["session"]
    assert thief.delete("/api/history").json()["cleared"] is False

    assert ada.post("/session/open", data={"number": "0"}).status_code == 303
    assert history(ada)["session"] == first
    assert len(history(ada)["messages"]) == 2
    # Back in the same session, by a cookie of its own: neither of those before is it.
    for token in (stolen, after_new):
        assert history(replicas.browser(token, at=1))["session"] not in (first, second)

    last = held(ada)
    assert ada.post("/session/forget").status_code == 303
    assert replicas.stores[1].live([first]) == set()
    for token in (stolen, after_new, last):
        assert history(replicas.browser(token, at=1))["session"] not in (first, second)


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_question_asks_in_its_first_round_trip_whether_its_cookie_counts(replicas: Replicas, accept: str) -> None:
    ask: dict[str, Any] = {"json": {"message": "How long may I return a tent?"}, "headers": {"Accept": accept}}

    def said(answer: Response) -> dict[str, Any]:
        assert answer.status_code == 200
        found: dict[str, Any] = json.loads(answer.text.rpartition("data: ")[2])
        return found

    ada = replicas.browser()
    first = said(ada.post("/api/chat", **ask))["session"]
    with closing(replicas.redis.client()) as redis:
        before = redis.info("stats")["total_reads_processed"]
        assert said(ada.post("/api/chat", **ask))["turn"] == 2
        assert redis.info("stats")["total_reads_processed"] - before - 1 == 2
        stolen = held(ada)
        ada.post("/session/new")
        kept = {key: redis.dump(key) for key in redis.scan_iter(f"*{first}*")}
        for at, replica in ((0, 0), (1, 1)):
            thief = replicas.browser(stolen, replica)
            told = said(thief.post("/api/chat", **ask))
            assert told["session"] == session_id_of(held(thief)) != first, at
            assert told["turn"] == 1
            assert session_id_of(held(thief)) != session_id_of(held(ada))
        # A bad question leaves the thief with nothing either, not even the same cookie with a later date.
        with_old_date = CookieJar(SECRET, now=lambda: time.time() - REISSUE_AFTER - 1).sign(stolen)
        for value in (JAR.sign(stolen), with_old_date):
            thief = replicas.browser()
            thief.cookies.set(JAR.plain_name, value, domain="testserver.local")
            answer = thief.post("/api/chat", json={"message": ""})
            assert answer.status_code == 422
            assert stolen not in answer.headers.get("set-cookie", "").replace("=", ".").split(".")
        assert {key: redis.dump(key) for key in redis.scan_iter(f"*{first}*")} == kept


def test_what_is_kept_of_ended_cookies_is_one_key_a_browser_and_no_longer_than_they_live(replicas: Replicas) -> None:
    with closing(replicas.redis.client()) as redis:
        before: set[Any] = set(redis.keys())
        made = [asyncio.run(_visits(replicas.apps[0], path, VISITORS)) for path in ("/", "/api/history")]
        assert made == [VISITORS, VISITORS]
        for path in ("/session/new", "/session/forget"):
            assert replicas.browser().post(path).status_code == 303
            assert replicas.browser("x" * 43 + "~1~1~1").post("/session/open", data={"number": "7"}).status_code == 404
        assert not set(redis.keys()) - before  # what an earlier test left may end meanwhile

        ada = replicas.browser(new_token())
        for _ in range(3):
            ada.post("/session/new")
            ada.post("/session/open", data={"number": "0"})
        key: Any
        (key,) = set(redis.keys()) - before
        assert key.startswith(b"cookies:")
        assert redis.get(key) == b"6"
        assert 0 < redis.ttl(key) <= MAX_AGE + 60
        replicas.stores[1].revocations.end(key.decode().partition(":")[2], 2, 60)  # a change that comes late
        assert redis.get(key) == b"6"
        secret = held(ada).partition("~")[0]
        known = {session_id_of(secret), session_id_of(f"{secret}~1~1"), secret}
        assert not any(one.encode() in key for one in known)


async def _visits(app: ASGIApp, path: str, count: int) -> int:
    """So many people without a cookie; returns how many were given one."""
    cookies = set[bytes]()

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        cookies.update(value for name, value in message.get("headers", ()) if name == b"set-cookie")

    for _ in range(count):
        scope: Scope = {
            "type": "http",
            "asgi": {"spec_version": "2.4"},
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
        }
        scope.update({"query_string": b"", "scheme": "http", "server": ("x", 80), "client": ("y", 1)})
        await app({**scope, "headers": [(b"host", b"x"), (b"accept", b"text/html")]}, receive, send)
    return len(cookies)


def test_a_store_that_is_away_takes_nobodys_cookie_and_believes_none(replicas: Replicas) -> None:
    with Server() as redis:
        alone = Replicas(redis)
        ada = alone.browser(new_token())
        before = held(ada)
        redis.kill()
        answer = ada.post("/session/new")
        assert (answer.status_code, "set-cookie" in answer.headers) == (503, False)
        assert ada.get("/").status_code == 200
        assert held(ada) == before
        for client in alone.clients:
            client.close()
