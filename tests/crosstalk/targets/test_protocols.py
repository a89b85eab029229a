"""Every protocol that a description comes along for, and what can be described, against servers that speak it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from rag.crosstalk import Workload, simulate
from rag.crosstalk.run.results import RunResult
from rag.crosstalk.targets import BadTarget, TargetFailed, open_target, recognise, visitor
from rag.crosstalk.targets.answers import LONGEST
from rag.crosstalk.targets.describing import described
from rag.crosstalk.targets.http import HttpTarget
from rag.crosstalk.targets.people import read_people
from rag.crosstalk.targets.recognise import recognised
from rag.crosstalk.targets.shipped import SHIPPED, shipped
from rag.crosstalk.targets.trust import LOCAL_VISITOR
from tests.crosstalk.targets.protocol_servers import Protocols, application
from tests.web.serving import serving

WORKLOAD = Workload(users=12, turns=3, arrival="ramp:0.1", seed=3, in_flight=6)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(application()) as address:
        yield address


def played(target: str, spec: str | None, tmp_path: Path, workload: Workload = WORKLOAD) -> RunResult:
    file = tmp_path / "target.yaml"
    file.write_text(spec or "")
    with closing(open_target(target, file if spec else None, timeout=20)) as opened:
        return simulate(opened, workload)


@pytest.mark.parametrize(
    ("path", "protocol"),
    [
        ("/v1", "openai-chat"),
        ("/v1/chat/completions", "openai-chat"),
        ("/stream-only/v1/chat/completions", "openai-chat"),
        ("/v1/responses", "openai-responses"),
        ("/v1/chat-messages", "dify"),
        ("/rag/invoke", "langserve"),
        ("/rag/stream", "langserve-stream"),
        ("/threads/{thread}/runs/wait", "langgraph"),
        ("/gradio_api/call/chat", "gradio"),
        ("/webhook/4711/chat", "n8n"),
        ("/api/v1/prediction/4711", "flowise"),
        ("", "ollama"),
        ("/api/chat", "ollama"),
        ("/behind/api/chat", "ollama"),
        ("/mcp", "mcp"),
        ("/webui/api/chat/completions", "open-webui"),
        ("ws/socket", "websocket"),
    ],
)
def test_a_protocol_is_recognised_by_its_address_and_spoken(path: str, protocol: str, url: str, tmp_path: Path) -> None:
    address = url + path if path.startswith("/") or not path else url.replace("http", "ws") + "/socket"
    found, _ = recognised(address, 10)
    assert found is not None
    assert found.name == protocol
    result = played(address, None, tmp_path)
    assert result.problems == ()
    assert result.report.verdict == "isolated", result.report.why
    assert result.report.answered == 36


LOGIN = """
users: {login: "anna{number}", password: "secret of anna{number}"}
before:
  - {url: /login, json: {user: "{login}", password: "{password}"}, keep: {token: access_token}}
url: /me
headers: {Authorization: "Bearer {token}"}
json: {message: "{text}"}
answer: reply
"""
FORM = """
before:
  - {method: GET, url: /form, keep: {csrf: {after: 'name="csrf" value="', before: '"'}}}
url: /form
form: {csrf: "{csrf}", q: "{text}"}
"""
COOKIE = FORM.replace("""{after: 'name="csrf" value="', before: '"'}""", '"cookie:csrf"')
QUEUE = """
url: /queued
json: {id: "{uuid}", message: "{text}"}
keep: {task: task_id}
then:
  - {method: GET, url: "/tasks/{task}", until: status=done, every: 0.01, answer: result}
