"""The real application behind a real nginx, and a forwarder of TCP: none opens the inspector or another's chat.

To the application everybody who comes through them is from this machine.
"""

from __future__ import annotations

import re
import socket
import socketserver
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Thread

import httpx
import pytest
from langchain_core.messages import AIMessage, HumanMessage

from rag.inspector.one_time_link import issue
from rag.sessions import SessionStore, connect
from tests import PROJECT
from tests.browser.serving import AppServer, serving
from tests.nginx import nginx
from tests.servers import free_port
from tests.web.page_socket import drawn

PASSWORD = "correct horse battery"
MARK = b"CW-4711"
OPEN = b"Live sessions"
UPGRADE = 'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'
RULES = {
    "as README says": "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;",
    "host without port": "proxy_set_header Host $host; proxy_set_header X-Forwarded-Proto $scheme;",
    "nothing": "",
    "forwarded for": "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;",
    "behind TLS": "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto https;",
}
RULES["as shipped"] = " ".join(
    line.partition("#")[0].strip()
    for line in (PROJECT / "deploy" / "nginx.conf").read_text().splitlines()
    if re.match(r"\s*proxy_(set_header (Host|X-)|next|read)", line)
)
FORGED: list[tuple[str, str | None, dict[str, str]]] = [
    ("localhost", "http://localhost", {}),
    ("localhost", None, {"X_Forwarded_For": "127.0.0.1", "X_Real_Ip": "::1"}),
]


class Ways:
    """An application, and each way to it: directly, through a forwarder, and through nginx by each set of rules."""

    def __init__(self, app: AppServer, ports: dict[str, int], forwarder: int) -> None:
        self.app = app
        self.to = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        self.to |= {"directly": f"http://127.0.0.1:{app.port}", "TCP": f"http://127.0.0.1:{forwarder}"}


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    """Without a password. What nginx hides from the application, ALLOWED_ORIGINS tells."""
    ports = {name: free_port() for name in RULES}
    told = {"ALLOWED_ORIGINS": ",".join(f"http://127.0.0.1:{ports[name]}" for name in ("nothing", "host without port"))}
    yield from _ways(tmp_path_factory.mktemp("open"), ports, {**told, "LIMIT_ADDRESS_TURNS": "1"})


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    """With a password."""
    ports = {name: free_port() for name in RULES}
    yield from _ways(tmp_path_factory.mktemp("guarded"), ports, {"INSPECTOR_PASSWORD": PASSWORD})


def _ways(folder: Path, ports: dict[str, int], env: dict[str, str]) -> Iterator[Ways]:
    with serving(folder / "state", env) as app, _forwarder(app.port) as forwarder:
        with closing(connect("embedded", state_dir=app.state_dir)) as client:
            SessionStore(client).append("a-session", [HumanMessage(MARK.decode()), AIMessage("Noted.")])
        servers = "".join(
            f"server {{ listen 127.0.0.1:{ports[name]}; location / {{ proxy_pass http://127.0.0.1:{app.port}; "
            f"{UPGRADE} {rules} }} }}\n"
            for name, rules in RULES.items()
        )
        with nginx(folder, servers):
            yield Ways(app, ports, forwarder)


