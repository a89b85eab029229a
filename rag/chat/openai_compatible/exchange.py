"""Requests over HTTP by libcurl, which takes a tenth of the processor time that HTTP in Python does.

libcurl does the whole protocol, outside of the interpreter's lock. It sends a request again, once, where a connection
that was kept ends before a byte of its reply. Waiting is done here: pycurl's own `select` knows no socket above 1023.
"""

from __future__ import annotations

import os
import select
import ssl
import sys
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi
import pycurl

MOST_IDLE = 1000
"""Connections that are kept for further requests; who finds none makes one."""
MOST_REDIRECTS = 5
_NO_SOCKET: int = pycurl.SOCKET_TIMEOUT


class Reply(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    chunks: Iterator[bytes]
    """What has come, as it comes. Raises TimeoutError, and pycurl.error for what libcurl meets."""


class Connections:
    """To one address, with the same headers. Thread-safe. Proxies and certificates are those the environment names."""

    def __init__(self, url: str, headers: Mapping[str, str], *, connect: float, silence: float) -> None:
        """Seconds: for a connection, and without a byte."""
        self._silence = silence
        self._idle: deque[_Exchange] = deque(maxlen=MOST_IDLE)
        self._options: dict[int, Any] = {
            pycurl.URL: url,
            pycurl.POST: 1,
            # Without the first, libcurl asks whether a long body is welcome, and waits for that.
            pycurl.HTTPHEADER: ["Expect:", *(f"{name}: {value}" for name, value in headers.items())],
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
            pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
            pycurl.REDIR_PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
            pycurl.FOLLOWLOCATION: 1,
            pycurl.MAXREDIRS: MOST_REDIRECTS,
            pycurl.POSTREDIR: pycurl.REDIR_POST_301 | pycurl.REDIR_POST_302,
            pycurl.CONNECTTIMEOUT_MS: max(1, round(connect * 1000)),
            pycurl.NOSIGNAL: 1,  # signals belong to the main thread
            pycurl.PROXY: _proxy(url),
            pycurl.NOPROXY: "",
            **_authorities(),
        }

    @contextmanager
    def post(self, body: bytes, deadline: float) -> Iterator[Reply]:
        """What is replied, once some of it has come. `deadline`: of `time.monotonic`, for all of it.

        Where it ends before the reply does, the connection is closed.
        """
        try:
            exchange = self._idle.pop()
        except IndexError:
            exchange = _Exchange(self._options)
        try:
            with closing(exchange.post(body, self._silence, deadline)) as chunks:
                first = next(chunks, b"")
                yield Reply(exchange.status, exchange.headers, chain([first], chunks))
        finally:
            self._idle.append(exchange)


class _Exchange:
    """A connection, for one request after the other."""

    def __init__(self, options: Mapping[int, Any]) -> None:
        self._bytes: list[bytes] = []
        self._head: list[bytes] = []
        self._sockets: dict[int, int] = {}
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, _watching(self._sockets))
        self._easy = pycurl.Curl()
        for option, value in options.items():
            self._easy.setopt(option, value)
        self._easy.setopt(pycurl.WRITEFUNCTION, self._bytes.append)
        self._easy.setopt(pycurl.HEADERFUNCTION, self._head.append)

    @property
    def status(self) -> int:
        return int(self._easy.getinfo(pycurl.RESPONSE_CODE))

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Of the last reply, names in lower case: those of redirects and of a proxy come before."""
        found: list[tuple[str, str]] = []
        for line in self._head:
            name, colon, value = line.decode("latin-1").partition(":")
            if name.startswith("HTTP/"):
                found.clear()
            elif colon:
                found.append((name.strip().lower(), value.strip()))
        return found

    def post(self, body: bytes, silence: float, deadline: float) -> Generator[bytes]:
        self._easy.setopt(pycurl.POSTFIELDS, body)
        self._multi.add_handle(self._easy)
        try:
            heard, running = time.monotonic(), self._act()
            while running or self._bytes:
                if self._bytes:
                    come = b"".join(self._bytes)
                    self._bytes.clear()
                    yield come
                    heard = time.monotonic()  # whoever reads may take his time
                if running:
                    left = min(heard + silence, deadline) - time.monotonic()
                    if left <= 0:
                        raise TimeoutError("the whole answer took too long")
                    ready = self._wait(left)
                    for socket, flags in ready:
                        running = self._act(socket, flags)
                        heard = time.monotonic()
                    if not ready:
                        running = self._act()
            for _, code, text in self._multi.info_read()[2]:
                raise pycurl.error(code, text)
        finally:
            self._multi.remove_handle(self._easy)
            self._easy.setopt(pycurl.POSTFIELDS, b"")  # a kept connection keeps nobody's words
            self._bytes.clear()
            self._head.clear()

    def _act(self, socket: int = _NO_SOCKET, flags: int = 0) -> int:
        """Whether the request is still under way."""
        return int(self._multi.socket_action(socket, flags)[1])

    def _wait(self, seconds: float) -> list[tuple[int, int]]:
        """The sockets that can be read or written, and which of both; none where libcurl's own time is over first."""
        poll = select.poll()
        for socket, what in self._sockets.items():
            reading = select.POLLIN if what & pycurl.POLL_IN else 0
            poll.register(socket, reading | (select.POLLOUT if what & pycurl.POLL_OUT else 0))
        own = self._multi.timeout()
        return [
            (
                socket,
                (pycurl.CSELECT_IN if events & ~select.POLLOUT else 0)
                | (pycurl.CSELECT_OUT if events & select.POLLOUT else 0),
            )
            for socket, events in poll.poll(seconds * 1000 if own < 0 else min(own, seconds * 1000))
        ]


def _watching(sockets: dict[int, int]) -> Any:
    """What libcurl tells which sockets it waits for. It knows no more than them: no circle holds a connection open."""

    def watch(what: int, socket: int, *_: object) -> None:
        if what == pycurl.POLL_REMOVE:
            sockets.pop(socket, None)
        else:
            sockets[socket] = what

    return watch


def _proxy(url: str) -> str:
    """Empty: none."""
    parts = urlsplit(url)
    proxies = {} if proxy_bypass(parts.hostname or "") else getproxies()
    return proxies.get(parts.scheme) or proxies.get("all") or ""


def _authorities() -> dict[int, Any]:
    """Who may sign a server's certificate: whom the environment names, or else whom the system trusts."""
    file, folder = os.environ.get("SSL_CERT_FILE") or None, os.environ.get("SSL_CERT_DIR") or None
    if not file and not folder:
        if sys.platform != "linux":
            return {pycurl.SSL_OPTIONS: pycurl.SSLOPT_NATIVE_CA, pycurl.CAINFO: certifi.where()}
        paths = ssl.get_default_verify_paths()
        file = paths.openssl_cafile if Path(paths.openssl_cafile).is_file() else None
        folder = paths.openssl_capath if any(Path(paths.openssl_capath).glob("*.0")) else None
        if not file and not folder:
            file = certifi.where()
    return {pycurl.CAINFO: file, pycurl.PROXY_CAINFO: file, pycurl.CAPATH: folder, pycurl.PROXY_CAPATH: folder}