"""
SOCKET = """
url: /json-socket
json: {session: "{session}", text: "{text}"}
answer: text
done: type=end
"""


@pytest.mark.parametrize(
    ("spec", "scheme"),
    [(LOGIN, "http"), (FORM, "http"), (COOKIE, "http"), (QUEUE, "http"), (SOCKET, "ws")],
    ids=["a login", "a CSRF token", "a CSRF cookie", "a queue that is polled", "a websocket that streams"],
)
def test_what_can_be_described_is_spoken(spec: str, scheme: str, url: str, tmp_path: Path) -> None:
    result = played(url.replace("http", scheme), spec, tmp_path)
    assert result.problems == ()
    assert result.report.verdict == "isolated", result.report.why
    assert result.report.answered == 36


def test_users_come_from_a_file_and_too_many_of_them_are_refused(url: str, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("login,password\n" + "".join(f"u{n},secret of u{n}\n" for n in range(12)))
    spec = LOGIN.replace('{login: "anna{number}", password: "secret of anna{number}"}', "people.csv")
    assert played(url, spec, tmp_path).report.verdict == "isolated"
    with pytest.raises(BadTarget, match="it has 12 users: add rows for more"):
        played(url, spec, tmp_path, Workload(users=13, turns=2))


def test_a_rate_limit_is_met_by_slowing_down_and_said(url: str, tmp_path: Path) -> None:
    spec = 'url: /limiting\njson: {id: "{session}", message: "{text}"}\nanswer: reply\n'
    result = played(url, spec, tmp_path, Workload(users=4, turns=3, seed=1))
    assert result.report.verdict == "isolated", result.report.why
    assert result.report.answered == 12
    assert any("limits its rate" in line for line in result.notes)


def over(
    monkeypatch: pytest.MonkeyPatch, said: bytes, headers: dict[str, str], status: int = 200, **more: Any
) -> HttpTarget:
    """Of a service that always answers this."""

    def answered(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, headers=headers, stream=httpx2.ByteStream(said))

    transport = httpx2.MockTransport(answered)
    monkeypatch.setattr(visitor, "client", lambda _, __, cookies: httpx2.Client(transport=transport, cookies=cookies))
    return HttpTarget(described({"json": {"q": "{text}"}, **more}, "it", "http://chat.example.org/"))


def test_a_pause_that_is_longer_than_a_turn_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    target = over(monkeypatch, b"", {"retry-after": "60"}, 429, deadline=5)
    with closing(target), pytest.raises(TargetFailed, match="it limits its rate, and asks for a longer pause"):
        target.call("a", "Hello")


def test_what_will_not_be_ready_in_time_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    later = [{"url": "/task", "until": "status=done", "every": 10}]
    target = over(monkeypatch, b'{"status": "begun"}', {}, deadline=5, then=later)
    with closing(target), pytest.raises(TargetFailed, match="5 seconds"):
        target.call("a", "Hello")


def test_clients_beyond_those_that_stay_connected_keep_their_cookies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.crosstalk.targets.http.CLIENTS", 0)
    target = over(monkeypatch, b"Hi", {"set-cookie": "sid=abc"})
    with closing(target):
        for _ in range(2):
            assert target.call("a", "Hello") == "Hi"
            assert target._visitors["a"].client.is_closed
        assert target._visitors["a"].cookie_line() == "sid=abc"


def test_a_history_by_address_is_found(url: str, tmp_path: Path) -> None:
    result = played(url, 'url: /by-address\njson: {message: "{text}"}\nanswer: answer\n', tmp_path)
    assert result.report.verdict == "anomalies"
    assert result.report.counts["foreign-read"] > 0


def test_an_error_with_status_200_is_no_answer(url: str, tmp_path: Path) -> None:
    result = played(url, 'url: /failed\njson: {message: "{text}"}\nanswer: answer\n', tmp_path)
    assert result.report.verdict == "unknown"
    assert result.report.answered == 0
    assert "it said model overloaded" in result.problems[0]


def test_a_queue_that_is_not_described_as_one_says_so(url: str, tmp_path: Path) -> None:
    file = tmp_path / "target.yaml"
    file.write_text('url: /queued\njson: {id: "{session}", message: "{text}"}\nanswer: answer\n')
    with closing(open_target(url, file)) as target, pytest.raises(TargetFailed, match="say with `then` where"):
        target.call("a", "Hello")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            'json: {message: "{text}", id: "{seesion}"}',
            "{seesion} is not known there: expected {count}, {fact}, {messages}, {now}, {number}",
        ),
        ('url: "/threads/{thread}"\njson: {message: "{text}"}', "{thread} is not known there"),
        ('json: {message: "{text}"}\nthen: [{url: "/{task}"}]', "{task} is not known there"),
        ('json: {message: "{text}"}\nusers: nobody.csv', "its users in nobody.csv cannot be read"),
        ('json: {message: "{text}"}\nusers: {login: "{name}"}', "users.login has {name}"),
        ('json: {message: "{text}"}\nbefore: [{url: "ws://h/x"}]', "only the turn itself can be a websocket"),
    ],
)
def test_a_description_that_cannot_be_is_refused_at_once(spec: str, said: str, url: str, tmp_path: Path) -> None:
    file = tmp_path / "target.yaml"
    file.write_text(spec)
    with pytest.raises(BadTarget) as caught:
        open_target(url, file)
    assert said in str(caught.value)


def saying(monkeypatch: pytest.MonkeyPatch, documents: dict[str, Any]) -> None:
    """All services answer with these, by path, and with 404 for the rest."""

    def answered(request: httpx2.Request) -> httpx2.Response:
        found = documents.get(request.url.path)
        return httpx2.Response(404) if found is None else httpx2.Response(200, json=found)

    monkeypatch.setattr(
        recognise, "client", lambda *_: httpx2.Client(transport=httpx2.MockTransport(answered), trust_env=False)
    )


def asked(schema: dict[str, Any]) -> dict[str, Any]:
    return {"post": {"requestBody": {"content": {"application/json": {"schema": schema}}}}}


ANSWERED: dict[str, Any] = {
    "responses": {"200": {"content": {"application/json": {"schema": {"properties": {"reply": {}}}}}}}
}
OPENAPI = {
    "components": {"schemas": {"Ask": {"properties": {"question": {}, "chat_id": {}}}}},
    "paths": {
        "/health": {"get": {}},
        "/login": asked({"properties": {"login": {}}}),
        "/chats/{id}": asked({"properties": {"question": {}}}),
        "/ask": {"post": {**asked({"$ref": "#/components/schemas/Ask"})["post"], **ANSWERED}},
    },
}


def test_an_openapi_document_says_how_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    saying(monkeypatch, {"/openapi.json": OPENAPI})
    protocol, found = recognised("http://chat.example.org", 10)
    assert protocol is None
    assert found.url == "http://chat.example.org/ask"
    assert found.body == {"question": "{text}", "chat_id": "{session}"}
    assert found.answer == "reply"


@pytest.mark.parametrize(
    ("schema", "given"),
    [
        ({"type": "string"}, "{text}"),
        ({"properties": {"topic": {}, "question": {}}}, {"question": "{text}"}),
        ({"properties": {"messages": {}}}, {"messages": [{"type": "human", "content": "{text}"}]}),
    ],
    ids=["a text", "a mapping", "messages"],
)
def test_langserve_is_given_what_its_chain_takes(schema: Any, given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = {"/openapi.json": {"paths": {"/chat/invoke": {}}}, "/chat/input_schema": schema}
    saying(monkeypatch, documents)
    protocol, found = recognised("http://chat.example.org", 10)
    assert protocol is shipped("langserve")
    assert found.url == "http://chat.example.org/chat/invoke"
    assert found.body["input"] == given


def test_an_mcp_server_without_a_tool_for_a_text_is_left_as_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognise, "chat_tool", lambda *_: None)
    protocol, found = recognised("http://chat.example.org/mcp", 10)
    assert protocol is shipped("mcp")
    assert found == protocol.description("http://chat.example.org/mcp")


def test_a_document_that_is_too_long_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    saying(monkeypatch, {"/openapi.json": {**OPENAPI, "info": "x" * LONGEST}})
    with pytest.raises(BadTarget, match="neither Crosswire nor OpenAI-style"):
        recognised("http://chat.example.org", 10)


@pytest.mark.parametrize(
    ("users", "said"),
    [
        ("login,password\nada,x\nben\n", "line 3 of people.csv has not as many values"),
        ("login,password\n", "people.csv has no users"),
        ({"Log in": "u{number}"}, "users: 'Log in' is not a name"),
    ],
    ids=["a value is missing", "nobody", "no name"],
)
def test_users_that_cannot_be_read_are_refused(users: Any, said: str, tmp_path: Path) -> None:
    if isinstance(users, str):
        (tmp_path / "people.csv").write_text(users)
    with pytest.raises(BadTarget, match=said):
        read_people("people.csv" if isinstance(users, str) else users, tmp_path, "it")


def test_braces_can_be_meant(url: str, tmp_path: Path) -> None:
    spec = 'url: /queued\njson: {id: "{session}", message: "{text}", template: "{{name}}"}\nkeep: {task: task_id}\n'
    file = tmp_path / "target.yaml"
    file.write_text(spec + 'then: [{method: GET, url: "/tasks/{task}", until: status=done, answer: result}]')
    with closing(open_target(url, file)) as target:
        assert target.call("braces", "{session} and {{text}}") == "You told me: {session} and {{text}}"


@pytest.mark.parametrize("one", SHIPPED, ids=lambda one: one.name)
def test_each_description_that_comes_along_is_valid(one: object) -> None:
    assert one.description("https://chat.example.org/base/").url  # type: ignore[attr-defined]


def test_the_login_that_comes_along_is_spoken(tmp_path: Path) -> None:
    protocols = Protocols()
    routes = [Route("/login", protocols.login, methods=["POST"]), Route("/chat", protocols.me, methods=["POST"])]
    with serving(Starlette(routes=routes)) as address:
        spec = shipped("login").text().replace('password: "secret"', 'password: "secret of user{number}"')
        assert played(address, spec, tmp_path).report.verdict == "isolated"


def test_a_pages_visitor_is_given_no_variable_of_the_server(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_MODEL", "a-secret-of-the-server")
    for path in ("/v1/chat/completions", "/api/chat", "/behind/api/chat", "/webui/api/chat/completions"):
        assert "a-secret" in str(recognised(url + path, 10)[1].body)
        assert "a-secret" not in str(recognised(url + path, 10, LOCAL_VISITOR)[1].body)


@pytest.mark.parametrize(("path", "verdict"), [("/profile", "isolated"), ("/cached-profile", "anomalies")])
def test_a_fact_that_is_told_in_a_header_is_followed(path: str, verdict: str, url: str, tmp_path: Path) -> None:
    spec = f'url: {path}\nheaders: {{X-Customer: "{{fact}}"}}\njson: {{message: "{{text}}"}}\nanswer: answer\n'
    result = played(url, spec, tmp_path)
    assert result.report.verdict == verdict, result.report.why
