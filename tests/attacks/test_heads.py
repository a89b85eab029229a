"""The head of a request ends, in bytes and in time; whatever comes in other pieces is what it was."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from rag.web.connections import heads
from tests.web.serving import serving

LARGE = b"b" * 200_000


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    async def length(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"{len(await request.body())} bytes")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connection_made", "connection_lost", "data_received", "on_message_begin", "on_headers_complete"):
            patch.setattr(HttpToolsProtocol, name, getattr(HttpToolsProtocol, name))  # as it was, in the end
        patch.setattr(heads, "SECONDS", 1.0)
        heads.bound_heads()
        with serving(Starlette(routes=[Route("/{path:path}", length, methods=["GET", "POST"])])) as address:
            yield int(address.rpartition(":")[2])


def sent(port: int, *pieces: bytes) -> bytes:
    """What comes back until the server closes. Raises TimeoutError if it does not."""
    found = b""
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces:
                connection.sendall(piece)
            while data := connection.recv(1 << 16):
                found += data
        except ConnectionError:
            pass
    return found


def head(size: int, *, more: bytes = b"", close: bool = True) -> bytes:
    """Of so many bytes. more: headers."""
    begin = b"POST / HTTP/1.1\r\nHost: x\r\n" + more + (b"Connection: close\r\n" if close else b"") + b"X: "
    return begin + b"y" * (size - len(begin) - 4) + b"\r\n\r\n"


def test_a_head_may_be_so_long_and_a_body_longer_wherever_it_is_cut(port: int) -> None:
    told = b"Content-Length: %d\r\n" % len(LARGE)
    for size in (200, 20_000, heads.LONGEST - 1, heads.LONGEST):
        whole = head(size, more=told) + LARGE
        for cut in (size - 4, size - 3, size - 1, size, size + 1, size + 70_000):
            assert b"200000 bytes" in sent(port, whole[:cut], whole[cut:]), (size, cut)
        assert b"200000 bytes" in sent(port, *(whole[at : at + 9000] for at in range(0, len(whole), 9000))), size
    # One connection, request after request: each head counts for itself.
    following = b"".join(head(40_000, more=told, close=False) + LARGE for _ in range(3)) + head(40_000)
    assert [sent(port, following).count(said) for said in (b"200000 bytes", b"\r\n\r\n0 bytes", b"400")] == [3, 1, 0]


def test_a_longer_head_is_refused_and_one_that_never_ends_is_closed(port: int) -> None:
    for pieces in (
        [head(heads.LONGEST + 1)],
        [b"GET /" + b"a" * 100_000],
        [b"GET / HTTP/1.1\r\n", *(b"X-%d: y\r\n" % n for n in range(9000))],
        [b"GET / HTTP/1.1\r\nX: " + b"y" * 3_000_000],
    ):
        assert b"200 OK" not in sent(port, *pieces)
    assert sent(port, b"") == b""
    assert sent(port, b"GET / HTTP/1.1\r\nHo") == b""
    assert sent(port, head(300, close=False), b"GET / HTTP/1.1\r\nHo").count(b"200 OK") == 1