@contextmanager
def _forwarder(target: int) -> Iterator[int]:
    """The port of what passes bytes on and knows no HTTP."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", target)) as server, suppress(OSError):
                back = Thread(target=pump, args=(server, self.request), daemon=True)
                back.start()
                pump(self.request, server)
                back.join()

    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listener:
        listener.daemon_threads = True
        listener.block_on_close = False
        Thread(target=listener.serve_forever, args=(0.05,), daemon=True).start()
        yield listener.server_address[1]
        listener.shutdown()


def test_nothing_that_a_client_says_opens_the_inspector(ways: Ways, guarded: Ways) -> None:
    for protected, asked in ((ways, b"inspect-link"), (guarded, b"Password")):
        for way, site in protected.to.items():
            for host, origin, headers in [*FORGED, ("", site, {})]:
                sent = drawn(site, "inspector", host=host, origin=origin, **headers)
                if isinstance(sent, int):
                    assert (sent, origin is None) == (403, False), (way, host, origin)
                else:
                    assert asked in sent, (way, host, origin)
                    assert OPEN not in sent, (way, host, origin)
                    assert MARK not in sent, (way, host, origin)


def test_nobody_but_who_came_by_a_link_names_code_that_is_run_here(guarded: Ways, ways: Ways) -> None:
    """Wherever a request seems to come from: other users of this machine, and all who come through a forwarder."""
    for way, site in guarded.to.items():
        for host, origin in (("localhost", "http://localhost"), ("", site)):
            sent = drawn(site, "audit", host=host, origin=origin)
            assert isinstance(sent, int) or (b"audit_targets" in sent and b"audit_path" not in sent), (way, origin)
    for app, told in ((ways.app, b"link that this server wrote"), (guarded.app, b"python -m rag audit")):
        sent = drawn(app.url, "audit", origin=app.url)
        assert isinstance(sent, bytes)
        assert told in sent
        assert b"audit_path" not in sent


def test_a_link_opens_it_on_each_way_and_only_where_nothing_else_is_asked(ways: Ways, guarded: Ways) -> None:
    for way, site in ways.to.items():
        own = site.replace("http:", "https:") if way == "behind TLS" else site
        with httpx.Client(base_url=site, headers={"Origin": own}) as browser:
            answer = browser.post("/inspector-link", data={"secret": issue(ways.app.state_dir)})
            assert (answer.status_code, answer.headers["location"]) == (303, "/inspector"), way
            cookie = answer.headers["set-cookie"].partition(";")[0]
            assert "HttpOnly; SameSite=Strict" in answer.headers["set-cookie"]
            assert ("Secure" in answer.headers["set-cookie"]) == (way == "behind TLS")
        sent = drawn(site, "inspector", origin=own, Cookie=cookie)
        assert isinstance(sent, bytes), way
        assert OPEN in sent, way
        assert b"audit_path" in bytes(drawn(site, "audit", origin=own, Cookie=cookie)), way
    with httpx.Client(base_url=guarded.app.url) as browser:
        refused = browser.post("/inspector-link", data={"secret": issue(guarded.app.state_dir)})
        assert "set-cookie" not in refused.headers
        sent = drawn(guarded.app.url, "inspector", origin=guarded.app.url, Cookie=cookie)
        assert isinstance(sent, bytes)
        assert OPEN not in sent
        assert b"audit_path" not in bytes(drawn(guarded.app.url, "audit", origin=guarded.app.url, Cookie=cookie))


def test_a_page_of_another_port_scheme_or_site_is_refused_on_each_way(ways: Ways) -> None:
    for way, site in ways.to.items():
        port = int(site.rpartition(":")[2])
        for foreign in ("http://127.0.0.1:3000", f"http://127.0.0.1:{port + 1}",
                        f"https://localhost:{port}", "https://evil.example", "null"):  # fmt: skip
            assert drawn(site, "", origin=foreign) == 403, (way, foreign)
        own, other = ("https", "http") if way == "behind TLS" else ("http", "https")
        assert drawn(site, "", origin=site.replace("http:", f"{other}:")) == 403, way
        assert drawn(site, "", origin=site.replace("http:", f"{own}:")) != 403, way


def test_page_and_api_share_the_limit_of_the_address_that_a_trusted_proxy_names(ways: Ways) -> None:
    site = ways.to["directly"]  # this machine is trusted, and says for whom it asks

    def asked(address: str) -> bytes:
        sent = drawn(site, "chat", ask="How long is the warranty?", X_Forwarded_For=address)
        assert isinstance(sent, bytes)
        return sent

    with httpx.Client(base_url=site, timeout=30) as client:
        headers = {"X-Forwarded-For": "203.0.113.7"}
        question = {"message": "How long is the warranty?"}
        told = b"Too many questions from your network in a short time."
        assert told not in asked("203.0.113.7")
        assert client.post("/api/chat", json=question, headers=headers).status_code == 429
        assert told in asked("203.0.113.7")
        assert told not in asked("203.0.113.8")
        # Without a name it is this machine, which is nobody's address.
        assert [client.post("/api/chat", json=question).status_code for _ in range(4)] == [200] * 4
        assert "LIMIT_ADDRESS_TURNS" in ways.app.log()
        assert "203.0.113" not in ways.app.log()


def test_the_secret_is_in_no_log(ways: Ways) -> None:
    secret = issue(ways.app.state_dir)
    site = ways.to["as README says"]
    httpx.get(f"{site}/inspector-link#{secret}")
    httpx.post(f"{site}/inspector-link", data={"secret": secret}, headers={"Origin": site})
    assert secret not in ways.app.log()
    assert secret not in (ways.app.state_dir.parent / "access.log").read_text()
    assert not any(secret in path.name for path in ways.app.state_dir.rglob("*"))
