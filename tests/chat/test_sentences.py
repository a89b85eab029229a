"""Markdown becomes units that read well alone: no mark-up, nothing cut off, items with what introduces them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.chat.sentences import plain, split_sentences, units


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It costs £3.95. It takes 2 days.", ["It costs £3.95.", "It takes 2 days."]),
        ("See e.g. Returns. Use it by 16:00.", ["See e.g. Returns.", "Use it by 16:00."]),
        ("The Ember weighs 340 g. The Hearth weighs 520 g.", ["The Ember weighs 340 g.", "The Hearth weighs 520 g."]),
        ("Really? Yes!", ["Really?", "Yes!"]),
        ("No full stop", ["No full stop"]),
        ("", []),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


def test_table_rows_are_lines_with_the_headers_that_they_need() -> None:
    table = "| UK | EU | Price | Time |\n|---|---|---|---|\n| 8 | 42 | £5 | 2 days |\n| 9 | – | £6 | |"
    assert [unit.text for unit in units(table)] == ["UK 8: EU 42, £5, 2 days", "UK 9: £6"]


def test_items_know_their_introduction_and_steps_their_list() -> None:
    found = units("You cannot return:\n\n- **Fuel**,\n  opened\n- Food\n\nText.\n\n1. Open it.\n2. Press it.")
    assert [(unit.kind, unit.whole) for unit in found] == [
        ("item", "You cannot return: Fuel, opened"),
        ("item", "You cannot return: Food"),
        ("sentence", "Text."),
        ("step", "Open it."),
        ("step", "Press it."),
    ]
    assert found[0].group == found[1].group != found[3].group == found[4].group


def test_headings_stay_with_what_follows_and_pointers_go() -> None:
    (unit,) = units("## Fees\n\nThe fee is £4: see [Fees](fees.md).")
    assert (unit.heading, unit.text) == ("Fees", "The fee is £4.")


def test_a_sentence_that_refers_back_says_so() -> None:
    assert [unit.needs_previous for unit in units("A label is free. It comes by e-mail.")] == [False, True]


def test_markup_is_removed() -> None:
    assert plain("**Bold** `code` [link](x.md) *it* <br> snake_case 2 * 3") == "Bold code link it snake_case 2 * 3"


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    assert [unit.position for unit in units(text)] == list(range(len(units(text))))
