"""Embedded Chroma has one owner, whichever process that is; guests get the same answers, and outlive it."""

from __future__ import annotations

import multiprocessing.connection
import os
import pickle
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag import errors
from rag.errors import BadDocument, CrosswireError, LibraryUnavailable
from rag.knowledge import open_library
from rag.knowledge.storage.guest import Guest
from rag.knowledge.storage.owner import read_note
from rag.knowledge.storage.sharing import SharedLibrary
from rag.knowledge.types import Progress
from tests.knowledge.peer import Peer
from tests.knowledge.support import settings, write

Open = Callable[[], SharedLibrary]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Open]:
    """Opens the library in this process; closed at the end."""
    opened: list[SharedLibrary] = []

    def open_here() -> SharedLibrary:
        opened.append(SharedLibrary(settings(tmp_path)))
        return opened[-1]

    yield open_here
    for library in reversed(opened):
        library.close()


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Callable[[], Peer]]:
    """Starts another process; killed at the end."""
    started: list[Peer] = []

    def start() -> Peer:
        started.append(Peer(tmp_path))
        return started[-1]

    yield start
    for one in started:
        one.kill()


def test_a_guest_has_every_method_of_the_owner(tmp_path: Path, here: Open) -> None:
    root = write(tmp_path, a="# A\nApples are red.", b="# B\nBananas.")
    (root / "bad.txt").write_bytes(b"\0")
    owner, guest = here(), here()
    assert (owner.owner, guest.owner) == (True, False)
    seen: list[Progress] = []
    report = guest.add([root], seen.append)
    assert (report.added, len(report.failed), len(seen)) == (("a", "b"), 1, 3)
    (root / "b.md").unlink()
    assert guest.add([root], prune=True).removed == ("b",)
    info = guest.add_private("s", "p.txt", b"My lamp is blue")
    for library in (owner, guest):
        assert library.search("colour of apples")[0].text == "Apples are red."
        assert library.search("colour of my lamp", 1, "s")[0].private
        assert not any(passage.private for passage in library.search("colour of my lamp", 9, "t"))
        assert [item.id for item in library.documents("s")] == ["a", info.id]
        document = library.document(info.id, "s")
        assert document is not None
        assert document.text == "My lamp is blue"
        assert library.document("nothing") is None
        assert library.private_sessions() == ["s"]
    assert guest.remove_private("s", info.id)
    guest.forget("s")
    assert owner.private_sessions() == []


def test_errors_cross_as_themselves(here: Open) -> None:
    here()
    guest = here()
    with pytest.raises(BadDocument) as caught:
        guest.add_private("s", "a.txt", b"\0")
    assert (caught.value.name, caught.value.reason) == ("a.txt", "it holds binary data, not text")
    assert str(caught.value).startswith("a.txt: ")
    guest.documents()


@pytest.mark.parametrize(
    "error",
    [
        errors.BadSetting("A", "b", "c"),
        errors.TurnBusy("s", 3.0),
        errors.SessionStoreUnavailable("t", "r"),
        errors.ModelBusy("t", 2.0),
        errors.StoreFull(),
        errors.BadQuestion("empty"),
        LibraryUnavailable("t", "r", "d"),
    ],
)
def test_every_error_can_be_pickled(error: CrosswireError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.__dict__) == (type(error), str(error), error.__dict__)


def test_an_error_in_a_guests_progress_is_its_own(tmp_path: Path, here: Open) -> None:
    here()
    guest = here()

    def stop(progress: Progress) -> None:
        raise OSError("pipe closed by the reader")

    with pytest.raises(OSError, match="pipe closed"):
        guest.add([write(tmp_path, a="# A\nApples.", b="# B\nBananas.")], stop)
    assert len(guest.add([tmp_path / "knowledge"]).failed) == 0
    assert len(guest.documents()) == 2


