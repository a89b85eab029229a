"""What one session uploads, no other session can search, list, open or count; and it can be forgotten."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import BadDocument
from rag.knowledge import Owner
from rag.knowledge.library import MAX_PRIVATE, Library
from tests.knowledge.support import library, write


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    folder = tmp_path_factory.mktemp("private")
    root = write(folder, shared="# Shared\nEverybody may read about lanterns.")
    with library(folder) as opened:
        opened.add([root])
        yield opened


SESSIONS = st.sampled_from(["alice", "Alice", "alice ", "bob", "a" * 128, "böb:{1}"])
STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "forget", "remove"]), SESSIONS, st.sampled_from(["x.txt", "y.md"])), max_size=8
)


@settings(max_examples=15, deadline=None)
@given(STEPS)
def test_sessions_see_exactly_their_own(books: Library, steps: list[tuple[str, str, str]]) -> None:
    books.forget(*books.owners())
    model: dict[str, dict[str, str]] = {}
    for number, (step, session, name) in enumerate(steps):
        if step == "add":
            text = f"secret{number} belongs to this lantern of session number {number}"
            books.add_private(session, name, text.encode())
            model.setdefault(session, {})["upload:" + name] = text
        elif step == "remove":
            assert books.remove_private(session, "upload:" + name) == ("upload:" + name in model.get(session, {}))
            model.get(session, {}).pop("upload:" + name, None)
        else:
            books.forget(Owner(session))
            model.pop(session, None)
    assert {owner.session_id for owner in books.owners()} == set(model)
    for session in {session for _, session, _ in steps} | {"stranger"}:
        own = model.get(session, {})
        found = [passage for passage in books.search("secret lantern", k=50, session_id=session) if passage.private]
        assert {passage.document_id: passage.text for passage in found} == own
        assert {info.id for info in books.documents(session) if info.private} == set(own)
        for document_id in ("upload:x.txt", "upload:y.md"):
            document = books.document(document_id, session)
            assert (document.text if document else None) == own.get(document_id)
    assert not any(passage.private for passage in books.search("secret lantern", k=50))
    assert books.document("upload:x.txt") is None


def test_private_and_shared_passages_are_ranked_together(books: Library) -> None:
    books.add_private("carol", "lamp.md", b"# Lamp\n\nThe lamp serial number is LMP-99821.")
    found = books.search("serial number LMP-99821", session_id="carol")
    assert (found[0].document_id, found[0].private) == ("upload:lamp.md", True)
    assert books.search("read about lanterns", session_id="carol")[0].document_id == "shared"


def test_documents_outlive_a_restart_and_go_when_forgotten(tmp_path: Path) -> None:
    session = "exact ID, with Case and ünicode"
    with library(tmp_path) as opened:
        opened.add_private(session, "a.txt", b"The vault opens at noon")
    with library(tmp_path) as opened:
        assert opened.owners() == [Owner(session)]
        assert opened.search("when does the vault open", session_id=session)[0].text == "The vault opens at noon"
        opened.forget(Owner(session))
        opened.forget(Owner(session))
        assert opened.search("vault", session_id=session) == []
    with library(tmp_path) as opened:
        assert opened.owners() == []


def test_there_is_a_limit_and_the_same_name_replaces(books: Library) -> None:
    for n in range(MAX_PRIVATE):
        books.add_private("dave", f"{n}.txt", b"text")
    books.add_private("dave", "0.txt", b"newer text")
    with pytest.raises(BadDocument, match="already has 20 documents"):
        books.add_private("dave", "one-more.txt", b"text")
    books.remove_private("dave", "upload:3.txt")
    books.add_private("dave", "one-more.txt", b"text")
    assert sum(info.private for info in books.documents("dave")) == MAX_PRIVATE


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("../../etc/notes.txt", "notes.txt"),
        ("C:\\Users\\me\\notes.txt", "notes.txt"),
        ("no\x00tes\n.txt", "notes.txt"),
        ("x" * 400 + ".txt", "x" * 100 + ".txt"),
        ("a#1.txt", "a#1.txt"),
    ],
)
def test_names_are_only_names(books: Library, given_name: str, kept: str) -> None:
    assert books.add_private("erin", given_name, b"text").name == kept
    assert books.search("text", session_id="erin")[0].document_id.startswith("upload:")
    books.forget(Owner("erin"))


def test_a_bad_document_leaves_no_trace(books: Library) -> None:
    for name, data in {"a.txt": b"", "b.pdf": b"nonsense", "\n": b"text", "c.exe": b"MZ"}.items():
        with pytest.raises(BadDocument):
            books.add_private("frank", name, data)
    assert Owner("frank") not in books.owners()


def test_forgetting_while_searching_is_no_error(books: Library) -> None:
    failed: list[Exception] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            try:
                found = books.search("lamp", 9, "gina")
                assert all(passage.text == "gina's lamp" for passage in found if passage.private)
                books.document("upload:a.txt", "gina")
            except Exception as exc:
                failed.append(exc)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(6):
        books.add_private("gina", "a.txt", b"gina's lamp")
        books.forget(Owner("gina"))
    done.set()
    for thread in threads:
        thread.join()
    assert failed == []
