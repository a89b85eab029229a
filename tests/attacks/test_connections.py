"""Connections end that do not get on, that bring too much, or that are too many of one; all others are left alone."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from rag.ui import uploads
from rag.web.connections import pace, sockets
from rag.web.cookie import Ticket, new_token
from rag.web.identity import Visit
from tests.web.serving import serving

LARGE = 32 * 1024 * 1024
"""More than the system keeps for a connection whose client does not read."""
CHANGED = {
    HttpToolsProtocol: (
        *("connection_made", "connection_lost", "pause_writing", "resume_writing"),
        *("on_message_begin", "on_headers_complete", "on_body", "on_message_complete"),
    ),
    WebSocketsSansIOProtocol: ("__init__", "connection_made", "connection_lost", "pause_writing", "resume_writing"),
}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    async def large(request: Request) -> PlainTextResponse:
        return PlainTextResponse(b"y" * LARGE if request.method == "GET" else f"{len(await request.body())} bytes")

    async def echo(page: WebSocket) -> None:
        await page.accept()
        try:
            while True:
                await page.send_bytes(await page.receive_bytes())
        except WebSocketDisconnect:
            pass

    async def flood(page: WebSocket) -> None:
        await page.accept()
        try:
            while True:
                await page.send_bytes(b"y" * 100_000)
        except WebSocketDisconnect:
            pass

    routes = [Route("/large", large, methods=["GET", "POST"]), WebSocketRoute("/echo", echo)]
    with pytest.MonkeyPatch.context() as patch:
        for protocol, names in CHANGED.items():
            for name in names:
                patch.setattr(protocol, name, getattr(protocol, name))  # as it was, in the end
        pace.bound_pace()
        app = Starlette(routes=[*routes, WebSocketRoute("/flood", flood)])
        with serving(app, ws="websockets-sansio", timeout_keep_alive=1) as address:
            yield int(address.rpartition(":")[2])


def opened(port: int, sent: bytes) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(30)
    connection.connect(("127.0.0.1", port))
    connection.sendall(sent)
    return connection


def ended(connection: socket.socket) -> bool:
    """Whether the server ends it, though nothing is read."""
    watch = select.poll()
    watch.register(connection, select.POLLRDHUP)
    with connection:
        return bool(watch.poll(20_000))


def test_a_connection_whose_body_came_after_its_answer_is_no_longer_kept_than_any_other(port: int) -> None:
    """It was kept without end: what comes stops the clock of a connection that nobody uses."""
    head = b"POST /elsewhere HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"
    with opened(port, head) as connection:
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 404 ")
        connection.sendall(b"{}" + head)  # the next one in the same piece
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 404 ")
        connection.sendall(b"{}")
        connection.settimeout(20)
        assert connection.recv(1 << 16) == b""


def test_a_websocket_on_a_kept_connection_outlives_it(port: int) -> None:
    """A proxy asks on over connections that it has: what counts for one that nobody uses does not count for a page."""
    get = b"GET /elsewhere HTTP/1.1\r\nHost: x\r\n\r\n"
    kept = opened(port, get)
    assert kept.recv(1 << 16).startswith(b"HTTP/1.1 404 ")
    with connect(f"ws://127.0.0.1:{port}/echo", sock=kept) as page, opened(port, get) as unused:
        unused.settimeout(20)
        while unused.recv(1 << 16):
            pass
        page.send(b"still here")
        assert page.recv(20) == b"still here"


UPGRADE = (
    b"GET /flood HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def test_a_client_that_takes_nothing_or_brings_nothing_is_let_go(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "SECONDS", 0.2)
    get, post = (b"%s /large HTTP/1.1\r\nHost: x\r\n" % method for method in (b"GET", b"POST"))
    for sent in (
        get + b"\r\n",
        get + b"Connection: close\r\n\r\n",
        post + b"Content-Length: 99\r\n\r\n{",
        post + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        UPGRADE,
    ):
        assert ended(opened(port, sent)), sent


def test_who_gets_on_is_served_whatever_the_size(port: int) -> None:
    head = b"POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % LARGE
    with opened(port, head + b"x" * LARGE) as connection:
        told = b""
        while b"%d bytes" % LARGE not in told:  # its head may come before
            more = connection.recv(1 << 16)
            assert more
            told += more
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert LARGE < sum(len(data) for data in iter(lambda: connection.recv(1 << 20), b"")) < LARGE + 1000
    with connect(f"ws://127.0.0.1:{port}/echo", max_size=None) as page:
        for size in (0, 10, pace.LARGEST):
            page.send(b"x" * size)
            assert len(page.recv(20)) == size
        page.send(b"\0" * (pace.LARGEST + 1))  # packed it is a kilobyte
        with pytest.raises(ConnectionClosedError, match="1009"):
            page.recv(20)


class Clock:
    """An event loop that does nothing but to tell the time."""

    def __init__(self) -> None:
        self.waiting: list[Any] = []
        self.cancelled = 0

    def call_later(self, _: float, call: Any) -> Clock:
        self.waiting.append(call)
        return self

    def cancel(self) -> None:
        self.cancelled += 1
        self.waiting.clear()


def test_a_client_is_let_go_for_its_pace_alone() -> None:
    clock, over, left = Clock(), [], {"now": 100 * pace.LEAST}

    def look(size: int | None) -> None:
        left["now"] = size  # type: ignore[assignment]
        clock.waiting.pop()()

    watch = pace.Pace(clock, lambda: left["now"], lambda: over.append(1))  # type: ignore[arg-type]
    watch.begin()
    for size in range(99 * pace.LEAST, 50 * pace.LEAST, -pace.LEAST):
        look(size)
    look(None)  # the server does not read
    look(None)
    look(5 * pace.LEAST)
    look(4 * pace.LEAST)
    assert (over, len(clock.waiting)) == ([], 1)
    watch.done()
    assert (clock.waiting, clock.cancelled) == ([], 1)
    watch.begin()
    look(3 * pace.LEAST + 1)
    assert (over, clock.waiting) == ([1], [])


async def test_a_browser_an_address_and_all_have_so_many_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "OF_SESSION", 2)
    monkeypatch.setattr(sockets, "OF_ADDRESS", 3)

    async def status(*who: tuple[str | None, str]) -> int:
        """Of the last one, while those before it are open."""
        told: list[Message] = []

        async def send(message: Message) -> None:
            told.append(message)

        async def inner(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "websocket.accept"})
            if rest:
                await one(rest.pop(0))

        async def one(visitor: tuple[str | None, str]) -> None:
            token, address = visitor
            visit = Visit(Ticket(token, 0.0, False) if token else None, None)
            scope = {"type": "websocket", "client": (address, 1), "headers": [], "state": {"session": visit}}
            scope["extensions"] = {"websocket.http.response": {}}
            told.clear()
            await all_of_them(scope, None, send)  # type: ignore[arg-type]

        rest = list(who)
        all_of_them = sockets.Sockets(inner, most=5)
        await one(rest.pop(0))
        first = told[0]
        assert not all_of_them._open, "all are closed"
        return int(first.get("status", 101))

    ada, ben, far, near = new_token(), new_token(), "203.0.113.7", "127.0.0.1"
    assert await status((ada, far), (ada, far)) == 101
    assert await status((ada, near), (ada, far), (ada, near)) == 429
    assert await status((ada, near), (ada, near), (ben, near)) == 101
    assert await status((None, far), (None, far), (None, far)) == 101
    assert await status((None, far), (ada, far), (ben, far), (None, far)) == 429
    assert await status(*[(None, near)] * 5) == 101
    assert await status(*[(None, near)] * 6) == 503
    assert await status(*[(None, near)] * 4, (ada, far), (ben, far)) == 503


def test_uploads_of_one_page_and_of_all_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryUploadedFileManager, "add_file", MemoryUploadedFileManager.add_file)
    uploads.bound_uploads()
    for name, most in (("FILES_OF_PAGE", 3), ("BYTES_OF_PAGE", 100), ("BYTES", 250)):
        monkeypatch.setattr(uploads, name, most)
    files = MemoryUploadedFileManager("/upload")

    def status(page: str, size: int) -> int:
        record = UploadedFileRec(f"{len(files.file_storage[page])}", "a.md", "text/markdown", b"x" * size)
        try:
            files.add_file(page, record)
        except HTTPException as refused:
            return refused.status_code
        return 204

    assert [status("one", 40) for _ in range(3)] == [204, 204, 413]
    assert [status("two", 1) for _ in range(4)] == [204, 204, 204, 413]
    assert [status(page, 100) for page in ("three", "four")] == [204, 503]
    files.remove_session_files("one")
    assert status("four", 100) == 204
