"""The knowledge page: search with scores, articles, and documents of one session only."""

from __future__ import annotations

import io

import pytest
from pypdf import PdfWriter
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.testing.v1 import AppTest

from rag.errors import CrosswireError
from rag.services import Services
from rag.ui.chat.citations import ARTICLE
from rag.ui.chat.suggestions import FIRST_QUESTIONS
from tests.pages.opening import calm, errors, labels, pick, press, say, session_of, to, transcript, visit

ADD = "Add to my session"
NOTHING = "No documents yet."
TENT = b"# Kestrel\n\nThe Kestrel tent pitch code is ZEBRA-77. Costs $5 -> :red[no] <b>x</b>\n"


@pytest.fixture
def page(services: Services) -> AppTest:
    return to("knowledge.py", visit())


def search(page: AppTest, text: str) -> AppTest:
    return calm(page.text_input[0].set_value(text).run())


def upload(page: AppTest, *files: tuple[str, bytes]) -> AppTest:
    page.file_uploader[0].set_value([(name, data, "application/octet-stream") for name, data in files])
    return press(page, ADD)


def own(services: Services, page: AppTest) -> list[str]:
    sid = session_of(page)
    found = services.library.documents(sid, services.store.collection(sid))
    return [info.name for info in found if info.private]


def words(page: AppTest) -> str:
    return "\n".join(element.value for element in [*page.markdown, *page.text])


def encrypted_pdf() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    writer.encrypt("hunter2", algorithm="RC4-128")
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def test_it_says_what_is_in_the_library_and_what_to_do(page: AppTest, services: Services) -> None:
    articles = services.library.documents()
    shown = {metric.label: metric.value for metric in page.metric}
    assert shown["Articles"] == str(len(articles))
    assert shown["Passages"] == str(sum(info.passages for info in articles))
    assert sorted(page.dataframe[0].value["Title"]) == sorted(info.title for info in articles)
    assert any("Ask a question" in info.value for info in page.info)
    assert NOTHING in [info.value for info in page.info]


def test_a_search_shows_passages_with_scores(page: AppTest) -> None:
    search(page, FIRST_QUESTIONS[0])
    scores = [float(bar.proto.text.removeprefix("score ")) for bar in page.get("progress")]
    assert len(scores) == 6
    assert scores == sorted(scores, reverse=True)
    assert "30 days" in words(page)
    assert page.warning.len == 0

    calm(page.number_input[0].set_value(2).run())
    assert len(page.get("progress")) == 2


def test_a_question_that_is_not_covered_is_said_to_be(page: AppTest) -> None:
    search(page, "Who won the football championship in 1974?")
    assert [warning.value for warning in page.warning] == [
        "The library may not cover this. These are the closest passages."
    ]
    assert len(page.get("progress")) == 6


def test_an_own_document_is_found_answered_from_and_removed(page: AppTest, services: Services) -> None:
    upload(page, ("tent.md", TENT))
    assert errors(page) == []
    assert NOTHING not in [info.value for info in page.info]
    assert "Remove" in labels(page)
    assert services.store.live([session_of(page)]) == {session_of(page)}

    search(page, "Kestrel pitch code")
    assert TENT.decode().splitlines()[2] in [text.value for text in page.text]

    chat = to("chat.py", page)
    assert "ZEBRA-77" in transcript(say(chat, "What is the Kestrel tent pitch code?"))[-1][1]

    press(to("knowledge.py", page), "Remove")
    assert NOTHING in [info.value for info in page.info]
    assert "ZEBRA-77" not in words(search(page, "Kestrel pitch code"))


def test_another_session_does_not_see_it(page: AppTest) -> None:
    other = to("knowledge.py", visit())
    upload(page, ("tent.md", TENT))
    calm(other.run())
    assert NOTHING in [info.value for info in other.info]
    assert "ZEBRA-77" not in words(search(other, "Kestrel pitch code"))
    chat = to("chat.py", other)
    assert "ZEBRA-77" not in transcript(say(chat, "What is the Kestrel tent pitch code?"))[-1][1]
    assert "ZEBRA-77" in words(search(page, "Kestrel pitch code"))


