"""Reading a folder again costs only what changed, a broken file stops nothing, a search never misses a document."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from rag.errors import BadSetting, LibraryUnavailable
from rag.knowledge import Owner, open_library
from rag.knowledge.embedding.synonyms import Synonyms
from rag.knowledge.search.evaluation import evaluate, figures, read_questions
from rag.knowledge.storage.embedded import EmbeddedStore
from rag.knowledge.types import Progress
from tests.knowledge.support import RecordingEmbedder, library, pdf, settings, wordllama, write


def test_only_what_changed_is_embedded_again(tmp_path: Path) -> None:
    root = write(tmp_path, a="# A\nApples are red.", b="# B\nBananas are yellow.", sub__c="# C\nCherries.")
    embedder = RecordingEmbedder()
    with library(tmp_path, embedder) as books:
        assert set(books.add([root]).added) == {"a", "b", "sub/c"}
        embedder.calls.clear()
        assert set(books.add([root], prune=True).unchanged) == {"a", "b", "sub/c"}
        assert embedder.calls == []
    write(tmp_path, b="# B\nBananas are green.")
    (root / "sub" / "c.md").unlink()
    with library(tmp_path, embedder) as books:
        assert books.add([root]).removed == ()
        embedder.calls.clear()
        write(tmp_path, b="# B\nBananas are brown.")
        report = books.add([root], prune=True)
        assert (report.changed, report.unchanged, report.removed) == (("b",), ("a",), ("sub/c",))
        assert embedder.calls == [2]
        assert books.search("colour of bananas")[0].text == "Bananas are brown."
        assert [info.id for info in books.documents()] == ["a", "b"]
        assert books.document("sub/c") is None


def test_a_shorter_version_leaves_nothing_of_the_longer(tmp_path: Path) -> None:
    root = write(tmp_path, a="# A\n" + "\n".join(f"## Part {n}\nZebra number {n} sleeps." for n in range(6)))
    with library(tmp_path) as books:
        books.add([root])
        assert books.documents()[0].passages == 6
        write(tmp_path, a="# A\nOne lion.")
        books.add([root])
        assert [passage.text for passage in books.search("zebra sleeps lion", k=9)] == ["One lion."]
    with library(tmp_path) as books:
        assert [info.passages for info in books.documents()] == [1]


def test_broken_files_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    root = write(tmp_path, good="# Good\nFine.")
    (root / "empty.md").write_bytes(b"")
    (root / "latin.txt").write_bytes(b"caf\xe9")
    (root / "binary.txt").write_bytes(b"\0\1")
    (root / "locked.pdf").write_bytes(pdf("x", password="p"))
    (root / "huge.txt").write_bytes(b"x" * (10 * 1024 * 1024 + 1))
    (root / "good.txt").write_text("the same id as good.md")
    (root / "picture.png").write_bytes(b"\x89PNG")
    (root / ".hidden.md").write_text("not read")
    (root / "link.md").symlink_to(root / "nowhere.md")
    seen: list[Progress] = []
    with library(tmp_path) as books:
        report = books.add([root, tmp_path / "nowhere"], seen.append)
    names = {Path(failure.name).name for failure in report.failed}
    assert names == {
        *(
            "empty.md",
            "latin.txt",
            "binary.txt",
            "locked.pdf",
            "huge.txt",
            "good.txt",
            "picture.png",
            "link.md",
            "nowhere",
        )
    }
    assert report.added == ("good",)
    assert [progress.done for progress in seen] == list(range(1, len(seen) + 1))
    assert seen[-1].total == len(seen) == 10
    assert all(progress.detail for progress in seen if progress.outcome == "failed")


def test_a_file_that_breaks_keeps_its_last_good_version(tmp_path: Path) -> None:
    root = write(tmp_path, a="# A\nApples.")
    with library(tmp_path) as books:
        books.add([root])
        (root / "a.md").write_bytes(b"\xff\xfe")
        assert len(books.add([root], prune=True).failed) == 1
        assert books.search("apples")[0].text == "Apples."


def test_prune_spares_what_came_from_elsewhere(tmp_path: Path) -> None:
    root = write(tmp_path, a="# A\nApples.")
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.md").write_text("# B\nBananas.")
    (tmp_path / "c.md").write_text("# C\nCherries.")
    with library(tmp_path) as books:
        books.add([root, other, tmp_path / "c.md"])
        (root / "a.md").unlink()
        assert books.add([root], prune=True).removed == ("a",)
        assert [info.id for info in books.documents()] == ["b", "c"]


def test_a_document_is_there_at_every_moment_of_its_change(tmp_path: Path) -> None:
    root = write(tmp_path, a="# Apples\nApples are red.", b="# Pears\nPears are green.")
    missing: list[str] = []
    with library(tmp_path) as books:
        books.add([root])
        done = threading.Event()

        def look() -> None:
            while not done.is_set():
                found = {passage.document_id for passage in books.search("apples and pears", k=50)}
                missing.extend({"a", "b"} - found)

        thread = threading.Thread(target=look)
        thread.start()
        try:
            for n in range(15):
                write(tmp_path, a="# Apples\n" + "\n".join(f"## H{i}\nApples {n}." for i in range(1 + n % 4)))
                assert books.add([root], prune=True).changed == ("a",)
        finally:
            done.set()
            thread.join()
    assert missing == []


def test_a_half_written_document_is_written_again(tmp_path: Path) -> None:
    root = write(tmp_path, a="# A\n## One\nFirst.\n## Two\nSecond.")
    with library(tmp_path) as books:
        books.add([root])
    with EmbeddedStore(settings(tmp_path).state_dir, wordllama().name).opened() as client:
        client.get_collection(f"crosswire-articles-{wordllama().name}").delete(ids=["a#1"])
    with library(tmp_path) as books:
        assert books.documents()[0].passages == 1
        assert books.add([root]).changed == ("a",)
        assert books.documents()[0].passages == 2


def test_an_error_in_progress_is_the_callers_own(tmp_path: Path) -> None:
    root = write(tmp_path, a="# A\nApples.", b="# B\nBananas.")

    def stop(progress: Progress) -> None:
        raise RuntimeError(progress.name)

    with library(tmp_path) as books:
        with pytest.raises(RuntimeError, match="a"):
            books.add([root], stop)
        report = books.add([root])
        assert (report.unchanged, report.added) == (("a", "b"), ())


def test_embeddings_never_meet_those_of_another_kind(tmp_path: Path) -> None:
    root = write(tmp_path, a="# A\nApples.")
    with library(tmp_path, RecordingEmbedder("kind-one")) as books:
        books.add([root])
        books.add_private("s", "p.txt", b"private")
    with library(tmp_path, RecordingEmbedder("kind-two")) as books:
        assert books.search("apples", session_id="s") == []
        assert books.documents("s") == []
        assert books.owners() == [Owner("s")]
        books.forget(Owner("s"))
    with library(tmp_path, RecordingEmbedder("kind-one")) as books:
        assert [info.id for info in books.documents("s")] == ["a"]


def test_a_foreign_collection_of_our_name_is_left_alone(tmp_path: Path) -> None:
    store = EmbeddedStore(settings(tmp_path).state_dir, "other")
    with store.opened() as client:
        client.create_collection("crosswire-articles-wordllama-l2-256", metadata={"mine": "yes"})
        client.create_collection("somebody-elses", metadata={"session": "trap"})
    with pytest.raises(LibraryUnavailable, match="not made by Crosswire"), library(tmp_path):
        pass
    with library(tmp_path, RecordingEmbedder("mine")) as books:
        assert books.owners() == []
        books.forget(Owner("trap"))
    with store.opened() as client:
        assert "somebody-elses" in {item.name for item in client.list_collections()}


def test_a_corrupt_database_is_one_clear_line(tmp_path: Path) -> None:
    folder = settings(tmp_path).state_dir / "library" / "chroma"
    folder.mkdir(parents=True)
    (folder / "chroma.sqlite3").write_bytes(b"this is no database" * 100)
    with pytest.raises(LibraryUnavailable) as caught, library(tmp_path):
        pass
    assert "delete that folder" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nothing_is_found_in_nothing(tmp_path: Path) -> None:
    with library(tmp_path) as books:
        assert books.search("anything") == []
        books.add([write(tmp_path, a="# A\nApples.")])
        assert books.search("  ") == []
        assert books.search("apples", k=0) == []
        for odd in ("?!", "the of and", "\U0001f600", "x" * 100_000, "a\0b", "苹果"):
            assert all(0 <= passage.score <= 1 for passage in books.search(odd))


def test_questions_are_judged_by_part_and_half(tmp_path: Path) -> None:
    root = write(tmp_path, a="# Apples\nApples are red.", b="# Bananas\nBananas are yellow.")
    lines = [
        '{"question": "are apples red", "article": "a", "also": [], "part": "exact"}',
        '{"question": "yellow bananas", "article": "a", "also": ["b"], "part": "paraphrase"}',
        '{"question": "who won the match", "article": null, "also": [], "part": "unanswerable"}',
    ]
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join([*lines, ""]))
    with library(tmp_path) as books:
        books.add([root])
        result = {item.part: item for item in figures(evaluate(books, read_questions(path))) if item.half == "all"}
    assert (result["exact"].recall, result["exact"].mrr, result["exact"].covered) == (1.0, 1.0, 1.0)
    assert result["paraphrase"].recall == 1.0
    assert (result["unanswerable"].recall, result["unanswerable"].covered) == (0.0, 0.0)


def test_synonyms_beside_the_articles_widen_a_question_and_are_no_article(tmp_path: Path) -> None:
    root = write(tmp_path, a="# Refunds\nA refund takes five days.", b="# Lamps\nLamps are blue.")
    (root / "sub").mkdir()
    (root / "sub" / "synonyms.txt").write_text("Synonyms are explained here.")
    (root / "synonyms.txt").write_text("# theirs => ours\nwampum back, ducats => refund, money\n")
    library = open_library(settings(tmp_path))
    assert library.add([root]).added == ("a", "b", "sub/synonyms")
    assert library.search("when is my wampum back?")[0].document_id == "a"
    synonyms = Synonyms.beside(root)
    assert synonyms.widen("Wampum back?") == "Wampum back? refund money"
    assert synonyms.widen("back, wampum") == "back, wampum"
    assert Synonyms.beside(tmp_path / "nowhere").widen("ducats") == "ducats"
    (root / "synonyms.txt").write_bytes(b"\xff")
    with pytest.raises(BadSetting, match=r"synonyms\.txt"):
        open_library(settings(tmp_path))
