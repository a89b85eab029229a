"""Every kind of file is read, split and found again; what cannot be read says why."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import BadDocument
from rag.knowledge.parsing import limits
from rag.knowledge.parsing.document import ParsedDocument
from rag.knowledge.parsing.formats import load
from rag.knowledge.parsing.limits import MAX_BYTES
from rag.knowledge.parsing.splitting import LONGEST, LONGEST_TABLE, split
from tests.knowledge.support import library, pdf, pdf_of, write

MARKDOWN = """---
title: Return window: how long
keywords: send back, 30 days
---
# Return window: how long

You have 30 days.

## For members

| Member | Days |
|---|---|
| Plus | 60 |
"""
HTML = """<html><head><title>Boots</title><script>evil()</script></head><body><nav>Menu</nav>
<h1>Boots</h1><p>Boots are <b>very</b> warm.</p>
<h2>Sizes</h2><div><ul><li>Small <i>one</i></li><li>Large</li></ul></div>
<table><tr><th>UK</th><th>EU</th></tr><tr><td>5</td><td>38|39</td></tr></table><!-- hidden --></body></html>"""


def test_markdown_has_front_matter_and_headings() -> None:
    loaded = load("a.md", MARKDOWN.encode())
    assert loaded.title == "Return window: how long"
    assert loaded.keywords == ("send back", "30 days")
    first, second = split(loaded)
    assert (first.heading, first.text) == ("", "You have 30 days.")
    assert second.heading == "For members"
    assert second.text.splitlines()[-1] == "| Plus | 60 |"


def test_front_matter_may_be_a_list_and_may_be_missing() -> None:
    assert load("a.md", b"---\nkeywords:\n- one\n- 'two'\n---\n# T\nx").keywords == ("one", "two")
    assert load("a.md", b"---\nkeywords: [one, two]\n---\n# T\nx").keywords == ("one", "two")
    assert load("late-parcels.md", b"no heading").title == "Late parcels"
    assert load("a.md", b"---\n\nnot closed").text.startswith("---")
    assert load("a.md", b"---\ntitle: T\n# a comment\n---\nx").title == "T"


def test_html_keeps_headings_lists_and_tables_only() -> None:
    loaded = load("a.html", HTML.encode())
    assert loaded.title == "Boots"
    assert loaded.text.split("\n\n") == [
        "# Boots",
        "Boots are very warm.",
        "## Sizes",
        "- Small one\n- Large",
        "| UK | EU |\n| --- | --- |\n| 5 | 38\\|39 |",
    ]


def test_html_of_bare_text_and_of_nothing() -> None:
    assert load("a.html", b"just <b>text</b> here").text == "just text here"
    with pytest.raises(BadDocument, match="no readable text"):
        load("a.html", b"<html><script>x</script></html>")


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<div>Cookies?</div><main><p>Boots</p></main><footer>(c) Us</footer>", "Boots"),
        ("<p>Boots</p><p> </p><ul></ul><table><tr><td></td></tr></table>", "Boots"),
        (
            f"<table>{'<tr><td>a' * 9}<tr>{'<td>b' * 500}</table>",
            "| a |\n| --- |\n" + "| a |\n" * 8 + "| b " * 500 + "|",
        ),
    ],
    ids=["main part alone", "nothing in them", "one row much wider than the rest"],
)
def test_html_of_unusual_pages(html: str, text: str) -> None:
    assert load("a.html", html.encode()).text == text


def test_plain_text_has_no_headings() -> None:
    chunks = split(load("notes.txt", b"\xef\xbb\xbf# not a heading\r\n\r\nsecond"))
    assert [(chunk.heading, chunk.text) for chunk in chunks] == [("", "# not a heading\n\nsecond")]


def test_pdf_pages_are_headings() -> None:
    loaded = load("guide.pdf", pdf("Tents need ninety minutes"))
    assert loaded.title == "Guide"
    (chunk,) = split(loaded)
    assert (chunk.heading, chunk.text) == ("Page 1", "Tents need ninety minutes")


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.md", b"", "empty"),
        ("a.md", b" \n\t", "empty"),
        ("a.txt", b"abc\x00def", "binary"),
        ("a.txt", b"caf\xe9 au lait", "UTF-8"),
        ("a.pdf", b"%PDF-1.4 nonsense", "damaged"),
        ("a.pdf", pdf("x", password="secret"), "encrypted"),
        ("a.pdf", pdf(" "), "no readable text"),
        ("a.md", b"---\ntitle: only\n---\n", "no readable text"),
        ("a.docx", b"PK", "cannot be read"),
        ("noending", b"abc", "cannot be read"),
        ("a.txt", b"x" * (MAX_BYTES + 1), "10.0 MB"),
    ],
)
def test_what_cannot_be_read_says_why(name: str, data: bytes, reason: str) -> None:
    with pytest.raises(BadDocument, match=reason) as caught:
        load(name, data)
    assert str(caught.value).startswith(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "data", "limit", "reason"),
    [
        ("a.txt", b"eleven char", "MAX_CHARACTERS", "more than 10 characters of text"),
        ("a.pdf", pdf_of(11, b"BT ET"), "MAX_PAGES", "more than 10 pages"),
    ],
)
def test_what_is_too_long_is_refused(
    name: str, data: bytes, limit: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, limit, 10)
    with pytest.raises(BadDocument, match=reason):
        load(name, data)


def test_html_nested_without_end_is_refused() -> None:
    with pytest.raises(BadDocument, match="more than 200 of its elements are inside one another"):
        load("a.html", b"<div>" * 300 + b"x")


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([".md", ".txt", ".html", ".pdf"]), st.booleans())
def test_any_bytes_are_read_or_refused(data: bytes, suffix: str, as_pdf: bool) -> None:
    content = pdf("x")[:200] + data if as_pdf else data
    with contextlib.suppress(BadDocument):
        assert split(load("f" + suffix, content))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=1500), max_size=6))
def test_passages_are_short_and_lose_no_word(paragraphs: list[str]) -> None:
    text = "\n\n".join(paragraphs)
    chunks = split(ParsedDocument("T", (), text, markdown=False))
    assert all(len(chunk.text) <= LONGEST for chunk in chunks)
    assert "".join("".join(c.text for c in chunks).split()) == "".join(text.split())


def test_a_long_paragraph_is_cut_where_a_sentence_or_a_word_ends() -> None:
    chunks = split(load("a.txt", b"Boots are warm. " * 100))
    assert len(chunks) > 1
    assert all(chunk.text.endswith("warm.") for chunk in chunks)
    (chunk,) = split(load("a.txt", b"Boots" + b" " * 3000 + b"warm"))
    assert chunk.text == "Boots\n\nwarm"


def test_code_stays_together_and_has_no_headings() -> None:
    (chunk,) = split(load("a.md", b"# T\n\n## Setup\n\n```sh\n# no heading\n\nrun\n```\n\nDone.\n\n## Later\n"))
    assert (chunk.heading, chunk.text) == ("Setup", "```sh\n# no heading\n\nrun\n```\n\nDone.")


def test_a_table_stays_whole_and_a_huge_one_repeats_its_head() -> None:
    head = "| Size | Chest |\n|---|---|\n"
    whole = head + "".join(f"| {n} | {n} cm |\n" for n in range(60))
    (chunk,) = split(load("a.md", f"# T\n\n{whole}".encode()))
    assert chunk.text.count("\n") == 61
    chunks = split(load("a.md", (f"# T\n\n{head}" + "".join(f"| {n} | {n} cm |\n" for n in range(400))).encode()))
    assert len(chunks) > 1
    assert all(chunk.text.startswith(head.strip()) and len(chunk.text) <= LONGEST_TABLE for chunk in chunks)


def test_every_format_is_found_and_given_back(tmp_path: Path) -> None:
    root = write(tmp_path, returns__window=MARKDOWN)
    (root / "boots.html").write_text(HTML)
    (root / "tents.pdf").write_bytes(pdf("Tents need ninety minutes"))
    (root / "notes.txt").write_text("Lanterns burn paraffin")
    with library(tmp_path) as books:
        assert books.add([root]).failed == ()
        for question, document_id in {
            "how warm are boots": "boots",
            "how many minutes for tents": "tents",
            "what do lanterns burn": "notes",
            "days for plus members": "returns/window",
        }.items():
            best = books.search(question)[0]
            assert best.document_id == document_id
            document = books.document(document_id)
            assert document is not None
            assert best.text in document.text
            assert best.id.startswith(f"{document_id}#")
            assert 0 < best.score <= 1
            assert not best.private
        assert books.search("days for plus members")[0].heading == "For members"
