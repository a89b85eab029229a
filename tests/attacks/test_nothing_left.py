"""However a session ends, nothing is left of it: not in Redis, in Chroma's files, on disk or in memory.

Over HTTP, on the pages and by the command; on the embedded server and on a Redis; with a mark in everything that a
session can have. That a leftover would be found is tried with one of each kind.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from starlette.applications import Starlette
from starlette.middleware import Middleware

from rag.erasure import Marks, add_document, compact, look, marks_of, sweep
from rag.errors import TurnLost
from rag.services import Services
from rag.sessions.ids import SessionId
from rag.ui.inspector import sign_in
from rag.web.api import ApiFirst
from rag.web.identity import SessionCookie, session_secret
from tests import needs
from tests.attacks.leftovers import UNLOGGED, in_files, in_memory, in_redis, mark
from tests.chat.faulty_server import Handler, faulty_server
from tests.commands.running import Call, caller, environment
from tests.pages.inspecting import inspect
from tests.pages.opening import calm, opened, press, say, session_of, visit
from tests.servers import Server, wait_for
from tests.web.serving import serving

KINDS = ("question", "answer", "summary", "trace", "foreign", "broken", "misplaced", "document", "filename", "id")


def repeating(handler: Handler) -> None:
    """A model that gives each session an answer and a summary with its marks; its questions say its name."""
    asked = json.dumps(handler.asked["messages"])
    handler.asked = {}
    handler.server.seen.clear()
    name = asked.partition("I am ")[2].partition(".")[0]
    kind = "summary" if "Update the summary" in asked else "answer"
    handler.begin()
    handler.word(f"Noted, {mark(name, kind)} it is.")
    handler.word(None, "stop")
    handler.send("data: [DONE]\n\n")
    handler.end()


@dataclass
class Site:
    services: Services
    url: str
    state: Path
    call: Call
    browsers: dict[str, Any] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    def texts(self, name: str) -> dict[str, str]:
        return {self.ids[name] if kind == "id" else mark(name, kind): kind for kind in KINDS}

    def kinds(self, name: str) -> set[str]:
        """What of this one is left anywhere, beside its id in the audit."""
        texts, client, audit = self.texts(name), self.services.client, self.services.store.protocol.keys.audit
        found = in_redis(client, texts, audit) | in_files(self.state / "library", texts)
        del texts[self.ids[name]]
        found |= in_redis(client, texts) | in_files(self.state / "redis", texts)
        return {kind for text, kind in self.texts(name).items() if text in found}

    def marks(self, name: str) -> Marks:
        return marks_of(self.services, self.ids[name], [text for text in self.texts(name) if text != self.ids[name]])

    def verdicts(self, marks: Marks, *, rewritten: bool) -> dict[str, str]:
        return {place.name: place.verdict for place in look(self.services, marks, rewritten=rewritten).places}


def over_http(site: Site, name: str) -> str:
    browser = site.browsers[name] = httpx.Client(base_url=site.url, timeout=60)
    for _ in range(2):
        told = {"message": f"I am {name}. My order is {mark(name, 'question')}."}
        browser.post("/api/chat", json=told).raise_for_status()
    return str(browser.get("/api/history").json()["session"])


def on_a_page(site: Site, name: str) -> str:
    page = site.browsers[name] = visit()
    for _ in range(2):
        say(page, f"I am {name}. My order is {mark(name, 'question')}.")
    return session_of(page)


def live(site: Site, name: str, talk: Callable[[Site, str], str]) -> None:
    """A session with all that one can have."""
    sid = site.ids[name] = talk(site, name)
    services = site.services
    redis, keys = services.client, services.store.protocol.keys.of(SessionId(sid))
    text = f"# {name}\n\n{mark(name, 'document')} {f'{name} lives there. ' * 9}\n"  # no words as another's
    add_document(services, sid, f"{mark(name, 'filename')}.md", text.encode())
    redis.rpush(keys.history, json.dumps({"session_id": "another", "text": mark(name, "foreign")}))
    redis.rpush(keys.history, f"no JSON {mark(name, 'broken')}")
    redis.set(keys.quarantine, mark(name, "misplaced"))  # of the wrong type: the next turn moves it away
    services.chat.answer(sid, f"I am {name}. Where do I live?")
    redis.rpush(keys.trace, mark(name, "trace"))
    assert {one.reason for one in services.store.quarantined(sid)} == {"foreign", "corrupt"}
    assert site.kinds(name) == set(KINDS), name


def clear(site: Site, name: str) -> None:
    found = site.browsers[name].delete("/api/history").json()
    assert found == {"cleared": True, "documents_deleted": True}


def end_all(site: Site, name: str) -> None:
    assert site.browsers[name].post("/session/forget", follow_redirects=False).status_code == 303


def new_session(site: Site, name: str) -> None:
    press(site.browsers[name], "New session")


def for_good(site: Site, name: str) -> None:
    page = inspect(site.ids[name], changes=True)
    for key in ("inspector_act_delete", "inspector_erase"):
        (button,) = [button for button in page.button if button.key == key]
        calm(button.click().run())


def by_command(site: Site, name: str) -> None:
    env = environment(site.state, **os.environ)
    done = site.call("sessions", "delete", site.ids[name], "--yes", env=env)
    assert done.returncode == 0, done


def expire(site: Site, name: str) -> None:
    store, sid = site.services.store, site.ids[name]
    store.extend(sid, 1)
    wait_for(lambda: not store.live([sid]), "the end of the session")


WAYS: dict[str, tuple[Callable[[Site, str], str], Callable[[Site, str], None]]] = {
    "Clear": (over_http, clear),
    "Forget": (over_http, end_all),
    "Fresh": (on_a_page, new_session),
    "Erase": (over_http, for_good),
    "Command": (over_http, by_command),
    "Expiry": (over_http, expire),
}


@pytest.fixture(params=["embedded", "redis-server"])
def site(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Site]:
    monkeypatch.setattr(sign_in, "linked", lambda _: True)
    with ExitStack() as held:
        model = held.enter_context(faulty_server())
        model.always = repeating
        variables = {"OPENAI_BASE_URL": model.url, "PROMPT_MEMORY": "summary:1"}
        if request.param != "embedded":
            server = held.enter_context(Server(*UNLOGGED, program=needs.program(request.param)))
            variables["REDIS_URL"] = server.url
        services = held.enter_context(opened(**variables))
        app = Starlette(
            middleware=[
                Middleware(SessionCookie, secret=session_secret(services.settings)),
                Middleware(ApiFirst, services=lambda: services),
            ]
        )
        url = held.enter_context(serving(app, log_config=None))
        yield Site(services, url, services.settings.state_dir, caller(monkeypatch, capsys))


def test_nothing_is_left_however_a_session_ends(site: Site) -> None:
    services, embedded = site.services, site.services.settings.redis_url == "embedded"
    for name, (talk, _) in WAYS.items():
        live(site, name, talk)
    gone = {"Redis": "erased", "Redis on disk": "erased" if embedded else "unknown"}
    gone |= {"Documents": "erased", "Memory of this process": "erased"}
    for name, (_, way) in WAYS.items():
        marks = site.marks(name)
        assert set(site.verdicts(marks, rewritten=compact(services, 30)).values()) <= {"left", "unknown"}
        with services.store.turn(site.ids[name]) if way is not expire else nullcontext() as answering:
            way(site, name)
            if answering is not None:  # a question that was under way is not stored
                with pytest.raises(TurnLost):
                    answering.commit([HumanMessage(mark(name, "question")), AIMessage("Noted.")])
        sweep(services)
        assert site.verdicts(marks, rewritten=compact(services, 30)) == gone, name
        assert site.kinds(name) == set(), name
        if name == "Clear":
            assert site.kinds("Forget") == set(KINDS)  # of others, nothing goes
    del marks, answering
    for browser in site.browsers.values():
        if isinstance(browser, httpx.Client):
            browser.close()
    site.browsers.clear()
    assert in_memory() == []
    one_of_each_is_found(site, "Clear")


def one_of_each_is_found(site: Site, name: str) -> None:
    """By the test's own search and by the product's, and nothing else with it."""
    services, sid, state = site.services, site.ids[name], site.state
    redis, audit = services.client, services.store.audit
    marks = Marks(SessionId(sid), canaries=tuple(text.encode() for text in site.texts(name) if text != sid))
    plants: dict[str, Callable[[str], object]] = {
        "question": lambda text: redis.rpush("chat_history:{another}", json.dumps({"text": text})),
        "answer": lambda text: redis.set("answers", "y" * (1 << 20) + text),
        "summary": lambda text: redis.hset("session:{another}", mapping={"summary": text}),
        "trace": lambda text: redis.rpush("trace:{another}", text),
        "foreign": lambda text: redis.rpush("quarantine:{another}", f"foreign\n1\n{text}"),
        "broken": lambda text: audit.add("quarantine", "another", "session", reason=text),
        "misplaced": lambda text: redis.set("turn:{another}", text),
        "document": lambda text: (state / "library" / "left").write_bytes(b"x" * 5000 + text.encode()),
        "filename": lambda text: (state / "library" / text).touch(),
        "id": lambda text: redis.zadd("sessions:live", {text: 1.0}),
    }
    before = {key: redis.dump(key) for key in redis.scan_iter()}
    for text, kind in site.texts(name).items():
        plants[kind](text)
        assert site.kinds(name) == {kind}
        left = {place for place, verdict in site.verdicts(marks, rewritten=True).items() if verdict == "left"}
        # The embedded server's file holds at once what it is told.
        assert left - {"Redis on disk"} == {"Documents" if kind in ("document", "filename") else "Redis"}, kind
        for key in redis.scan_iter():
            if redis.dump(key) != before.get(key):
                redis.delete(key)
                if key in before:
                    redis.restore(key, 0, before[key])
        for path in (state / "library" / "left", state / "library" / text):
            path.unlink(missing_ok=True)
        compact(services, 30)
        assert site.kinds(name) == set()
    assert in_memory() != []  # `marks`
    if services.settings.redis_url == "embedded":
        redis.config_set("rdbcompression", "yes")  # the server's default, which cuts texts into pieces
        redis.rpush("chat_history:{another}", b"that is that, " * 20 + b"0123456789abcdefghij" + marks.canaries[0])
        assert compact(services, 30)
        assert site.verdicts(marks, rewritten=True)["Redis on disk"] == "left"
