"""Nothing is left of a session that was erased: not in Redis, on disk, or in the memory of any process."""

from __future__ import annotations

import io
import json
import pickle
import secrets
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import astuple, replace
from pathlib import Path
from traceback import walk_stack
from typing import Any

import orjson
import pytest
from langchain_core.messages import AIMessage, HumanMessage

from rag.erasure import Marks, add_document, erase, look, marks_of, sweep
from rag.knowledge import Owner
from rag.knowledge.parsing import worker as parsing
from rag.knowledge.parsing.limits import UPLOADED
from rag.knowledge.storage import worker as storage
from rag.knowledge.storage.chroma import Change
from rag.knowledge.storage.embedded import EmbeddedStore
from rag.services import Services, build, load_articles
from rag.sessions import SessionStore, connect
from rag.settings import Settings
from tests import PROJECT, needs
from tests.attacks.leftovers import RUN, UNLOGGED, in_memory, mark
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


def detail(services: Services, marks: Marks, name: str) -> tuple[str, str]:
    (found,) = [place for place in look(services, marks, rewritten=True).places if place.name == name]
    return found.verdict, found.detail


GONE = {"Redis": "erased", "Redis on disk": "erased", "Documents": "erased", "Memory of this process": "erased"}


def test_an_erased_session_is_nowhere_and_whatever_is_left_of_one_is_found(two: tuple[Services, Services]) -> None:
    one, other = two
    sid, neighbour = live(one, other), live(one, other)
    marks = marks_of(one, sid, [mark("both", "order")])
    assert min(map(len, (marks.ids, marks.said, marks.owned))) > 1
    assert set(verdicts(one, marks).values()) == {"left"}
    remote = replace(one, settings=one.settings.model_copy(update={"chroma_url": "http://chroma:8000"}))
    assert detail(remote, marks, "Documents") == ("left", "Chroma has a collection of this session.")

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
    assert detail(remote, marks, "Documents")[0] == "unknown"  # its files are elsewhere
    (found,) = [place for place in look(one, marks, rewritten=False).places if place.name == "Redis on disk"]
    assert (found.verdict, found.detail) == ("unknown", "The append-only file has not been written anew since.")
    named = one.settings.state_dir / "library" / f"{sid}.lock"  # it holds nothing: its name is enough
    named.touch()
    assert detail(one, marks, "Documents") == ("left", f"In {named.name}.")
    named.unlink()
    del marks, own
    assert in_memory() == []


def test_the_command_deletes_for_good_and_says_what_it_cannot_tell(tmp_path: Path, call: Call) -> None:
    with Server(*UNLOGGED) as server:
        env = {"STATE_DIR": str(tmp_path / "s"), "REDIS_URL": server.url, "KNOWLEDGE_DIR": str(tmp_path)}
        with closing(connect(server.url)) as client:
            SessionStore(client).append("a-session", [HumanMessage(secret("question")), AIMessage("Noted.")])
        there = call("erasure", "a-session", "--canary", mark("both", "order"), env=env)
        assert (there.returncode, "! Redis  " in there.stdout, RUN in there.stdout) == (1, True, False)
        kept = call("erasure", "a-session", "--delete", env=env, typed="n\n")
        assert (kept.returncode, "for good?" in kept.stderr, kept.stdout.strip()) == (1, True, "")
        gone = call("erasure", "a-session", "--delete", "--yes", "--json", "-", env=env)
        found = json.loads(gone.stdout)
        assert (gone.returncode, found["verdict"]) == (2, "unknown")  # somebody else's Redis has files of its own
        assert {place["name"]: place["verdict"] for place in found["places"]} == {**GONE, "Redis on disk": "unknown"}
        bad = call("erasure", "", env=env)
        assert (bad.returncode, bad.stderr.count("\n")) == (2, 1)


def test_what_redis_notes_of_slow_commands_is_looked_at_and_the_embedded_one_notes_none(
    tmp_path: Path, two: tuple[Services, Services]
) -> None:
    embedded = two[0].client
    assert embedded.config_get("slowlog-log-slower-than") == {"slowlog-log-slower-than": "-1"}
    assert embedded.config_get("commandlog-request-larger-than") == {"commandlog-request-larger-than": "-1"}
    for program in (None, needs.program("redis-server")):
        with Server("--slowlog-log-slower-than", "0", program=program) as server:
            settings = Settings(state_dir=tmp_path / "s", redis_url=server.url, knowledge_dir=tmp_path)
            with closing(build(settings)) as services:
                sid = f"slow {{{secrets.token_hex(8)}}}"
                services.store.append(sid, [HumanMessage(secret("question")), AIMessage("Noted.")])
                marks = marks_of(services, sid)
                services.client.config_set("slowlog-log-slower-than", -1)
                erase(services, sid, "a test")
                (found,) = [place for place in look(services, marks, rewritten=True).places if place.name == "Redis"]
                assert (found.verdict, "SLOWLOG RESET" in found.detail) == ("left", True)
                services.client.slowlog_reset()
                assert verdicts(services, marks)["Redis"] == "erased"


class Requests(io.BytesIO):
    """held: what a process that serves them has in its variables when it waits for the next one."""

    held = ""

    def read(self, size: int | None = -1, /) -> bytes:
        self._look()
        return super().read(size)

    def readline(self, size: int | None = -1, /) -> bytes:
        self._look()
        return super().readline(size)

    def readinto(self, buffer: Any, /) -> int:
        self._look()
        return super().readinto(buffer)

    def _look(self) -> None:
        if self.tell() == len(self.getbuffer()):
            frames = (frame for frame, _ in walk_stack(None) if Path(frame.f_code.co_filename).name == "worker.py")
            self.held = "".join(repr(frame.f_locals) for frame in frames) or "nothing served them"


def test_processes_that_read_and_write_documents_keep_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for worker, name in ((parsing, "alarm"), (parsing, "_limit"), (storage, "alarm")):
        monkeypatch.setattr(worker, name, lambda *_: None)  # they are this process
    text = secret("document")
    head = orjson.dumps([f"{secret('name')}.md", len(text), *astuple(UPLOADED)])
    batch = {"ids": ["a#0"], "embeddings": [[1.0, 0.0]], "documents": [text], "metadatas": [{"document": "a"}]}
    asked = ((tmp_path, "of-a-test", Change(Owner("kept"), "")), batch, None)
    sent = {parsing: head + b"\n" + text.encode(), storage: b"".join(map(pickle.dumps, asked))}
    for worker, whole in sent.items():
        requests, answers = Requests(whole), io.BytesIO()
        monkeypatch.setattr(worker, "channel", lambda found=(requests, answers): found)
        worker.main()
        assert answers.getvalue()
        assert requests.held
        assert RUN not in requests.held
    assert EmbeddedStore(tmp_path, "of-a-test").owners() == {Owner("kept")}
