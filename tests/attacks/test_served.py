"""The real application behind a real nginx that keeps its connections: what clients of all kinds get out of it."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect as connect_page

from rag.sessions import connect
from rag.ui.uploads import FILES_OF_PAGE
from rag.web.connections.pace import LARGEST
from rag.web.cookie import CookieJar
from rag.web.sessions.token import session_id_of
from tests.browser.serving import AppServer, serving
from tests.nginx import nginx
from tests.servers import free_port
from tests.web.page_socket import begin, drawn, messages

pytestmark = pytest.mark.server

SECRET = "served-secret-" + "k" * 32
JAR = CookieJar(SECRET)
MARKS = ("ORD-51206", "ORD-99071")


class Site:
    def __init__(self, app: AppServer, proxy: str, folder: Path) -> None:
        self.app, self.proxy, self.folder = app, proxy, folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("served")
    with serving(folder / "state", {"SESSION_SECRET": SECRET, "INSPECTOR_PASSWORD": "correct horse"}) as app:
        port = free_port()
        one_connection = (
            f"upstream app {{ server 127.0.0.1:{app.port}; keepalive 1; }}\n"
            f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://app; proxy_http_version 1.1; "
            'proxy_set_header Connection ""; proxy_set_header Host $http_host; }}'
        )
        with nginx(folder, one_connection):
            yield Site(app, f"http://127.0.0.1:{port}", folder)


def cookie(browser: httpx.Client) -> str:
    """As a header."""
    return f"{JAR.plain_name}={browser.cookies[JAR.plain_name]}"


def texts(browser: httpx.Client) -> str:
    return json.dumps(browser.get("/api/history").json()["messages"])


def test_two_people_whose_requests_come_by_one_connection_are_two(site: Site) -> None:
    with httpx.Client(base_url=site.proxy, timeout=30) as ada, httpx.Client(base_url=site.proxy, timeout=30) as ben:
        people = dict(zip((ada, ben), MARKS, strict=True))

        def talk(person: httpx.Client) -> None:
            for _ in range(4):
                assert person.post("/api/chat", json={"message": f"My order is {people[person]}."}).status_code == 200

        for person in people:
            person.get("/", headers={"Accept": "text/html"})
        with ThreadPoolExecutor(2) as both:
            list(both.map(talk, people))
        for person, mark in people.items():
            assert person.get("/api/history").headers["cache-control"] == "no-store, private"
            assert [one in texts(person) for one in MARKS] == [one == mark for one in MARKS]

        # The same by hand: requests of two people in one go, none waiting for the other's answer.
        asked = "".join(
            f"GET /api/history HTTP/1.1\r\nHost: x\r\nCookie: {cookie(person)}\r\n\r\n" for person in (ada, ben, ada)
        )
        last = "GET /api/history HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"  # nobody
        answers = _raw(site.app.port, (asked + last).encode()).split(b"HTTP/1.1 200")[1:]
        seen = [[mark.encode() in answer for mark in MARKS] for answer in answers]
        assert seen == [[True, False], [False, True], [True, False], [False, False]]


AMBIGUOUS = (
    b"Content-Length: 6\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nContent-Length: 6",
    b"Content-Length: 6\r\nTransfer-Encoding: xchunked",
    b"Content-Length: 6\r\nTransfer-Encoding : chunked",
    b"Content-Length: 6\r\nTransfer-Encoding:\x0bchunked",
    b"Content-Length: 6\r\n Transfer-Encoding: chunked",
    b"Content-Length: 6\r\nTransfer_Encoding: chunked\r\nTransfer-Encoding: identity",
    b"Content-Length: 6\r\nContent-Length: 7",
    b"Content-Length: +6",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    b"Transfer-Encoding: chunked, identity",
)


def test_no_request_hides_in_anothers_body(site: Site) -> None:
    """What follows a head that can be read in two ways is never answered, nor put before the next one's request."""
    whole = b"0\r\n\r\nGET /api/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    begun = b"0\r\n\r\nDELETE /api/history HTTP/1.1\r\nHost: x\r\nX: "  # the next one's cookie would follow
    proxy = int(site.proxy.rpartition(":")[2])
    with httpx.Client(base_url=site.proxy, timeout=30) as ada:
        assert ada.post("/api/chat", json={"message": f"My order is {MARKS[0]}."}).status_code == 200
        for head in AMBIGUOUS:
            for port, hidden in ((site.app.port, whole), (proxy, whole), (proxy, begun)):
                sent = b"POST /api/chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + head
                answer = _raw(port, sent + b"\r\n\r\n" + hidden)
                assert answer[:10] in (b"HTTP/1.1 4", b"HTTP/1.1 5"), (head, port)  # nginx does not implement some
                assert b"HTTP/1.1 2" not in answer, (head, port)
                assert MARKS[0] in texts(ada), (head, port)


def test_a_page_that_was_open_with_a_stolen_cookie_shows_nothing_once_the_session_was_changed(site: Site) -> None:
    with httpx.Client(base_url=site.app.url, timeout=30) as ada:
        ada.post("/api/chat", json={"message": f"My order is {MARKS[0]}."})
        stolen = cookie(ada)
        before = drawn(site.app.url, "chat", origin=site.app.url, Cookie=stolen)
        ada.post("/session/new")
        after = drawn(site.app.url, "chat", origin=site.app.url, Cookie=stolen)
    assert isinstance(before, bytes)
    assert isinstance(after, bytes)
    assert MARKS[0].encode() in before
    assert MARKS[0].encode() not in after
    assert b"reload this page" in after


