"""Every form that a version issued or stored is taken by the newest one; one of a later version is left as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from rag.chat.trace import read
from rag.errors import LibraryUnavailable, NewerCookie
from rag.knowledge import Library
from rag.web.api import ApiFirst
from rag.web.cookie import CookieJar, read_ticket
from rag.web.identity import SessionCookie
from tests.upgrades.forms import FORMS, KEPT, NOW, SECRET, SESSION, TOKEN, kept, store_of, with_library
from tests.web.scripted import ScriptedServices

LATER = f"{TOKEN}~3~7~9~ab"
"""A token of tomorrow."""
QUESTION = "What is the Kestrel tent pitch code?"


def jar() -> CookieJar:
    return CookieJar(SECRET, now=lambda: NOW)


def test_today_s_form_of_each_is_kept() -> None:
    for name, (version, _) in FORMS.items():
        assert (KEPT / f"{name}-v{version}.json").exists(), "python -m tests.upgrades"


def test_cookies_of_every_version_open_the_session_that_they_opened() -> None:
    for one in [one for version in kept("cookies") for one in version]:
        ticket = jar().read([(jar().plain_name, one["cookie"])], https=False)
        assert ticket is not None
        assert (ticket.token, ticket.session_id, ticket.issued) == (one["token"], one["session"], NOW)


def test_a_later_cookie_is_refused_in_one_line_and_stays_in_its_browser() -> None:
    services = ScriptedServices()
    app = Starlette(
        middleware=[
            Middleware(SessionCookie, secret=SECRET, now=lambda: NOW),
            Middleware(ApiFirst, services=lambda: services.typed),
        ]
    )
    app.add_route("/chat", lambda _: PlainTextResponse("a page"))
    later = f"{jar().plain_name}={jar().sign(LATER)}"
    with TestClient(app, headers={"Cookie": later}) as browser:
        asked = browser.post("/api/chat", json={"message": "Hello?"})
        for answer in (asked, browser.get("/api/history"), browser.post("/session/new"), browser.get("/r/ABCD")):
            assert (answer.status_code, answer.json()["title"]) == (503, "Later version")
            assert "Nothing was lost" in answer.json()["detail"]
            assert answer.headers["retry-after"] == "10"
            assert "set-cookie" not in answer.headers
        page = browser.get("/chat", headers={"Accept": "text/html"})
        assert (page.status_code, "set-cookie" in page.headers) == (200, False)
        assert browser.get("/readyz").status_code == 200
    assert services.store.sessions == {}


async def test_a_page_is_given_a_later_cookie_so_that_it_can_say_so() -> None:
    seen: list[str] = []

    async def page_socket(scope: Any, _: Any, __: Any) -> None:
        seen.append(dict(scope["headers"])[b"cookie"].decode())

    headers = [(b"host", b"a.example"), (b"origin", b"http://a.example")]
    headers.append((b"cookie", f"{jar().plain_name}={jar().sign(LATER)}".encode()))
    scope = {"type": "websocket", "scheme": "ws", "path": "/_stcore/stream", "headers": headers}
    asked: Any = None
    await SessionCookie(page_socket, secret=SECRET, now=lambda: NOW)(scope, asked, asked)
    name, _, value = seen[0].partition("=")
    with pytest.raises(NewerCookie):
        read_ticket({name: value}, SECRET)


def test_what_somebody_makes_up_is_no_later_cookie() -> None:
    signed = jar().sign(LATER)
    foreign = CookieJar("a stranger's secret of 32 characters", now=lambda: NOW).sign(LATER)
    for made_up in (signed[:-1], signed.replace("~ab", "~ac"), foreign, f"{LATER}.a0nSAA.{'A' * 64}", "~" * 400):
        assert jar().verify(made_up) is None
    with pytest.raises(NewerCookie):
        jar().verify(signed)


def test_traces_of_every_version_are_read_and_a_later_one_is_not_taken_for_one() -> None:
    for texts in kept("traces"):
        first, second = map(read, texts)
        assert first is not None
        assert second is not None
        assert [(one.session, one.turn, one.model) for one in (first, second)] == [
            (SESSION, 1, "scripted-1"),
            (SESSION, 2, "scripted-1"),
        ]
        assert [one.number for one in second.found] == [1, 2, 3]
        assert second.history[0].__class__.__name__ == "OwnMessages"
        assert read(texts[0].replace('"v":1', '"v":2')) is None


def test_documents_of_every_version_are_found_and_those_of_a_later_one_left_alone(tmp_path: Path) -> None:
    def asked(library: Library) -> str:
        return library.search(QUESTION, 1, SESSION)[0].text

    for number, dump in enumerate(kept("library")):
        folder = tmp_path / str(number)
        folder.mkdir()
        with_library(folder, lambda _: None)
        store, name = store_of(folder), dump["name"]
        with store.opened() as chroma:
            made = chroma.create_collection(name, metadata=dump["metadata"], embedding_function=None)
            parts = {part: dump[part] for part in ("ids", "documents", "metadatas", "embeddings")}
            made.add(**parts)
        assert "ZEBRA-77" in with_library(folder, asked)

        with store.opened() as chroma:
            chroma.get_collection(name, embedding_function=None).modify(metadata={**dump["metadata"], "v": 2})
        for act in (asked, lambda library: library.add_private(SESSION, "more.md", b"# More\n\nOf it.")):
            with pytest.raises(LibraryUnavailable, match=r"by a later version\)\. Nothing was lost") as refused:
                with_library(folder, act)
            assert "\n" not in str(refused.value)
        with store.opened() as chroma:
            assert chroma.get_collection(name, embedding_function=None).count() == len(dump["ids"])
