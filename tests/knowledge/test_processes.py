"""Any number of processes use one STATE_DIR: each sees what the others store, and outlives them."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from rag.errors import LibraryUnavailable
from rag.knowledge import Owner
from rag.knowledge.library import Library
from rag.knowledge.storage import embedded
from rag.knowledge.storage.chroma import LibraryBusy
from tests.knowledge.peer import Peer
from tests.knowledge.support import library, write


def test_processes_share_and_survive_a_kill(tmp_path: Path, peer: Callable[[], Peer]) -> None:
    write(tmp_path, **{f"d{n}": f"# D{n}\nDocument number {n}." for n in range(40)})
    other, third = peers = [peer(), peer()]
    for one in peers:
        one.tell("add", prune=True)
    reports = [one.answer() for one in peers]
    assert sum(len(report[0]) for report in reports) == 40
    assert sum(len(report[2]) for report in reports) == 40
    assert all(one.ask("search", text="document number 31", k=1) == ["Document number 31."] for one in peers)

    with library(tmp_path) as here:
        assert other.ask("add_private", session_id="s", name="p.txt", text="My lamp is blue") == "upload:p.txt"
        assert here.search("my lamp", session_id="s")[0].text == "My lamp is blue"
        assert third.ask("search", text="my lamp", session_id="s", k=1) == ["My lamp is blue"]
        assert here.documents("t") == here.documents()
        write(tmp_path, d31="# D31\nDocument number thirty-one.")
        here.add([tmp_path / "knowledge"])
        assert other.ask("search", text="document number thirty-one", k=1) == ["Document number thirty-one."]
        here.forget(Owner("s"))
        assert "My lamp is blue" not in other.ask("search", text="my lamp", session_id="s")
        here.add_private("s", "p.txt", b"My lamp is black")
        other.kill()
        assert here.search("my lamp", session_id="s")[0].text == "My lamp is black"
        assert third.ask("search", text="my lamp", session_id="s", k=1) == ["My lamp is black"]
        assert len(here.add([tmp_path / "knowledge"]).unchanged) == 40


def test_a_kill_in_the_middle_of_an_ingest_blocks_nothing(tmp_path: Path, peer: Callable[[], Peer]) -> None:
    write(tmp_path, **{f"d{n}": f"# D{n}\nDocument number {n}." for n in range(50)})
    other = peer()
    with library(tmp_path) as here:
        other.tell("add")
        while len(here.documents()) < 5:
            pass
        other.kill()
        report = here.add([tmp_path / "knowledge"], prune=True)
        assert len(report.added) + len(report.changed) + len(report.unchanged) == 50
        assert report.unchanged
        assert len(here.documents()) == 50
        assert here.search("document number 37")[0].document_id == "d37"


def test_a_stopped_writer_stops_no_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.knowledge.library.PATIENCE_SECONDS", 0.0)
    root = write(tmp_path, a="# A\nApples are red.")
    with library(tmp_path) as here, library(tmp_path) as other:
        here.add([root])
        write(tmp_path, a="# A\nApples are green.")
        other.add([root])
        with FileLock(tmp_path / "state" / "library" / "chroma.lock"):
            # Held as by a process that is stopped while it writes: what was read before is searched.
            assert here.search("apples")[0].text == "Apples are red."
            here.health()
            with pytest.raises(LibraryBusy, match="another process holds it"), here._store.opened(seconds=0.0):
                pass
        monkeypatch.setattr("rag.knowledge.library.PATIENCE_SECONDS", 15.0)
        here._read_again_at = 0.0
        assert here.search("apples")[0].text == "Apples are green."


def test_many_threads_of_two_libraries(tmp_path: Path) -> None:
    wrong: list[object] = []
    with library(tmp_path) as one, library(tmp_path) as two:
        one.add([write(tmp_path, a="# A\nApples.")])

        def work(number: int) -> None:
            session, ours, theirs = f"s{number}", *((one, two) if number % 2 else (two, one))
            for turn in range(3):
                ours.add_private(session, "p.txt", f"lamp {number} {turn}".encode())
                found = [passage.text for passage in theirs.search("lamp", 9, session) if passage.private]
                if found != [f"lamp {number} {turn}"]:
                    wrong.append(found)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert one.owners() == two.owners() == sorted(Owner(f"s{number}") for number in range(6))


def test_two_processes_in_one_session_keep_each_others_documents(tmp_path: Path) -> None:
    with library(tmp_path) as one, library(tmp_path) as two:
        one.add_private("s", "a.txt", b"lamp one")
        two.add_private("s", "b.txt", b"lamp two")
        one.add_private("s", "c.txt", b"lamp three")
        two.remove_private("s", "upload:a.txt")
        for books in (one, two):
            assert [info.id for info in books.documents("s")] == ["upload:b.txt", "upload:c.txt"]


def test_two_threads_in_one_session_lose_nothing(tmp_path: Path) -> None:
    with library(tmp_path) as one, library(tmp_path) as two:

        def work(books: Library, letter: str) -> None:
            for number in range(4):
                books.add_private("s", f"{letter}{number}.txt", b"lamp")

        threads = [threading.Thread(target=work, args=pair) for pair in ((one, "a"), (two, "b"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        names = [f"upload:{letter}{number}.txt" for letter in "ab" for number in range(4)]
        assert [info.id for info in one.documents("s")] == [info.id for info in two.documents("s")] == names


def test_chroma_is_written_to_by_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Its bindings hold the interpreter for as long as they write, which for a long document is seconds.
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("written in this process")

    for method in ("upsert", "delete"):
        monkeypatch.setattr(f"chromadb.api.models.Collection.Collection.{method}", refuse)
    monkeypatch.setattr("chromadb.api.client.Client.delete_collection", refuse)
    with library(tmp_path) as books:
        books.add([write(tmp_path, a="# A\nApples.")])
        books.add_private("s", "a.txt", b"lamp")
        books.add_private("s", "a.txt", b"A lamp of another kind")
        books.add_private("s", "b.txt", b"lamp")
        assert books.remove_private("s", "upload:b.txt")
        assert not books.remove_private("s", "upload:b.txt")
        books.forget(Owner("s"))
        assert books.owners() == []


def _writer() -> subprocess.Popen[bytes]:
    (worker,) = embedded._WRITERS.free.queue
    assert worker is not None
    return worker.process


def test_a_writer_that_is_killed_is_replaced(tmp_path: Path) -> None:
    with library(tmp_path) as books:
        books.add_private("s", "a.txt", b"lamp one")
        writer = _writer()
        os.kill(writer.pid, signal.SIGSTOP)
        threading.Timer(0.2, writer.kill).start()
        with pytest.raises(LibraryUnavailable, match="broke off"):
            books.add_private("s", "b.txt", b"lamp two")
        books.add_private("s", "c.txt", b"lamp three")
        assert [info.id for info in books.documents("s")] == ["upload:a.txt", "upload:c.txt"]
        writer = _writer()
        writer.kill()
        writer.wait()
        books.add_private("s", "b.txt", b"lamp two")


def test_only_this_user_can_read_the_files(tmp_path: Path) -> None:
    with library(tmp_path) as books:
        books.add_private("s", "p.txt", b"private")
    folder = tmp_path / "state" / "library"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_forked_child_has_the_library(tmp_path: Path) -> None:
    with library(tmp_path) as books:
        books.add([write(tmp_path, a="# A\nApples.")])
        writing = threading.Thread(target=lambda: [books.add_private("s", "p.txt", b"lamp") for _ in range(20)])
        writing.start()
        child = os.fork()
        if child == 0:
            try:
                signal.alarm(20)
                books.add_private("t", "p.txt", b"of the child")
                good = books.search("apples")[0].text == "Apples."
                os._exit(0 if good and books.search("child", session_id="t")[0].private else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        writing.join()
        assert books.search("child", session_id="t")[0].text == "of the child"
        assert books.search("lamp", session_id="s")[0].text == "lamp"


def test_a_damaged_chroma_stops_no_search_and_is_no_health(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.knowledge.library.PROBE_SECONDS", 0.0)
    chroma = tmp_path / "state" / "library" / "chroma"
    with library(tmp_path) as books:
        books.health()
        books.add([write(tmp_path, a="# A\nApples.")])
        books.add_private("t", "p.txt", b"lamp")
        books.health()
        whole = (chroma / "chroma.sqlite3").read_bytes()
        (chroma / "chroma.sqlite3").write_bytes(b"overwritten" * 1000)
        assert books.search("apples")[0].text == "Apples."
        assert books.remembered() == [Owner("t")]
        for question in (
            books.health,
            lambda: books.add_private("s", "p.txt", b"lamp"),
            lambda: books.forget(Owner("t")),
        ):
            with pytest.raises(LibraryUnavailable, match="delete that folder") as caught:
                question()
            assert "\n" not in str(caught.value)
        assert Owner("t") not in books.remembered()  # at least not in memory
        (chroma / "chroma.sqlite3").write_bytes(whole)
        books.health()
        for path in sorted(chroma.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        assert books.search("apples")[0].text == "Apples."
        with pytest.raises(LibraryUnavailable, match="read anew"):
            books.health()
    with library(tmp_path) as books:
        assert books.add([tmp_path / "knowledge"]).added == ("a",)


def test_a_full_disk_is_no_damage(tmp_path: Path) -> None:
    with library(tmp_path) as books:
        for error in (
            OSError(errno.ENOSPC, "No space left on device"),
            RuntimeError("(code: 13) database or disk is full"),
        ):
            with pytest.raises(LibraryUnavailable, match="free some space"), books._store.errors():
                raise error


def test_a_probe_is_answered_from_the_last_one_for_a_while(tmp_path: Path) -> None:
    with library(tmp_path) as books:
        books.health()
        (tmp_path / "state" / "library" / "chroma" / "chroma.sqlite3").write_bytes(b"overwritten" * 1000)
        books.health()


def test_a_corrupt_library_frees_its_lock(tmp_path: Path) -> None:
    database = tmp_path / "state" / "library" / "chroma" / "chroma.sqlite3"
    database.parent.mkdir(parents=True)
    database.write_bytes(b"this is no database" * 100)
    for _ in range(2):
        with pytest.raises(LibraryUnavailable, match="delete that folder"), library(tmp_path):
            pass
    database.unlink()
    with library(tmp_path) as books:
        books.health()


def test_what_is_forgotten_leaves_the_disk(tmp_path: Path) -> None:
    with library(tmp_path) as books:
        books.add([write(tmp_path, a="# A\nApples.")])
        books.add_private("s", "p.txt", b"The password is XYZZY-ONE " * 50)
        books.add_private("t", "kept.txt", b"The password is XYZZY-TWO")
        books.add_private("u", "p.txt", b"The password is XYZZY-THREE " * 50)
        books.add_private("t", "removed.txt", b"The password is XYZZY-FOUR")
        books.add_private("t", "replaced.txt", b"The password is XYZZY-FIVE")
        books.forget(Owner("s"))
        assert not on_disk(tmp_path, b"XYZZY-ONE")
        books.remove_private("t", "upload:removed.txt")
        assert not on_disk(tmp_path, b"XYZZY-FOUR")
        books.add_private("t", "replaced.txt", b"It was replaced")
        assert not on_disk(tmp_path, b"XYZZY-FIVE")
        write(tmp_path, a="# A\nPears.")
        books.add([tmp_path / "knowledge"])
        assert not on_disk(tmp_path, b"Apples")
        assert books.remove_private("u", "upload:p.txt")
        assert not on_disk(tmp_path, b"XYZZY-THREE")
        assert on_disk(tmp_path, b"XYZZY-TWO")
    with library(tmp_path) as books:
        assert books.search("password", session_id="t")[0].text == "The password is XYZZY-TWO"
        assert [info.id for info in books.documents("t")] == ["a", "upload:kept.txt", "upload:replaced.txt"]
        assert books.search("pears")[0].text == "Pears."


def test_what_could_not_be_erased_is_erased_with_the_next_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("disk full")

    with library(tmp_path) as books:
        books.add_private("s", "p.txt", b"The password is XYZZY-ONE " * 50)
        with monkeypatch.context() as broken:
            broken.setattr("sqlite3.connect", full)
            books._store.carry_out(frozenset({Owner("s")}), ())
        assert on_disk(tmp_path, b"XYZZY-ONE")
        assert books.search("password", session_id="s") == []
    with library(tmp_path):
        assert not on_disk(tmp_path, b"XYZZY-ONE")


def on_disk(folder: Path, text: bytes) -> bool:
    """Whether any file of the library holds these bytes, in any case of letters."""
    files = (path for path in (folder / "state").rglob("*") if path.is_file())
    return any(text.lower() in path.read_bytes().lower() for path in files)


def test_a_collection_without_a_revision_is_found_again(tmp_path: Path) -> None:
    with library(tmp_path) as books:
        books.add_private("s", "p.txt", b"My lamp is blue")
    for path in (tmp_path / "state" / "library" / "revisions").iterdir():
        path.unlink()
    with library(tmp_path) as books:
        assert books.search("lamp", session_id="s")[0].text == "My lamp is blue"


def test_only_so_many_sessions_are_kept_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.knowledge.library.LOADED", 2)
    with library(tmp_path) as books:
        for session in "abcd":
            books.add_private(session, "p.txt", f"lamp of {session}".encode())
        for session in "abcd":
            assert books.search("lamp", session_id=session)[0].text == f"lamp of {session}"
            assert len(books._loaded) == 2


def test_chromas_own_index_is_never_written(tmp_path: Path) -> None:
    # Killed while it writes that, a process leaves files on which every later one crashes.
    lines = "".join(f"\n## Part {n}\nLine {n}." for n in range(1200))
    with library(tmp_path) as books:
        books.add([write(tmp_path, a="# A" + lines)])
        assert books.documents()[0].passages == 1200
    chroma = tmp_path / "state" / "library" / "chroma"
    assert [path.name for path in chroma.rglob("*") if path.is_file()] == ["chroma.sqlite3"]
    with library(tmp_path) as books:
        assert books.search("line 777", 1)[0].text == "Line 777."