def test_a_guest_takes_over_when_the_owner_closes(tmp_path: Path, here: Open) -> None:
    owner, guest = here(), here()
    owner.add([write(tmp_path, a="# A\nApples.")])
    owner.close()
    owner.close()
    assert guest.search("apples")[0].text == "Apples."
    assert guest.owner
    with pytest.raises(LibraryUnavailable, match="was closed"):
        owner.search("apples")
    assert here().search("apples")


def test_two_processes_share_and_survive_a_kill(tmp_path: Path, here: Open, peer: Callable[[], Peer]) -> None:
    write(tmp_path, a="# A\nApples are red.")
    first = peer()
    assert first.owner
    library = here()
    assert not library.owner
    assert first.ask("add")[0] == ["a"]
    assert first.ask("add_private", session_id="s", name="p.txt", text="My lamp is blue") == "upload:p.txt"
    assert library.search("my lamp", session_id="s")[0].text == "My lamp is blue"
    write(tmp_path, a="# A\nApples are green.")
    library.add([tmp_path / "knowledge"])
    assert first.ask("search", text="apples") == ["Apples are green."]

    first.kill()
    assert library.search("apples")[0].text == "Apples are green."
    assert library.private_sessions() == ["s"]
    second = peer()
    assert not second.owner
    assert second.ask("search", text="my lamp", session_id="s", k=1) == ["My lamp is blue"]
    second.ask("close")
    second.end()
    assert library.owner


def test_a_kill_in_the_middle_of_an_ingest_blocks_nothing(tmp_path: Path, here: Open, peer: Callable[[], Peer]) -> None:
    write(tmp_path, **{f"d{n}": f"# D{n}\nDocument number {n}." for n in range(120)})
    first = peer()
    library = here()
    first.tell("add")
    while len(library.documents()) < 5:
        pass
    first.kill()
    report = library.add([tmp_path / "knowledge"], prune=True)
    assert len(report.added) + len(report.changed) + len(report.unchanged) == 120
    assert len(library.documents()) == 120
    assert library.search("document number 77")[0].document_id == "d77"


def test_two_processes_ingest_at_once(tmp_path: Path, peer: Callable[[], Peer]) -> None:
    write(tmp_path, **{f"d{n}": f"# D{n}\nDocument number {n}." for n in range(40)})
    peers = [peer(), peer(), peer()]
    assert [one.owner for one in peers] == [True, False, False]
    for one in peers:
        one.tell("add", prune=True)
    reports = [one.answer() for one in peers]
    assert sum(len(report[0]) for report in reports) == 40
    assert sum(len(report[2]) for report in reports) == 80
    assert all(one.ask("search", text="document number 31", k=1) == ["Document number 31."] for one in peers)


def test_many_threads_of_a_guest(tmp_path: Path, here: Open) -> None:
    here().add([write(tmp_path, a="# A\nApples.")])
    guest = here()
    wrong: list[object] = []

    def work(number: int) -> None:
        session = f"s{number}"
        guest.add_private(session, "p.txt", f"lamp {number}".encode())
        for _ in range(10):
            found = [passage.text for passage in guest.search("lamp", 9, session) if passage.private]
            if found != [f"lamp {number}"]:
                wrong.append(found)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(guest.private_sessions()) == 8


def test_what_a_killed_owner_left_is_in_nobodys_way(tmp_path: Path, here: Open, peer: Callable[[], Peer]) -> None:
    peer().kill()
    folder = tmp_path / "state" / "library"
    assert (folder / "owner.json").exists()
    library = here()
    assert library.owner
    library.close()
    assert {path.name for path in folder.iterdir()} == {"chroma", "owner.lock"}


def test_a_long_state_dir_has_its_socket_elsewhere(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 30)
    owner, guest = SharedLibrary(settings(deep)), SharedLibrary(settings(deep))
    note = read_note(deep / "state" / "library")
    assert note is not None
    socket = Path(note[0])
    assert not socket.is_relative_to(deep)
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    guest.add_private("s", "p.txt", b"text")
    guest.close()
    owner.close()
    assert not socket.parent.exists()


