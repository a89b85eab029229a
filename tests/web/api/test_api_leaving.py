"""Clients that go away in the middle of a turn."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from rag.chat import Event, Found, Token, Waiting
from rag.web import slot, turn
from tests.servers import wait_for
from tests.web.calls import STREAM
from tests.web.conftest import application
from tests.web.scripted import SOURCE, ScriptedServices, Stuck, plain
from tests.web.serving import serving


@pytest.mark.parametrize("headers", [{}, STREAM], ids=["whole", "streamed"])
def test_a_client_that_goes_away_stops_the_turn_and_nothing_is_stored(
    client: httpx.Client, services: ScriptedServices, headers: dict[str, str]
) -> None:
    chat, begun = services.chat, threading.Event()

    def script() -> Generator[Event]:
        yield Found((SOURCE,))
        while True:
            yield Token("on and ")
            begun.set()

    chat.script = script
    request = threading.Thread(target=_give_up, args=(client, headers, begun))
    request.start()
    assert chat.freed.wait(20), "the turn was not stopped"
    request.join(20)
    assert services.store.sessions == {}


def _give_up(client: httpx.Client, headers: dict[str, str], begun: threading.Event) -> None:
    body = b'{"message": "Tell me everything"}'
    accept = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection((client.base_url.host, client.base_url.port or 80)) as connection:
        head = f"POST /api/chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{accept}"
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert begun.wait(20)


def test_a_client_that_goes_away_while_the_model_is_silent_stops_the_turn_too(
    client: httpx.Client, services: ScriptedServices
) -> None:
    chat, begun, spoken = services.chat, threading.Event(), threading.Event()

    def script() -> Generator[Event]:
        yield Found((SOURCE,))
        begun.set()
        assert spoken.wait(20)
        yield Token("too late")

    chat.script = script
    _give_up(client, STREAM, begun)
    answered = ask_other_session(client)
    assert answered.status_code == 200
    spoken.set()
    assert chat.freed.wait(20)
    assert services.store.sessions == {}


def ask_other_session(client: httpx.Client) -> httpx.Response:
    """Something else that the server must be able to do meanwhile."""
    return httpx.get(f"{client.base_url}/api/history")


@pytest.mark.parametrize("headers", [{}, STREAM], ids=["whole", "streamed"])
def test_a_client_that_goes_away_before_its_turn_has_a_thread_is_counted(
    services: ScriptedServices, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot, "PATIENCE", 3600.0)
    chat, gone, stop = services.chat, threading.Event(), turn._Turn.stop
    stuck = chat.script = Stuck()

    def stopped(one: turn._Turn) -> None:
        stop(one)
        gone.set()

    with (
        serving(application()) as address,
        httpx.Client(base_url=address) as client,
        ThreadPoolExecutor(1) as thread,
    ):
        held = thread.submit(httpx.post, f"{client.base_url}/api/chat", json={"message": "Why?"}, timeout=30)
        try:
            assert stuck.begun.acquire(timeout=20)
            monkeypatch.setattr(turn._Turn, "stop", stopped)
            waits = threading.Event()
            monkeypatch.setattr(turn._Turn, "begin", _then(turn._Turn.begin, waits.set))
            _give_up(client, headers, waits)
            assert gone.wait(20)
        finally:
            stuck.go_on.set()
        assert held.result(20).status_code == 200
        wait_for(lambda: services.under_way.turns == 0, "its thread is free")
    assert services.watch.metrics.counts()["stopped"] == 1
    assert not stuck.begun.acquire(blocking=False)


def _then(method: Callable[..., None], more: Callable[[], None]) -> Callable[..., None]:
    def both(*args: object) -> None:
        method(*args)
        more()

    return both


def test_turns_that_wait_keep_nobody_from_being_answered(client: httpx.Client, services: ScriptedServices) -> None:
    waiting, ended = threading.Semaphore(0), threading.Event()

    def script() -> Generator[Event]:
        yield Waiting(30)
        waiting.release()
        assert ended.wait(20)
        yield Token("at last")

    services.chat.script = script
    body = {"message": "How long is the warranty?"}

    def ask() -> None:
        httpx.post(f"{client.base_url}/api/chat", json=body, timeout=30)

    asking = [threading.Thread(target=ask) for _ in range(3)]
    for thread in asking:
        thread.start()
    for _ in asking:
        assert waiting.acquire(timeout=20)
    services.chat.script = plain
    answered = client.post("/api/chat", json=body)
    ended.set()
    for thread in asking:
        thread.join(20)
    assert answered.json()["answer"] == "You have 60 days [1]."


def test_a_model_that_is_slow_is_waited_for_beside_the_slot(
    client: httpx.Client, services: ScriptedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "SLOW_SECONDS", 3600.0)
    chat, threads, spoken = services.chat, queue.SimpleQueue[str](), threading.Event()
    chat.remote = True

    def script() -> Generator[Event]:
        threads.put(threading.current_thread().name)
        assert spoken.wait(20)
        yield Token("at last")

    chat.script = script
    asking = [
        threading.Thread(target=httpx.post, args=(f"{client.base_url}/api/chat",), kwargs={"json": {"message": "Why?"}})
        for _ in range(4)
    ]
    names = []
    for one in asking:
        one.start()
        names.append(threads.get(timeout=20))
    spoken.set()
    for one in asking:
        one.join(20)
    assert all(name.startswith("waiting-turn") for name in names[1:]), names