BAD = {
    "empty": ("empty.md", b"", "the file is empty"),
    "blank": ("blank.txt", b" \n\t\n", "empty"),
    "huge": ("huge.txt", b"word " * (2 * 1024 * 1024 + 1), "more than 10"),
    "encrypted": ("secret.pdf", encrypted_pdf(), "encrypted"),
    "binary": ("program.txt", bytes(range(256)) * 40, "binary"),
    "no PDF": ("broken.pdf", b"%PDF-1.7 not at all", "damaged"),
    "nested": ("deep.html", b"<div>" * 1000 + b"x", "more than 200 of its elements"),
    "long": ("long.md", b"word " * 800_000, "more than 5,000 passages"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(page: AppTest, services: Services, name: str) -> None:
    file, data, reason = BAD[name]
    upload(page, (file, data))
    (line,) = errors(page)
    assert line.startswith(f"{file}: ")
    assert reason in line
    assert "hunter2" not in line
    assert own(services, page) == []
    assert errors(calm(page.run())) == []


def test_a_bad_file_does_not_stop_the_good_one_beside_it(page: AppTest, services: Services) -> None:
    upload(page, ("empty.md", b""), ("tent.md", TENT))
    assert len(errors(page)) == 1
    assert own(services, page) == ["tent.md"]


def test_what_was_read_is_not_kept_until_the_page_is_left(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, remove = [], MemoryUploadedFileManager.remove_file

    def removed(self: MemoryUploadedFileManager, session_id: str, file_id: str) -> None:
        sizes.append(self._total_bytes)
        remove(self, session_id, file_id)
        sizes.append(self._total_bytes)

    monkeypatch.setattr(MemoryUploadedFileManager, "remove_file", removed)
    upload(page, ("empty.md", b""), ("tent.md", TENT))
    assert sizes == [len(TENT), len(TENT), len(TENT), 0]


def test_nothing_chosen_is_said(page: AppTest) -> None:
    press(page, ADD)
    assert [warning.value for warning in page.warning] == ["Choose a file first."]


def test_a_name_is_shown_as_it_is(page: AppTest) -> None:
    upload(page, ("**a** $b$ :red[c].md", b"Nothing to see."))
    assert errors(page) == []
    assert "\\*\\*a\\*\\* \\$b\\$ \\:red\\[c\\]\\.md" in words(page)


def test_an_article_is_read_where_its_row_is_selected(
    page: AppTest, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    pick(monkeypatch, 0)
    document = services.library.document(services.library.documents()[0].id)
    assert document is not None
    assert document.text.split("\n")[-2] in words(calm(page.run()))
    monkeypatch.setattr(services.library, "document", lambda *_: None)
    assert "This article has just been removed." in [info.value for info in calm(page.run()).info]


def test_an_empty_library_says_how_to_fill_it(
    page: AppTest, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.library, "documents", lambda *_: [])
    monkeypatch.setattr(services.library, "search", lambda *_: [])
    search(page, FIRST_QUESTIONS[0])
    assert [warning.value for warning in page.warning] == ["Nothing found: the library is empty."]
    assert any("Add articles with `python -m rag ingest" in info.value for info in page.info)


def test_an_own_document_that_is_linked_to_is_marked_as_private(page: AppTest, services: Services) -> None:
    upload(page, ("tent.md", TENT))
    sid = session_of(page)
    (mine,) = (one for one in services.library.documents(sid, services.store.collection(sid)) if one.private)
    page.query_params[ARTICLE] = mine.id
    calm(page.run())
    assert any("only in this session" in one.value for one in page.markdown)
    assert "ZEBRA-77" in words(page)


def test_where_sessions_cannot_be_read_articles_are_still_shown(
    page: AppTest, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def collection(session_id: str) -> str:
        raise CrosswireError("No connection to Redis.")

    monkeypatch.setattr(services.store, "collection", collection)
    calm(page.run())
    assert page.warning[0].value.startswith("Only articles are shown. ")
    assert len(page.dataframe[0].value) == len(services.library.documents())
