"""A server that is asked to stop: what it still does, what it takes no more, and that it ends."""

from __future__ import annotations

import asyncio
import errno
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from rag.web import draining
from tests import PROJECT
from tests.servers import free_port, wait_for

PATIENCE = 20.0
ASKED = (
    b"POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b'Content-Length: 17\r\nConnection: close\r\n\r\n{"message":"now"}'
)


class Drained:
    """One such server, that answers what is held back after `go`."""

    def __init__(self, folder: Path, announce: float, most: float) -> None:
        self.folder, self.port = folder, free_port()
        command = [sys.executable, "-m", "tests.web.stopping.drained", *map(str, (self.port, announce, most, folder))]
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(command, cwd=PROJECT, stderr=log)

    def go(self) -> None:
        (self.folder / "go").touch()

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=PATIENCE)

    def ask(self, text: str, *, streamed: bool = False) -> httpx.Response:
        with self.client() as browser:
            accept = "text/event-stream" if streamed else "application/json"
            return browser.post("/api/chat", json={"message": text}, headers={"Accept": accept})

    def held(self, asking: ThreadPoolExecutor) -> list[Future[httpx.Response]]:
        """Two questions that are under way: one is answered whole, one streamed."""
        asked = [asking.submit(self.ask, "held", streamed=how) for how in (False, True)]
        wait_for(lambda: len(list(self.folder.glob("held-*"))) == 2, "both under way")
        return asked

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def listens(self) -> bool:
        try:
            with self.client() as browser:
                return browser.get("/healthz").is_success
        except httpx.ConnectError:
            return False


@contextmanager
def drained(folder: Path, announce: float, most: float) -> Iterator[Drained]:
    server = Drained(folder, announce, most)
    try:
        wait_for(server.listens, "the server", 60)
        yield server
    finally:
        server.process.kill()
        server.process.wait()


@pytest.fixture
def asking() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def test_it_says_so_answers_what_was_asked_takes_no_new_connection_and_ends(
    tmp_path: Path, asking: ThreadPoolExecutor
) -> None:
    with drained(tmp_path, announce=1.0, most=60.0) as server, server.client() as kept, server.client() as balancer:
        assert balancer.get("/readyz").json()["status"] == "ok"
        assert "connection" not in kept.post("/api/chat", json={"message": "now"}).headers
        assert kept.post("/api/chat", json={"message": "page"}).is_success
        under_way = server.held(asking)
        server.stop()
        wait_for(lambda: balancer.get("/readyz").status_code == 503, "/readyz that says so")
        said = balancer.get("/readyz").json()
        assert (said["status"], said["store"], balancer.get("/healthz").status_code) == ("draining", "ok", 200)
        wait_for(lambda: not server.listens(), "the listener's end")
        last = kept.post("/api/chat", json={"message": "now"})
        assert (last.status_code, last.headers["connection"]) == (200, "close"), "what was open is served once more"
        assert not any(one.done() for one in under_way)
        server.go()
        whole, streamed = (one.result(PATIENCE) for one in under_way)
        assert (whole.status_code, whole.json()["turn"]) == (200, 1)
        assert _ended(streamed) == "done"
        assert server.process.wait(PATIENCE) == -signal.SIGTERM
        assert (tmp_path / "page").read_text() == "answered", "a page's turn, that no request waits for"
        assert "Traceback" not in (tmp_path / "log").read_text()


def test_what_takes_longer_than_it_may_is_told_so_and_it_ends(tmp_path: Path, asking: ThreadPoolExecutor) -> None:
    with drained(tmp_path, announce=0.0, most=1.0) as server:
        under_way = server.held(asking)
        with server.client() as browser:
            assert browser.post("/api/chat", json={"message": "page"}).is_success
        server.stop()
        whole, streamed = (one.result(PATIENCE) for one in under_way)
        assert (whole.status_code, whole.json()["title"], whole.headers["retry-after"]) == (503, "Server stops", "1")
        assert _ended(streamed) == "error"
        assert "nothing was saved" in streamed.text
        assert server.process.wait(PATIENCE) == -signal.SIGTERM
        assert "Traceback" not in (tmp_path / "log").read_text()


def test_who_is_connected_when_it_listens_no_more_is_answered(tmp_path: Path) -> None:
    """Whoever cannot connect any more has not asked: a balancer goes to another server."""
    with drained(tmp_path, announce=0.5, most=20.0) as server, ThreadPoolExecutor(16) as knocking:
        until_refused = [knocking.submit(_knock, server.port) for _ in range(16)]
        server.stop()
        answers = [one.result(60) for one in until_refused]
        assert all(answers)
        assert {line for found in answers for line in found} == {b"HTTP/1.1 200 OK"}


def test_who_connects_between_the_last_look_and_the_close_is_refused_not_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine another thread may run there for milliseconds."""
    late: list[socket.socket] = []

    class Listening(socket.socket):
        def accept(self) -> tuple[socket.socket, object]:
            try:
                return super().accept()
            except BlockingIOError:
                late.append(socket.socket())
                late[-1].setblocking(False)
                late[-1].connect_ex(self.getsockname())
                raise

    async def listens_no_more() -> None:
        config = uvicorn.Config(Starlette(), port=free_port(), log_level="warning", lifespan="off")
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup()
        monkeypatch.setattr(socket, "socket", Listening)
        await draining._listen_no_more(server)

    asyncio.run(listens_no_more())
    [connecting] = late
    with connecting:
        assert select.select([], [connecting], [], PATIENCE)[1], "TCP tries again within a second"
        assert connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED


def _knock(port: int) -> list[bytes]:
    """First lines of answers, each on a connection of its own, until none can be made."""
    found: list[bytes] = []
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", port), PATIENCE)
        except ConnectionRefusedError:
            return found
        with connection:
            try:
                connection.sendall(ASKED)
                found.append(b"".join(iter(lambda: connection.recv(1 << 16), b"")).partition(b"\r\n")[0])  # noqa: B023
            except ConnectionError as broken:
                found.append(type(broken).__name__.encode())


def test_asked_twice_it_waits_for_no_page(tmp_path: Path) -> None:
    with drained(tmp_path, announce=60.0, most=60.0) as server, server.client() as balancer:
        server.stop()
        wait_for(lambda: balancer.get("/readyz").status_code == 503, "/readyz that says so")
        server.stop()
        assert server.process.wait(PATIENCE) == -signal.SIGTERM


def _ended(streamed: httpx.Response) -> str:
    """The last event's name."""
    return streamed.text.rstrip().rpartition("event: ")[2].split()[0]
