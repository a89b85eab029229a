"""Links to a schedule: those that the lab makes it opens, and of others it says what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rag.services import Services
from tests.pages.opening import calm, labels, opened, press
from tests.pages.race.racing import lab, play, said


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    with opened() as services:
        yield services


def test_a_bad_link_is_said_and_starts_anew(services: Services) -> None:
    page = lab(6, strategy="no-such", schedule="<b>")
    assert "is not a schedule" in said(page)
    assert "There is no memory “no-such”" in said(page)
    page = lab(6, strategy="lesson-deepcopy", turns="nine", schedule="AAAAAAAA")
    assert "“turns=nine”: expected 1 to 4" in said(page)
    assert page.session_state["race_schedule"] == ""


def test_what_cannot_be_played_is_said_in_the_engines_words(services: Services) -> None:
    page = lab(6, strategy="lesson-deepcopy", schedule="AAAAAAAA")
    assert "letter 4, Ada has no step left; possible: B" in said(page)
    assert page.session_state["race_schedule"] == ""
    page = lab(4, lock="AB")
    assert "letter 2" not in said(page)  # the second board is not there yet


@pytest.mark.parametrize(
    ("number", "name"), [(1, "incident"), (2, "scheduler"), (3, "deepcopy"), (4, "tabs"), (5, "every")]
)
def test_a_chapters_bad_link_is_said_until_a_step_is_made(services: Services, number: int, name: str) -> None:
    page = lab(number, **{name: "<script>"})
    assert "is not a schedule" in said(page)
    assert "is not a schedule" in said(calm(page.run()))
    press(page, "Play") if number == 1 else play(page, name, "A")
    assert "is not a schedule" not in said(page)


def test_a_long_schedule_is_opened_again(services: Services) -> None:
    page = lab(6, strategy="lesson-shared", users="5", turns="4")
    press(page, "One after the other")
    schedule = page.session_state["race_schedule"]
    assert len(schedule) == 80
    again = lab(6, strategy="lesson-shared", users="5", turns="4", schedule=schedule)
    assert again.session_state["race_schedule"] == schedule
    assert not again.warning


def test_a_given_up_turn_is_opened_and_given_up_by_a_button(services: Services) -> None:
    schedule = "AAAABBAaBBBBB"
    page = lab(6, strategy="reused-connection", turns="2", schedule=schedule)
    assert page.session_state["race_schedule"] == schedule
    assert "with **Ada's address**" in said(page)
    page = play(lab(6, strategy="reused-connection", turns="2"), "schedule", "A")
    press(page, "Ada cancels")
    assert page.session_state["race_schedule"] == "Aa"
    assert "Ada cancels the turn." in said(page)


def test_the_response_router_is_stepped_through_to_the_exchange(services: Services) -> None:
    page = lab(6, strategy="response-router", schedule="AAABBBBA")
    assert "stores her question and answer in her own list" in said(page)
    page = play(page, "schedule", "AB")
    assert page.session_state["race_schedule"] == "AAABBBBAAB"
    assert "Ben's answer shows **Ada's address**" in said(page)
    assert any("self.routed(number," in one.value and "# the bug" in one.value for one in page.code)
    mended = lab(6, strategy="routed-by-client", schedule="AAABBBBBAA")
    assert mended.session_state["race_schedule"] == "AAABBBBBAA"
    assert "address**" not in said(mended)
    assert not any("# the bug" in one.value for one in mended.code)


def test_the_address_names_the_schedule_once(services: Services) -> None:
    page = play(lab(6, strategy="lesson-deepcopy"), "schedule", "AB")
    assert page.query_params["schedule"] in ("AB", ["AB"])
    assert "lab" not in page.query_params
    assert "Copy the link" not in labels(page)  # a popover
