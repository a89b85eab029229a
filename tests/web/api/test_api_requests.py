"""Requests that the API does not serve: each is told why, and none changes anything."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.web.calls import ask, check_problem
from tests.web.scripted import ScriptedServices

BODIES = [
    (b"", 400),
    (b"{", 400),
    (b"\xff\xfe", 400),
    (b"[" * 60_000, 400),
    (b"[]", 422),
    (b"null", 422),
    (b"{}", 422),
    (b'{"message": null}', 422),
    (b'{"message": 1}', 422),
    (b'{"message": ["a"]}', 422),
    (b'{"message": ""}', 422),
    (b'{"message": " \\n\\t\\u00a0"}', 422),
    (b'{"message": "a\\u0000b"}', 422),
    (b'{"message": "\\ud800"}', 422),
    (b'{"message": "a", "session": "b"}', 422),
    (json.dumps({"message": "a" * 4001}).encode(), 422),
    (json.dumps({"message": "a" * 70_000}).encode(), 413),
]


@pytest.mark.parametrize(("body", "status"), BODIES, ids=lambda value: str(value)[:24])
def test_a_bad_body_is_answered_in_kind(
    client: httpx.Client, services: ScriptedServices, body: bytes, status: int
) -> None:
    check_problem(client.post("/api/chat", content=body, headers={"Content-Type": "application/json"}), status)
    assert services.store.sessions == {}


def test_the_longest_message_and_any_script_are_fine(client: httpx.Client) -> None:
    for message in ("a" * 4000, "🧥" * 4000, "Zeile eins\r\nZeile\tzwei"):
        assert ask(client, message).status_code == 200


def test_a_body_without_a_length_is_limited_too(client: httpx.Client) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 1024

    check_problem(client.post("/api/chat", content=endless(), headers={"Content-Type": "application/json"}), 413)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""])
def test_other_content_types_are_refused(client: httpx.Client, kind: str) -> None:
    check_problem(client.post("/api/chat", content=b'{"message": "a"}', headers={"Content-Type": kind}), 415)
    assert client.post(
        "/api/chat", content=b'{"message": "a"}', headers={"Content-Type": "Application/JSON; charset=utf-8"}
    ).is_success


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/chat", {"POST"}),
        ("HEAD", "/api/chat", {"POST"}),
        ("OPTIONS", "/api/chat", {"POST"}),
        ("TRACE", "/api/chat", {"POST"}),
        ("PUT", "/api/history", {"GET", "HEAD", "DELETE"}),
        ("OPTIONS", "/api/history", {"GET", "HEAD", "DELETE"}),
        ("POST", "/healthz", {"GET", "HEAD"}),
        ("DELETE", "/api/openapi.json", {"GET", "HEAD"}),
        ("GET", "/session/new", {"POST"}),
    ],
)
def test_other_methods_are_refused_with_those_allowed(
    client: httpx.Client, method: str, path: str, allowed: set[str]
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allowed
    if method != "HEAD":
        check_problem(answer, 405)


def test_head_is_get_without_a_body(client: httpx.Client) -> None:
    for path in ("/api/history", "/healthz", "/api/openapi.json"):
        answer = client.head(path)
        assert answer.status_code == 200
        assert answer.content == b""


@pytest.mark.parametrize("path", ["/api/nothing", "/api/", "/api/chat/", "/api/history/x", "/api//chat"])
def test_unknown_paths_are_not_pages(client: httpx.Client, path: str) -> None:
    check_problem(client.get(path), 404)


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:1"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_foreign_page_changes_nothing(
    client: httpx.Client, services: ScriptedServices, headers: dict[str, str]
) -> None:
    session = ask(client).json()["session"]
    check_problem(ask(client, headers=headers), 403)
    check_problem(client.delete("/api/history", headers=headers), 403)
    assert len(services.store.sessions[session]) == 2
    for answer in (
        httpx.post(f"{client.base_url}/api/chat", json={"message": "a"}, headers=headers),
        httpx.get(f"{client.base_url}/api/history", headers=headers),
    ):
        assert "set-cookie" not in answer.headers
    assert list(services.store.sessions) == [session]


def test_no_answer_allows_other_origins(client: httpx.Client) -> None:
    for headers in FOREIGN:
        for answer in (client.get("/api/history", headers=headers), client.options("/api/chat", headers=headers)):
            assert not [name for name in answer.headers if name.startswith("access-control")]
