"""Whoever ends a session ends its documents, too, also where the library is away meanwhile and the session goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from rag.erasure import LATER, Cleared, add_document, clear, erase, look, marks_of, sweep
from rag.errors import LibraryUnavailable
from rag.knowledge import Library
from rag.services import Services
from tests.commands.running import caller, environment
from tests.pages.opening import opened, press, say, session_of, visit


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    with opened() as services:
        yield services


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Until it is undone."""
    return leave(monkeypatch)


def leave(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    def gone(*_: object, **__: object) -> None:
        raise LibraryUnavailable("a folder", "locked", "Start it.")

    for name in ("forget", "owners", "documents"):
        monkeypatch.setattr(Library, name, gone)
    return monkeypatch


def spoken(services: Services, sid: str, document: str = "before.md") -> None:
    services.store.append(sid, [HumanMessage("Hello there"), AIMessage("Hello.")])
    add_document(services, sid, document, b"# Mine\n\nA document of my own, of some length.\n")


def owned(services: Services, sid: str) -> list[str]:
    found = services.library.documents(sid, services.store.collection(sid))
    return [info.name for info in found if info.private]


def owners(services: Services) -> list[str]:
    return [owner.session_id for owner in services.library.owners()]


def test_documents_go_when_the_library_is_back(services: Services, away: pytest.MonkeyPatch) -> None:
    store, due = services.store, services.store.documents_due
    away.undo()
    for sid in ("goes-on", "uploads", "erased", "kept"):
        spoken(services, sid)
    leave(away)
    assert clear(services, "goes-on", "uploads") == Cleared(messages=True, documents=False)
    marks = marks_of(services, "erased")
    assert not erase(services, "erased", "a test").documents
    # Of the embedded library the files can be looked at in any case.
    assert {place.name: place.verdict for place in look(services, marks, rewritten=True).places}["Documents"] == "left"
    assert set(due.all()) == {"goes-on", "uploads", "erased"}
    store.append("goes-on", [HumanMessage("Hello again"), AIMessage("Hello.")])
    with pytest.raises(LibraryUnavailable):
        sweep(services)
    with pytest.raises(LibraryUnavailable):
        add_document(services, "uploads", "after.md", b"Never mixed with what is due.")
    assert set(due.all()) == {"goes-on", "uploads", "erased"}
    away.undo()
    add_document(services, "uploads", "after.md", b"# New\n\nThis one came after it was cleared.\n")
    assert owned(services, "uploads") == ["after.md"]
    assert sweep(services) == 3  # of “uploads”, what it had before
    assert (due.all(), owners(services)) == ([], ["kept", "uploads"])
    assert sweep(services) == 0
    assert (owned(services, "uploads"), owned(services, "kept")) == (["after.md"], ["before.md"])
    assert store.messages("goes-on")[0].text == "Hello again"


def test_the_page_says_that_documents_go_later(services: Services, away: pytest.MonkeyPatch) -> None:
    page = say(visit(), "How long do I have to return an item?")
    before = session_of(page)
    press(page, "New session")  # without cookies, it discards the one before
    assert [toast.value for toast in page.toast] == [f"Messages are deleted. {LATER}"]
    assert services.store.messages(before) == []
    assert services.store.documents_due.all() == [before] != [session_of(page)]
    away.undo()
    sweep(services)
    assert services.store.documents_due.all() == []


def test_the_command_deletes_documents_or_leaves_them_to_the_sweep(
    services: Services, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    call, settings = caller(monkeypatch, capsys), services.settings
    env = environment(settings.state_dir, KNOWLEDGE_DIR=str(settings.knowledge_dir))
    spoken(services, "ada")
    done = call("sessions", "delete", "ada", "--yes", "--json", "-", env=env)
    assert (done.returncode, json.loads(done.stdout)["documents_deleted"]) == (0, True), done
    assert "ada" not in owners(services)

    spoken(services, "ben")
    later = call("sessions", "delete", "ben", "--yes", env=env | {"CHROMA_URL": "http://127.0.0.1:9"})
    assert (later.returncode, later.stdout, later.stderr) == (2, "delete: 1 session.\n", f"{LATER}\n"), later
    assert (services.store.info("ben"), services.store.documents_due.all()) == (None, ["ben"])
    sweep(services)
    assert "ben" not in owners(services)