def test_only_who_reads_the_note_gets_in(tmp_path: Path, here: Open) -> None:
    here().documents()
    folder = tmp_path / "state" / "library"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "owner.json").stat().st_mode) == 0o600
    note = read_note(folder)
    assert note is not None
    with pytest.raises(multiprocessing.AuthenticationError):
        multiprocessing.connection.Client(note[0], family="AF_UNIX", authkey=b"guessed")
    with multiprocessing.connection.Client(note[0], family="AF_UNIX", authkey=note[1]) as friend:
        friend.recv()
        friend.send(("close", {}, False))
        kind, error = friend.recv()
        assert kind == "error"
        assert isinstance(error, LibraryUnavailable)
    assert here().documents() == []


def test_a_guest_with_other_embeddings_is_told(tmp_path: Path, here: Open) -> None:
    here()
    other = settings(tmp_path, embeddings="openai", openai_base_url="http://127.0.0.1:9/v1")
    with pytest.raises(LibraryUnavailable, match="Set EMBEDDINGS and EMBEDDING_MODEL alike"):
        open_library(other)


def test_a_forked_child_is_a_guest(tmp_path: Path, here: Open) -> None:
    library = here()
    library.add([write(tmp_path, a="# A\nApples.")])
    child = os.fork()
    if child == 0:
        try:
            good = library.search("apples")[0].text == "Apples." and not library.owner
            os._exit(0 if good else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert library.owner
    assert library.search("apples")[0].text == "Apples."


def test_a_corrupt_library_frees_its_lock(tmp_path: Path) -> None:
    chroma = tmp_path / "state" / "library" / "chroma"
    chroma.mkdir(parents=True)
    (chroma / "chroma.sqlite3").write_bytes(b"this is no database" * 100)
    for _ in range(2):
        with pytest.raises(LibraryUnavailable, match="delete that folder"):
            SharedLibrary(settings(tmp_path))
    (chroma / "chroma.sqlite3").unlink()
    library = SharedLibrary(settings(tmp_path))
    assert library.owner
    library.close()


def test_what_is_forgotten_leaves_the_disk(tmp_path: Path, here: Open, peer: Callable[[], Peer]) -> None:
    root = write(tmp_path, a="# A\nApples.")
    killed = peer()
    killed.ask("add_private", session_id="s", name="p.txt", text="The password is XYZZY-ONE " * 50)
    killed.ask("forget", session_id="s")
    killed.kill()
    library = here()
    assert not on_disk(tmp_path, b"XYZZY-ONE")
    library.add([root])
    library.add_private("t", "kept.txt", b"The password is XYZZY-TWO")
    library.add_private("u", "p.txt", b"The password is XYZZY-THREE " * 50)
    assert library.remove_private("u", "upload:p.txt")
    library.close()
    assert on_disk(tmp_path, b"XYZZY-TWO")
    assert not on_disk(tmp_path, b"XYZZY-THREE")
    again = here()
    assert again.search("password", session_id="t")[0].text == "The password is XYZZY-TWO"
    assert again.search("apples")[0].text == "Apples."


def on_disk(folder: Path, text: bytes) -> bool:
    """Whether any file of the library holds these bytes, in any case of letters."""
    files = (path for path in (folder / "state").rglob("*") if path.is_file())
    return any(text.lower() in path.read_bytes().lower() for path in files)


def test_nobody_home(tmp_path: Path) -> None:
    assert Guest.visit(tmp_path, "any") is None
    (tmp_path / "owner.json").write_text("{")
    assert Guest.visit(tmp_path, "any") is None
    (tmp_path / "owner.json").write_text('{"address": "/nowhere/at/all", "key": "00"}')
    assert Guest.visit(tmp_path, "any") is None