def test_what_redis_and_answers_tell_opens_no_session(site: Site) -> None:
    with httpx.Client(base_url=site.app.url, timeout=30) as ada:
        ada.post("/api/chat", json={"message": f"My order is {MARKS[0]}."})
        token = ada.cookies[JAR.plain_name].partition(".")[0]
        session_id = session_id_of(token)
        signed = ada.cookies[JAR.plain_name].partition(".")[2]
        before = texts(ada)
    with closing(connect("embedded", state_dir=site.app.state_dir)) as redis:
        found: list[Any] = redis.keys("*")
        keys = [key.decode() for key in found]
    assert any(session_id in key for key in keys)
    assert not any(token[:43] in key for key in keys)
    tried = [session_id, session_id[:43], f"{session_id[:43]}.{signed}", f"{token}~0~0~0.{signed}", *keys[:20]]
    tried += [f"{token}.{signed}"[:-1], f"{token}.{signed}.", f'"{token}.{signed}"', JAR.sign(session_id)]
    with httpx.Client(base_url=site.app.url, params={"session": session_id, "session_id": session_id}) as thief:
        for header in (f"{name}={value}" for value in tried for name in (JAR.plain_name, JAR.secure_name)):
            thief.cookies.clear()
            answer = thief.get("/api/history", headers={"Cookie": header})
            assert answer.json().get("session") != session_id
            assert MARKS[0] not in answer.text
        assert not thief.delete("/api/history").json()["cleared"]
    with httpx.Client(base_url=site.app.url, headers={"Cookie": f"{JAR.plain_name}={token}.{signed}"}) as ada:
        assert texts(ada) == before


def test_heads_and_bodies_without_end_and_clients_without_haste_keep_nobody_else_waiting(site: Site) -> None:
    huge = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 4000) for n in range(400))
    endless = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 2_000_000
    for head in (huge, b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n", endless):
        assert b"HTTP/1.1 200" not in _raw(site.app.port, head + b"\r\n\r\n")
    usual = b"".join(b"X-%d: %s\r\n" % (n, b"y" * 1000) for n in range(30))
    usual = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + usual
    assert b"HTTP/1.1 200" in _raw(site.app.port, usual + b"\r\n")
    slow = [socket.create_connection(("127.0.0.1", site.app.port), 10) for _ in range(60)]
    for number, one in enumerate(slow):
        one.sendall(
            b"GET / HTTP/1.1\r\nHost: x\r\nX: "
            if number % 2
            else b"POST /api/chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{"
        )
    with httpx.Client(base_url=site.app.url, timeout=30) as ada:
        assert ada.get("/", headers={"Accept": "text/html"}).status_code == 200
        assert ada.post("/api/chat", json={"message": "How long may I return it?"}).status_code == 200
        long, packed = b'{"message": "' + b"x" * 70_000 + b'"}', b"\x1f\x8b" + b"\0" * 500
        for body, status in ((b"{" * 60_000, 400), (long, 413), (packed, 400)):
            headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
            assert ada.post("/api/chat", content=body, headers=headers).status_code == status
        assert ada.get("/healthz").status_code == 200
    for one in slow:
        one.close()


def test_a_page_takes_so_much_by_its_websocket_and_so_many_files(site: Site) -> None:
    with httpx.Client(base_url=site.app.url) as ada:
        ada.get("/_stcore/health")
        xsrf = {"X-Xsrftoken": ada.cookies["_streamlit_xsrf"]}
        with connect_page(f"{site.app.url.replace('http', 'ws')}/_stcore/stream") as page:
            begin(page, "")
            begun = next(said for _, said in messages(page) if said.WhichOneof("type") == "new_session")
            place = f"/_stcore/upload_file/{begun.new_session.initialize.session_id}"
            sent = [
                ada.put(f"{place}/{number}", files={"file": ("a.md", b"# A")}, headers=xsrf).status_code
                for number in range(FILES_OF_PAGE + 2)
            ]
            assert sent == [204] * FILES_OF_PAGE + [413] * 2
            page.send(b"\0" * (LARGEST + 1))
            with pytest.raises(ConnectionClosedError, match="1009"):
                list(messages(page))


def test_no_text_no_cookie_and_no_key_is_in_a_log_an_address_or_open_to_other_users(site: Site) -> None:
    canary = "Wintersby-7715"
    with httpx.Client(base_url=site.proxy, timeout=30) as ada:
        assert ada.post("/api/chat", json={"message": f"I live in {canary}."}).status_code == 200
        for bad in ({"message": canary, "x": 1}, {"message": f"{canary}\x00"}, [canary]):
            told = ada.post("/api/chat", json=bad)
            assert (told.status_code, canary in told.text) == (422, False)
        page = ada.get(f"/api/<script>{canary}</script>")
        assert page.headers["content-type"] == "application/problem+json"
        assert page.headers["x-content-type-options"] == "nosniff"
        token = ada.cookies[JAR.plain_name]
    redis = (site.app.state_dir / "redis").rglob("*.log")
    logs = [site.app.log(), *(path.read_text(errors="replace") for path in redis)]
    access = (site.folder / "access.log").read_text()
    for text in (canary, token.partition(".")[0], token, SECRET, "correct horse"):
        assert not any(text in log for log in logs), text
        assert text == canary or text not in access
    assert not re.search(r"GET /(?!api/)\S*\?", access)
    open_to_others = [
        path
        for path in site.app.state_dir.rglob("*")
        if path.stat().st_mode & 0o077 and not any(up.stat().st_mode & 0o077 == 0 for up in path.parents)
    ]
    assert [path.name for path in open_to_others if path.is_file() or path.is_socket()] == []


def _raw(port: int, sent: bytes) -> bytes:
    """Whatever comes back until the server closes, or is silent for a while."""
    found = b""
    with socket.create_connection(("127.0.0.1", port), 10) as connection, suppress(OSError):
        connection.sendall(sent)
        while data := connection.recv(1 << 16):
            found += data
    return found
