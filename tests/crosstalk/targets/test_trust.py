"""What a visitor of a page may have this server do: which addresses, variables, files and descriptions."""

from __future__ import annotations

import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from rag.crosstalk.targets import BadTarget, trust
from rag.crosstalk.targets.errors import TargetFailed
from rag.crosstalk.targets.onboarding import pasted
from rag.crosstalk.targets.onboarding.begin import begun
from rag.crosstalk.targets.onboarding.probe import probe
from rag.crosstalk.targets.recognise import recognised
from rag.crosstalk.targets.trust import LOCAL_VISITOR, OWNER, VISITOR, NotAllowed, Trust, addresses
from tests.web.serving import serving

ASKED = 'json: {message: "{text}"}\nanswer: reply\n'


async def echo(request: Request) -> Response:
    return JSONResponse({"reply": "You said " + (await request.json())["message"]})


async def away(request: Request) -> Response:
    del request
    return RedirectResponse("http://169.254.169.254/latest/meta-data", 307)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    posts = {"/echo": echo, "/away": away}
    with serving(Starlette(routes=[Route(path, call, methods=["POST"]) for path, call in posts.items()])) as address:
        yield address


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fd00:ec2::254"]
)
@pytest.mark.parametrize("trust", [VISITOR, LOCAL_VISITOR])
def test_link_local_and_metadata_addresses_are_asked_for_no_visitor(host: str, trust: Trust) -> None:
    with pytest.raises(NotAllowed, match="link-local or metadata"):
        addresses(host, 80, trust.reach)
    assert addresses(host, 80, OWNER.reach)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "10.0.0.1", "192.168.1.9", "::1", "0.0.0.0", "100.64.0.1"]
)
def test_its_own_network_is_asked_for_those_who_look_after_it_alone(host: str) -> None:
    with pytest.raises(NotAllowed, match="this server's own network"):
        addresses(host, 80, VISITOR.reach)
    assert addresses(host, 80, LOCAL_VISITOR.reach)


def test_public_addresses_are_asked_for_anybody() -> None:
    assert addresses("93.184.216.34", 80, VISITOR.reach) == ["93.184.216.34"]


@pytest.mark.parametrize(
    ("path", "trust", "said"),
    [("/echo", VISITOR, "own network"), ("/away", LOCAL_VISITOR, "link-local"), ("/echo", LOCAL_VISITOR, "")],
)
def test_addresses_are_judged_at_each_connection(path: str, trust: Trust, said: str, url: str) -> None:
    target = pasted.target(f"url: {url.replace('127.0.0.1', 'localhost')}{path}\n{ASKED}", trust)
    found = probe(target)
    target.close()
    assert found.answers == (not said)
    assert said in found.exchanges[0].problem


def test_so_they_are_for_a_websocket_and_a_look_at_the_protocol(url: str) -> None:
    socket = pasted.target(f'url: {url.replace("http", "ws")}/socket\ntext: "{{text}}"\n', VISITOR)
    assert "own network" in probe(socket).exchanges[0].problem
    for call in (recognised, lambda address, _, trust: begun(address, trust)):
        with pytest.raises(NotAllowed):
            call(url, 5, VISITOR)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('headers: {X: "${HOME}"}\n' + ASKED, "variables of this server are not given away"),
        ("users: ../people.csv\n" + ASKED, "users is a file, which is not read here"),
        ("a: &a [1]\nb: *a\n" + ASKED, "it has an alias"),
        ("json: " + "[" * 9000 + "]" * 9000, "more than 50 of its lists and mappings are inside one another"),
        ("#" * 20_001, "longer than 20,000 bytes"),
        ("json: [}\n", "line 1: expected the node content"),
        ("when: 2021-13-45\n" + ASKED, "it is not YAML (month must be in 1..12"),
        ("url: package.module:call\n" + ASKED, "expected http://…, https://…"),
        ("url: file:///etc/passwd\n" + ASKED, "expected http://…, https://…"),
        ('url: "http://[x"\n' + ASKED, "url cannot be read"),
        (ASKED, "url is ''"),
    ],
)  # fmt: skip
def test_what_a_visitor_may_not_describe_is_said_in_one_line(text: str, said: str) -> None:
    whole = text if "url:" in text or text == ASKED else f"url: http://example.org\n{text}"
    with pytest.raises(BadTarget) as caught:
        pasted.read(text if said.startswith("line 1") else whole, VISITOR)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_key_of_this_server_is_sent_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    draft = begun("https://models.example.org/v1", VISITOR)
    assert "sk-secret" not in draft.text()
    assert draft.description(VISITOR).headers == {}
    # Whoever runs the command has it by its name, and not in a file.
    assert "sk-secret" not in begun("https://models.example.org/v1").text()


def test_the_place_of_an_answer_is_put_into_a_text_that_was_typed() -> None:
    typed = 'url: http://example.org/a?key=1\n# mine\njson: {message: "{text}"}\n'
    filled = pasted.answering(typed, "data.reply", VISITOR)
    assert filled == typed + "answer: data.reply\n"
    assert pasted.answering(filled, "0.text", VISITOR) == typed + "answer: 0.text\n"
    assert pasted.read(filled, VISITOR).name == "http://example.org/a"
    queue = typed + "keep: {task: id}\nthen: [{url: '/{task}'}]\n"
    assert pasted.answering(queue, "reply", VISITOR) == queue


def test_certificates_are_read_once_for_all_users(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    real = ssl.SSLContext.load_verify_locations
    monkeypatch.setattr(
        ssl.SSLContext, "load_verify_locations", lambda self, *where, **more: read.append(real(self, *where, **more))
    )
    trust._certificates.cache_clear()
    for whose in (OWNER, LOCAL_VISITOR, VISITOR, OWNER):
        trust.client(whose, timeout=1.0).close()
    assert len(read) == 1


class _Dripping(socketserver.BaseRequestHandler):
    """Its head, or its body, has no end, and comes a byte at a time: nothing of it is ever late."""

    def handle(self) -> None:
        asked = self.request.recv(1 << 16)
        self.request.sendall(b"HTTP/1.1 200 OK\r\n" + (b"\r\n" if b"/body" in asked else b"X: "))
        with suppress(OSError):
            while True:
                self.request.sendall(b"y")
                time.sleep(0.01)


def test_an_answer_that_comes_byte_by_byte_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "REQUEST_SECONDS", 0.3)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Dripping) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        for path in ("head", "body"):
            with pytest.raises(TargetFailed, match=r"timed out|took too long"):
                recognised(f"http://127.0.0.1:{server.server_address[1]}/{path}", 5, LOCAL_VISITOR)
        with pytest.raises(TargetFailed, match=r"(?i)ssl"):
            recognised(f"https://127.0.0.1:{server.server_address[1]}/", 5, LOCAL_VISITOR)
        server.shutdown()
