"""Nothing is left of a session that was erased: not in Redis, on disk, or in the memory of any process."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from rag.erasure import Marks, add_document, erase, look, marks_of, sweep
from rag.services import Services, build, load_articles
from rag.sessions import SessionStore, connect
from rag.settings import Settings
from tests import PROJECT
from tests.attacks.leftovers import RUN, in_memory, mark
from tests.commands.running import Call, caller
from tests.servers import Server


def secret(kind: str) -> str:
    """What both of the sessions say."""
    return f"{kind}: order {mark('both', 'order')}, to Beech Lane {mark('both', 'order')}, Wintersby"


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    return caller(monkeypatch, capsys)


@pytest.fixture
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Services, Services]]:
    """Two processes' worth of services, on one STATE_DIR."""
    folder = tmp_path_factory.mktemp("e")
    shutil.copytree(PROJECT / "data" / "knowledge" / "returns", folder / "articles" / "returns")
    settings = Settings(state_dir=folder / "s", knowledge_dir=folder / "articles")
    with closing(build(settings)) as one, closing(build(settings)) as other:
        load_articles(one)
        yield one, other


def live(one: Services, other: Services) -> str:
    """A session with all that one can have, known to both processes."""
    sid = secrets.token_hex(32)
    store, redis, keys = one.store, one.client, one.store.protocol.keys.of(sid)  # type: ignore[arg-type]
    one.chat.answer(sid, secret("question"))
    add_document(one, sid, "notes.md", f"# Notes\n\n{secret('document')} is where I live.\n".encode())
    store.set_summary(sid, secret("summary"), 1)
    redis.rpush(keys.history, json.dumps({"session_id": "another", "text": secret("quarantine")}))
    redis.set(keys.alive, secret("misplaced"))
    redis.set(keys.queue, secret("misplaced"))
    redis.rpush(keys.trace, secret("trace"))
    for services in (one, other):
        services.chat.answer(sid, "What is my order number?")
        assert services.library.search(secret("document"), 4, sid, one.store.collection(sid))[0].private
    assert store.quarantined(sid)
    return sid


def verdicts(services: Services, marks: Marks) -> dict[str, str]:
    return {place.name: place.verdict for place in look(services, marks, rewritten=True).places}


GONE = {"Redis": "erased", "Redis on disk": "erased", "Documents": "erased", "Memory of this process": "erased"}


def test_an_erased_session_is_nowhere_and_whatever_is_left_of_one_is_found(two: tuple[Services, Services]) -> None:
    one, other = two
    sid, neighbour = live(one, other), live(one, other)
    marks = marks_of(one, sid, [mark("both", "order")])
    assert min(map(len, (marks.ids, marks.said, marks.owned))) > 1
    assert set(verdicts(one, marks).values()) == {"left"}

    # The neighbour has said the same words: what it keeps is no leftover, but a document's words are nobody's.
    own = marks_of(one, sid)
    erase(one, sid, "a test")
    assert verdicts(one, own) == {**GONE, "Documents": "unknown"}
    assert verdicts(other, own)["Memory of this process"] == "left"
    sweep(other)
    assert verdicts(other, own)["Memory of this process"] == "erased"
    assert one.store.records(neighbour)
    assert one.library.documents(neighbour, one.store.collection(neighbour))[-1].private

    erase(other, neighbour, "a test")
    sweep(one)
    assert verdicts(one, marks) == GONE
    assert look(one, marks, rewritten=True).verdict == "erased"
    del marks, own
    assert in_memory() == []


def test_the_command_deletes_for_good_and_says_what_it_cannot_tell(tmp_path: Path, call: Call) -> None:
    with Server() as server:
        env = {"STATE_DIR": str(tmp_path / "s"), "REDIS_URL": server.url, "KNOWLEDGE_DIR": str(tmp_path)}
        with closing(connect(server.url)) as client:
            SessionStore(client).append("a-session", [HumanMessage(secret("question")), AIMessage("Noted.")])
        there = call("erasure", "a-session", "--canary", mark("both", "order"), env=env)
        assert (there.returncode, "! Redis  " in there.stdout, RUN in there.stdout) == (1, True, False)
        gone = call("erasure", "a-session", "--delete", "--yes", "--json", "-", env=env)
        found = json.loads(gone.stdout)
        assert (gone.returncode, found["verdict"]) == (2, "unknown")  # somebody else's Redis has files of its own
        assert {place["name"]: place["verdict"] for place in found["places"]} == {**GONE, "Redis on disk": "unknown"}
        bad = call("erasure", "", env=env)
        assert (bad.returncode, bad.stderr.count("\n")) == (2, 1)
