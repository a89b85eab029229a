"""The HTTP API over real HTTP, with a chat that does what each test needs."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Generator

import httpx
import pytest

from rag import errors
from rag.chat import Event, Found, Token, Waiting
from rag.chat.openai_compatible.errors import translate
from rag.limits import under_way
from rag.sessions.names import friendly_name
from rag.web import api, body, turn
from rag.web.monitoring import health
from tests.web.calls import STREAM, ask, check_problem, events
from tests.web.scripted import SOURCE, ScriptedServices


def test_an_answer_with_its_sources(client: httpx.Client) -> None:
    answer = ask(client)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store, private"
    assert answer.json() == {
        "answer": "You have 60 days [1].",
        "sources": [SOURCE.to_dict()],
        "question": "How long may I return it?",
        "model": "scripted",
        "turn": 1,
        "session": answer.json()["session"],
        "session_name": friendly_name(answer.json()["session"]),
    }


def test_a_client_with_a_cookie_jar_has_one_history_and_it_is_its_own(api_site: str, client: httpx.Client) -> None:
    first, second = ask(client, "One"), ask(client, "Two")
    assert "set-cookie" in first.headers
    assert "set-cookie" not in second.headers
    assert second.json()["turn"] == 2
    history = client.get("/api/history").json()
    assert history["session"] == first.json()["session"]
    assert history["ttl"] == 3600
    assert [(message["role"], message["turn"]) for message in history["messages"]] == [
        ("user", 1),
        ("assistant", 1),
        ("user", 2),
        ("assistant", 2),
    ]
    assert history["messages"][0] == {
        "role": "user",
        "text": "One",
        "turn": 1,
        "at": "2001-09-09T01:46:40Z",
        "sources": [],
    }
    assert history["messages"][1]["sources"] == [SOURCE.to_dict()]
    assert httpx.get(f"{api_site}/api/history").json()["messages"] == []


def test_clearing_the_history(client: httpx.Client) -> None:
    assert client.delete("/api/history").json() == {"cleared": False, "documents_deleted": True}
    before = ask(client).json()["session"]
    assert client.delete("/api/history").json() == {"cleared": True, "documents_deleted": True}
    after = client.get("/api/history").json()
    assert after["messages"] == []
    assert after["session"] == before


def test_a_streamed_answer(client: httpx.Client, services: ScriptedServices) -> None:
    def script() -> Generator[Event]:
        yield Waiting(30.0)
        yield Found((SOURCE,))
        yield Token("Sixty\n\n")
        yield Token("days [1] – ja 日")

    services.chat.script = script
    seen = events(client)
    assert [name for name, _ in seen] == ["waiting", "sources", "token", "token", "done"]
    assert seen[0][1] == {"at_most": 30.0}
    assert seen[1][1] == {"sources": [SOURCE.to_dict()]}
    assert seen[2][1]["text"] + seen[3][1]["text"] == seen[4][1]["answer"] == "Sixty\n\ndays [1] – ja 日"
    assert seen[4][1]["turn"] == 1


def test_a_stream_sets_the_cookie_and_is_not_cached(client: httpx.Client) -> None:
    answer = ask(client, headers=STREAM)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store, private"
    assert "set-cookie" in answer.headers
    assert "set-cookie" not in ask(client, headers=STREAM).headers


def test_one_turn_stays_in_one_thread(client: httpx.Client, services: ScriptedServices) -> None:
    events(client)
    assert len(services.chat.threads) == 1


def test_a_silent_stream_is_kept_alive(
    client: httpx.Client, services: ScriptedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "HEARTBEAT", 0.02)
    heard = threading.Event()

    def script() -> Generator[Event]:
        yield Found(())
        assert heard.wait(10)
        yield Token("late")

    services.chat.script = script
    text = ""
    with client.stream("POST", "/api/chat", json={"message": "x"}, headers=STREAM) as answer:
        for part in answer.iter_text():
            text += part
            if ": still here\n\n" in text:
                heard.set()
    assert "event: done" in text


INSIDE = "inner.example:6379"
"""Where things are and what other servers say: for the log, never for visitors."""
ERRORS = [
    (errors.BadQuestion("The question is empty: write what you want to know."), 422, None),
    (errors.TurnBusy("x", 30), 409, "5"),
    (errors.TurnLost("x"), 409, None),
    (errors.TurnUnconfirmed("x", 0, 1, 0.5), 504, None),
    (errors.SessionStoreUnavailable(f"unix:///{INSIDE}", f"MISCONF {INSIDE}"), 503, "10"),
    (errors.StoreFull(), 503, "60"),
    (errors.StoreDiskFull(f"/{INSIDE}", f"{INSIDE}: 0.1 MB are free"), 503, "10"),
    (errors.LibraryUnavailable(INSIDE, INSIDE, f"Start {INSIDE} again."), 503, "10"),
    (errors.ModelBusy(f"http://{INSIDE}", 2.5), 429, "3"),
    (errors.ModelBusy(f"http://{INSIDE}"), 429, "10"),
    (errors.ModelRefused(f"http://{INSIDE}", f"status 401: {INSIDE}"), 502, None),
    (errors.ModelRefused(f"http://{INSIDE}", f"status 400: {INSIDE}", "too long"), 502, None),
    (errors.ModelUnavailable(f"http://{INSIDE}", f"it reported: {INSIDE}"), 502, None),
    (translate(TimeoutError(), f"http://{INSIDE}", "m"), 504, None),
    (errors.BadSetting("STATE_DIR", f"/{INSIDE}", f"a folder ({INSIDE})"), 500, None),
    (errors.SealBroken("x", "unknown key"), 500, None),
    (errors.NewerFormat("x", 2), 503, "10"),
    (errors.NewerCookie(), 503, "10"),
]


@pytest.mark.parametrize(("error", "status", "retry"), ERRORS, ids=lambda value: type(value).__name__)
def test_each_error_has_its_status(
    client: httpx.Client,
    services: ScriptedServices,
    error: errors.CrosswireError,
    status: int,
    retry: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    services.chat.error = error
    for headers in ({}, STREAM):
        answer = ask(client, headers=headers)
        assert check_problem(answer, status)["detail"] == error.public
        assert INSIDE not in answer.text
        assert (str(error) in caplog.text) == (INSIDE in str(error) or error.public != str(error))
        assert answer.headers.get("retry-after") == retry


@pytest.mark.parametrize(("error", "status", "retry"), ERRORS, ids=lambda value: type(value).__name__)
def test_what_fails_later_is_an_event(
    client: httpx.Client, services: ScriptedServices, error: errors.CrosswireError, status: int, retry: str | None
) -> None:
    def script() -> Generator[Event]:
        yield Token("half an ans")
        raise error

    services.chat.script = script
    seen = events(client)
    assert [name for name, _ in seen] == ["token", "error"]
    assert seen[1][1]["status"] == status
    assert seen[1][1]["detail"] == error.public
    check_problem(ask(client), status)
    assert services.store.sessions == {}


def test_an_unforeseen_error_tells_nothing(client: httpx.Client, services: ScriptedServices) -> None:
    services.chat.error = RuntimeError("secret things")
    assert "secret" not in ask(client).text
    check_problem(ask(client), 500)
    services.store.error = RuntimeError("secret things")
    for answer in (client.get("/api/history"), client.delete("/api/history")):
        assert "secret" not in answer.text
        check_problem(answer, 500)


def test_history_without_a_store(client: httpx.Client, services: ScriptedServices) -> None:
    services.store.error = errors.SessionStoreUnavailable("unix:///x", "no connection")
    for answer in (client.get("/api/history"), client.delete("/api/history")):
        assert check_problem(answer, 503)["title"] == "Session store unavailable"
        assert answer.headers["retry-after"] == "10"


def test_health(client: httpx.Client, services: ScriptedServices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "FRESH", 0.0)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "store": "ok", "library": "ok"})
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    services.library.error = errors.LibraryUnavailable("/secret/path", "gone", "Start it.")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"], answer.json()["library"]) == (503, "degraded", "unavailable")
    services.store.error = errors.StoreDiskFull("/secret/disk", "0.1 MB are free")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"], answer.json()["store"]) == (503, "degraded", "disk full")
    services.store.error = errors.SessionStoreUnavailable("redis://secret", "gone")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "store": "unavailable", "library": "unavailable"}
    services.store.error = services.library.error = RuntimeError("secret")
    assert client.get("/readyz").status_code == 503


def test_health_asks_once_a_second(
    client: httpx.Client, services: ScriptedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "FRESH", 0.0)
    client.get("/readyz")
    monkeypatch.setattr(health, "FRESH", 3600.0)
    for _ in range(20):
        client.get("/readyz")
    assert services.store.checks == 1


def test_a_long_history_is_sent_in_pieces(client: httpx.Client, services: ScriptedServices) -> None:
    ask(client)
    (sid,) = services.store.sessions
    services.store.sessions[sid] *= 2000
    with client.stream("GET", "/api/history") as answer:
        text = answer.read().decode()
        assert "content-length" not in answer.headers
    assert len(json.loads(text)["messages"]) == 4000
    assert len(text) > 4 * api.PIECE


def test_too_many_turns_are_refused_at_once(
    client: httpx.Client, services: ScriptedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_way, "MOST", 0)
    problem = check_problem(answer := ask(client), 503)
    assert problem["title"] == "Too many turns"
    assert answer.headers["retry-after"] == "2"
    assert services.watch.metrics.refusals()["busy"] == 1
    monkeypatch.setattr(under_way, "MOST", 1)
    assert [ask(client).status_code for _ in range(3)] == [200] * 3, "each has left when the next one comes"


def test_a_body_that_does_not_come_is_not_waited_for(api_site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "SECONDS", 0.05)
    host, port = api_site.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 20) as slow:
        slow.sendall(
            b"POST /api/chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
        )
        assert slow.recv(100).startswith(b"HTTP/1.1 408 ")


def test_pages_are_not_touched(client: httpx.Client) -> None:
    assert client.get("/inspector").text == "page"
