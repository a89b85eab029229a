"""An OpenAI-compatible server on a free loopback port that misbehaves on demand, one way a request, by real bytes."""

from __future__ import annotations

import json
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORDS = ("Returns ", "are free ", "for 30 days ", "[1].")

Fault = Callable[["Handler"], None]


class FaultyServer(ThreadingHTTPServer):
    """Answers well, except for the requests that `faults` holds something for. `seen` are the request bodies."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.faults: deque[Fault] = deque()
        self.always: Fault = well
        self.seen: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.proxied: list[str | None] = []
        self.ended = threading.Event()
        self.hung_up = threading.Event()
        self.heard = threading.Event()
        self.connections = 0

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # who hangs up early is what is tried here
            super().handle_error(request, client_address)

    @contextmanager
    def failing(self, fault: Fault) -> Iterator[None]:
        """Meanwhile every request meets it: a kept connection that ends without a byte means another request."""
        self.always = fault
        try:
            yield
        finally:
            self.always = well

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyServer
    asked: dict[str, Any]
    """The body of this request."""

    def do_POST(self) -> None:
        self.asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append(self.asked)
        self.server.keys.append(self.headers["Authorization"])
        self.server.proxied.append(self.headers["Proxy-Authorization"])
        fault = self.server.faults.popleft() if self.server.faults else self.server.always
        try:
            fault(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
            self.server.hung_up.set()

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def begin(self, content_type: str = "text/event-stream") -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def send(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def word(self, text: str | None, finish: str | None = None) -> None:
        delta = {"content": text} if text is not None else {}
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        self.send(f"data: {json.dumps(chunk)}\n\n")

    def end(self) -> None:
        self.wfile.write(b"0\r\n\r\n")

    def drop(self) -> None:
        self.close_connection = True

    def hang(self) -> None:
        """Send nothing more until the test is over."""
        self.server.ended.wait()
        self.drop()


@contextmanager
def faulty_server(port: int = 0) -> Iterator[FaultyServer]:
    server = FaultyServer(port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


def well(handler: Handler) -> None:
    handler.begin()
    handler.word("")
    for text in WORDS:
        handler.word(text)
    handler.word(None, "stop")
    handler.send("data: [DONE]\n\n")
    handler.end()


def at_once(handler: Handler) -> None:
    """One body of JSON, as whoever wants no stream is answered."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "".join(WORDS)}, "finish_reason": "stop"}
    handler.begin("application/json")
    handler.send(json.dumps({"choices": [choice]}))
    handler.end()


def endless_body(handler: Handler) -> None:
    handler.begin("application/json")
    while True:
        handler.send(" " * (1 << 16))


def waits_to_be_heard(handler: Handler) -> None:
    """Says no second word before somebody has heard the first one."""
    handler.begin()
    handler.word(WORDS[0])
    if handler.server.heard.wait(30):
        handler.word("".join(WORDS[1:]))
        handler.word(None, "stop")
        handler.send("data: [DONE]\n\n")
        handler.end()


def status(code: int, error: dict[str, Any] | str, **headers: str) -> Fault:
    """Refuse with this status; underscores in header names become hyphens."""

    def fault(handler: Handler) -> None:
        body = json.dumps({"error": error}) if isinstance(error, dict) else error
        handler.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body.encode())

    return fault


def no_response(handler: Handler) -> None:
    handler.drop()


def stall_before_headers(handler: Handler) -> None:
    handler.hang()


def stall_before_token(handler: Handler) -> None:
    handler.begin()
    handler.word("")
    handler.hang()


def stall_midway(handler: Handler) -> None:
    handler.begin()
    handler.word(WORDS[0])
    handler.hang()


def keep_alive_forever(handler: Handler) -> None:
    handler.begin()
    handler.word(WORDS[0])
    while not handler.server.ended.wait(0.05):
        handler.send(": keep-alive\n\n")
    handler.drop()


def chatter(handler: Handler) -> None:
    """Words without end."""
    handler.begin()
    while not handler.server.ended.wait(0.01):
        handler.word("more ")
    handler.drop()


def drop_midway(handler: Handler) -> None:
    handler.begin()
    handler.word(WORDS[0])
    handler.drop()


def end_midway(handler: Handler) -> None:
    """A clean end of the HTTP body, as behind a proxy whose backend died: only the reason to finish is missing."""
    handler.begin()
    handler.word(WORDS[0])
    handler.end()


def done_midway(handler: Handler) -> None:
    handler.begin()
    handler.word(WORDS[0])
    handler.send("data: [DONE]\n\n")
    handler.end()


def error_midway(handler: Handler) -> None:
    handler.begin()
    handler.word(WORDS[0])
    handler.send('data: {"error": {"message": "CUDA out of memory", "type": "server_error", "code": 500}}\n\n')
    handler.end()


def filtered(handler: Handler) -> None:
    handler.begin()
    handler.word(WORDS[0])
    handler.word(None, "content_filter")
    handler.end()


def nothing(handler: Handler) -> None:
    handler.begin()
    handler.word(None, "stop")
    handler.end()


def blank(handler: Handler) -> None:
    handler.begin()
    handler.word(" \n")
    handler.word(" ", "stop")
    handler.end()


def endless(handler: Handler) -> None:
    handler.begin()
    while True:
        handler.word("word " * 100)


def strange_text(handler: Handler) -> None:
    """JSON that is valid and holds what no UTF-8 text may: halves of surrogate pairs; and NUL."""
    handler.begin()
    for text in ("a\ud83d", "\ude00b", "\udc00 c", "\x00d\ud800"):
        handler.word(text)
    handler.word(None, "stop")
    handler.end()


def web_page(handler: Handler) -> None:
    handler.begin("text/html")
    handler.send("<!doctype html><title>Log in to the wifi</title>")
    handler.end()


def bad_json(handler: Handler) -> None:
    handler.begin()
    handler.send('data: {"choices": [{"delta"\n\n')
    handler.end()


def other_json(handler: Handler) -> None:
    handler.begin()
    handler.send('data: {"choices": [{"text": "an old completion"}]}\n\ndata: [1, 2]\n\n')
    handler.end()


def bad_utf8(handler: Handler) -> None:
    handler.begin()
    handler.wfile.write(b"8\r\ndata: \xff\xfe\r\n2\r\n\n\n\r\n")
    handler.end()
