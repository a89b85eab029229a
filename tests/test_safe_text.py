"""Texts that do nothing where they are shown."""

from __future__ import annotations

import pytest

from rag.safe_text import cell, fenced, line, masked, visible
from tests.inspector.stored_sessions import HARMFUL, HOSTILE


def test_nothing_unseen_is_left() -> None:
    assert not set(HARMFUL) & set(visible(HOSTILE))
    assert "\\x1b[2J" in visible(HOSTILE)
    assert "\\u202egnp.exe" in visible(HOSTILE)


@pytest.mark.parametrize("text", ["Plain.", "Zoë, 東京, Ελλάδα, 👩‍👩‍👧, नमस्ते", "two\nlines\tand a tab", ""])
def test_what_people_write_stays(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize("text", ["\u2066x\u2069", "\u2028", "a\rb", "\x9b31m", "\U000e0041", "\ud800", "\u00ad"])
def test_tricks_are_written_out(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    assert "\\" in shown


def test_one_line() -> None:
    assert line(" a\n\tb\u2028c ") == "a b c"
    assert line("x" * 50, 10) == "x" * 9 + "…"


def test_a_mask_tells_nothing_but_about_how_long() -> None:
    assert masked("") == ""
    assert masked("secret") == masked("public") == "•••••• (about 10 characters)"
    assert masked("x" * 1234) == "•••••• (about 1200 characters)"


@pytest.mark.parametrize("text", ["```", "````\n# x\n````", "~~~", "`" * 50])
def test_a_fence_holds(text: str) -> None:
    first, *inner, last = fenced(text).splitlines()
    assert first.removesuffix("text") == last
    assert last not in inner


def test_cells() -> None:
    assert cell("plain") == "plain"
    assert cell("=1") == "'=1"
