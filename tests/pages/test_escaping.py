"""What somebody typed is what is seen: read back by a real Markdown parser, it is plain text and nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rag.ui.escaping import count, escaped
from rag.ui.markup import drawn

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
PLAIN = {"paragraph_open", "paragraph_close", "inline", "text", "softbreak", "hardbreak"}
MARKS = st.text(alphabet=list("\\`*_{}[]()#+-.!|<>~$:&=^\"'/ \t\n\r\u00a01aé→"), max_size=60)


def seen(markdown: str) -> tuple[set[str], str]:
    """The kinds of tokens in it, and the text that a reader sees."""
    kinds, words = set(), []
    for block in PARSER.parse(markdown):
        kinds.add(block.type)
        for token in block.children or ():
            kinds.add(token.type)
            words.append("\n" if token.type in ("softbreak", "hardbreak") else token.content)
        if block.type == "inline":
            words.append("\n")
    return kinds, "".join(words)


def folded(text: str) -> list[str]:
    """Lines without the white space that no paragraph of HTML shows."""
    lines = re.split(r"\r\n?|\n", text.replace("\0", "\ufffd"))
    return [" ".join(line.split()) for line in lines if line.strip()]


@given(st.one_of(MARKS, st.text(max_size=60)))
@example("Title\n===")
@example("Title\n---")
@example("    code")
@example("a\n\n\tcode")
@example("a\r    b\r===")
@example("| a | b |\n|---|---|\n| 1 | 2 |")
@example("[a]: http://a.example\n[a]")
@example("1. one\n2) two")
@example("&lt;script&gt; &#60; \\& &copy;")
@example("a  \nb\\\nc")
def test_every_text_is_seen_as_it_was_typed(text: str) -> None:
    kinds, visible = seen(escaped(text))
    assert kinds <= PLAIN
    assert folded(visible) == folded(text)


@pytest.mark.parametrize(
    "text",
    [
        "**bold** _it_ ~~gone~~ `code`",
        "<img src=x onerror=alert(1)>",
        "<!-- gone -->",
        "# heading",
        "> quote",
        "- item",
        "[link](http://a.example)",
        "![picture](http://a.example/x.png)",
        "<http://a.example>",
    ],
)
def test_in_the_middle_of_our_own_line_too(text: str) -> None:
    kinds, visible = seen(f"**{escaped(text)}** ours")
    assert kinds <= PLAIN | {"strong_open", "strong_close"}
    assert visible == f"{text} ours\n"


@pytest.mark.parametrize("text", [":red[no]", "$x^2$", "$$x$$", ":material/home:", ":violet-badge[x]", "a: $5 and $6"])
def test_no_directive_and_no_formula_starts(text: str) -> None:
    assert not re.search(r"(?<!\\)[:$\[\]]", escaped(text))


def test_line_breaks_are_kept() -> None:
    assert seen(escaped("one\ntwo\r\nthree"))[1] == "one\ntwo\nthree\n"


def test_our_own_markdown_keeps_its_money_and_loses_links_to_files() -> None:
    text = "Costs **$5** or $6, see [returns](../returns/window.md) and [mail](mailto:a@b.example)."
    assert drawn(text) == "Costs **\\$5** or \\$6, see returns and [mail](mailto:a@b.example)."


def test_no_picture_of_a_strange_host_is_loaded() -> None:
    for text in ("![x](http://a.example/?said=hi)", "![x][1]\n\n[1]: http://a.example", "![](a.png)", "![![x](b)](c)"):
        assert "image" not in seen(drawn(text))[0]


def test_one_is_not_many() -> None:
    assert [count(number, "source") for number in (0, 1, 2)] == ["0 sources", "1 source", "2 sources"]
