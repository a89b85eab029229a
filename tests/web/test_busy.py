"""Where more is asked than can be answered, a question is refused as soon as its head is here; nothing else is."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import Message, Receive, Scope, Send

from rag.errors import OverLimit
from rag.limits import UnderWay, under_way
from rag.sessions.allowance import granted
from rag.settings import Settings
from rag.web.api import ApiFirst
from rag.web.connections.busy import BusyFirst
from rag.web.cookie import CookieJar, new_token
from rag.web.headers import SecurityHeaders
from rag.web.identity import SessionCookie
from tests.web.calls import STREAM, ask, check_problem
from tests.web.conftest import SECRET, Current
from tests.web.scripted import ScriptedServices, Stuck, plain
from tests.web.serving import serving

HTML = "<script>begin()</script>"


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    app = Starlette(
        middleware=[
            Middleware(BusyFirst, services=lambda: Current.services.typed, secret=lambda: SECRET, html=HTML),
            Middleware(SecurityHeaders, html=HTML),
            Middleware(SessionCookie, secret=SECRET),
            Middleware(ApiFirst, services=lambda: Current.services.typed),
        ]
    )
    with serving(app, forwarded_allow_ips="*") as address:
        yield address


@pytest.fixture
def client(site: str, services: ScriptedServices) -> Iterator[httpx.Client]:
    del services
    with httpx.Client(base_url=site, timeout=20) as client:
        yield client


def read_by_the_api(client: httpx.Client, body: bytes = b'{"message": "Why?"}') -> httpx.Response:
    return client.post("/api/chat", content=iter([body]), headers={"Content-Type": "application/json"})


def be_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_way, "MOST", 0)


def test_the_body_is_not_waited_for_and_the_connection_goes_on(
    site: str, services: ScriptedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_busy(monkeypatch)
    body = b'{"message": "Hello?"}'
    head = b"POST /api/chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(
        body
    )
    address = httpx.URL(site)
    with socket.create_connection((address.host, address.port or 80), 5) as connection:
        for _ in range(2):
            connection.sendall(head)
            told = connection.recv(1 << 16)
            assert told.startswith(b"HTTP/1.1 503 ")
            assert b"connection: close" not in told
            connection.sendall(body)
        monkeypatch.undo()
        connection.sendall(head + body)
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
    assert services.watch.metrics.refusals()["busy"] == 2


@pytest.mark.parametrize("headers", [{}, STREAM], ids=["whole", "streamed"])
def test_it_is_the_answer_that_the_api_gives(
    client: httpx.Client,
    services: ScriptedServices,
    headers: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Sent a piece at a time, the same question comes to the API. Only that sets a new visitor's cookie."""
    caplog.set_level(logging.INFO, "crosswire.turns")
    ask(client)  # for the cookie
    be_busy(monkeypatch)
    early, late = ask(client, headers=headers), read_by_the_api(client)
    assert check_problem(early, 503) == check_problem(late, 503)
    assert {*early.headers.items()} - {("date", early.headers["date"])} == {*late.headers.items()} - {
        ("date", late.headers["date"])
    }
    assert early.headers["retry-after"] == "2"
    assert "sha256-" in early.headers["content-security-policy"]
    assert services.watch.metrics.refusals()["busy"] == 2
    lines = [record.getMessage() for record in caplog.records if record.name == "crosswire.turns"]
    assert len(lines) == 2
    assert lines[0] == lines[1], "both tell whose it was"
    client.cookies.clear()
    assert "set-cookie" not in ask(client).headers


def test_what_is_no_plain_question_is_answered_as_always(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    be_busy(monkeypatch)
    assert client.get("/api/history").status_code == 200
    check_problem(client.get("/api/chat"), 405)
    check_problem(ask(client, "x" * (64 * 1024)), 413)
    check_problem(read_by_the_api(client, b"x" * (64 * 1024 + 1)), 413)
    assert ask(client, headers={"Expect": "100-continue"}).status_code == 503
    check_problem(client.post("/api/chats"), 404)


def test_while_it_is_not_busy_cookies_and_origins_are_what_they_were(
    client: httpx.Client, services: ScriptedServices
) -> None:
    check_problem(ask(client, headers={"Origin": "https://elsewhere.example"}), 403)
    first = ask(client, headers={"Cookie": f"{CookieJar(SECRET).plain_name}={new_token()}.forged.forged"})
    assert first.status_code == 200
    assert "set-cookie" in first.headers
    assert services.watch.metrics.refusals()["busy"] == 0


def test_who_has_used_up_his_allowance_is_told_so_and_others_that_it_is_busy(
    site: str, client: httpx.Client, services: ScriptedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = services.limits.turn(ask(client).json()["session"], None)
    with pytest.raises(OverLimit):
        granted(asked, 1, 30_000_000)
    be_busy(monkeypatch)
    assert check_problem(refused := ask(client), 429)["title"] == "Too many requests"
    assert int(refused.headers["retry-after"]) in (29, 30)
    with httpx.Client(base_url=site, timeout=20) as other:
        assert check_problem(ask(other), 503)["title"] == "Too many turns"


def test_who_has_his_share_under_way_is_told_so_and_gets_his_answers(
    site: str, client: httpx.Client, services: ScriptedServices
) -> None:
    """By his session or his address. Whoever waits is not thrown out by what comes."""
    services.under_way = UnderWay(Settings(limit_session_at_once=1, limit_address_at_once=1))
    here = {"X-Forwarded-For": "203.0.113.7"}
    ask(client, headers=here)
    stuck = services.chat.script = Stuck()
    with ThreadPoolExecutor(1) as thread, httpx.Client(base_url=site, timeout=20) as other:
        held = thread.submit(ask, client, headers=here)
        try:
            assert stuck.begun.acquire(timeout=20)
            others = [services.under_way.enter(f"somebody {number}", None) for number in range(under_way.MOST - 1)]
            assert check_problem(ask(client), 429)["title"] == "Too many turns at once"
            assert check_problem(ask(other, headers=here), 429)["title"] == "Too many turns at once"
            assert check_problem(ask(other), 503)["title"] == "Too many turns"
        finally:
            stuck.go_on.set()
        assert held.result(20).status_code == 200
        for place in others:
            place.leave()
        services.chat.script = plain
        assert ask(other).status_code == 200


@pytest.mark.parametrize("begun", [False, True])
def test_an_answer_that_breaks_has_the_headers_and_is_not_begun_twice(begun: bool) -> None:
    sent: list[Message] = []

    async def breaks(scope: Scope, receive: Receive, send: Send) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("planted")

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(RuntimeError, match="planted"):  # for the server's log
        asyncio.run(SecurityHeaders(breaks, html=HTML)({"type": "http"}, receive, send))
    assert [one["status"] for one in sent if one["type"] == "http.response.start"] == [200 if begun else 500]
    assert dict(sent[0]["headers"])[b"x-content-type-options"] == b"nosniff"
    assert "planted" not in str(sent)
