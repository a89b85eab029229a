"""Links to a schedule: those that the lab makes it opens, and of others it says what is wrong with them."""

from __future__ import annotations

import pytest

from rag.services import Services
from tests.pages.opening import calm, labels, press, visit
from tests.pages.race.racing import lab, play, said, shown, tell


def test_a_bad_link_is_said_and_starts_anew(services: Services) -> None:
    page = lab("lab", strategy="no-such", schedule="<b>")
    assert "is not a schedule" in said(page)
    assert "There is no memory “no-such”" in said(page)
    page = lab("lab", strategy="lesson-deepcopy", turns="nine", schedule="AAAAAAAA")
    assert "“turns=nine”: expected 1 to 4" in said(page)
    assert shown(page).schedule == ""


def test_what_cannot_be_played_is_said_in_the_engines_words(services: Services) -> None:
    page = lab("lab", strategy="lesson-deepcopy", schedule="AAAAAAAA")
    assert "letter 4, Ada has no step left; possible: B" in said(page)
    assert shown(page).schedule == ""
    page = lab("tabs", lock="AB")
    assert "letter 2" not in said(page)  # the second board is not there yet


@pytest.mark.parametrize("name", ["incident", "scheduler", "deepcopy", "tabs", "every"])
def test_a_chapters_bad_link_is_said_until_a_step_is_made(services: Services, name: str) -> None:
    page = lab(name, **{name: "<script>"})
    assert "is not a schedule" in said(page)
    assert "is not a schedule" in said(calm(page.run()))
    play(page, "A")
    assert "is not a schedule" not in said(page)


@pytest.mark.parametrize(("number", "slot"), [("1", "incident"), ("4", "tabs"), ("5", "every"), ("6", "schedule")])
def test_older_links_have_numbers(services: Services, number: str, slot: str) -> None:
    page = lab(number)
    assert shown(page).slot == slot
    assert page.query_params["chapter"] in (page.session_state["race_chapter"], [page.session_state["race_chapter"]])


def test_what_only_the_lab_has_opens_the_lab(services: Services) -> None:
    page = visit()
    page.switch_page("race_lab.py")
    page.query_params["strategy"], page.query_params["schedule"] = "lesson-deepcopy", "ABAABB"
    assert "lost-update" in shown(calm(page.run())).kinds


def test_a_long_schedule_is_opened_again(services: Services) -> None:
    page = lab("lab", strategy="lesson-shared", users="5", turns="4")
    press(page, "One after the other")
    schedule = page.session_state["race_schedule"]
    assert len(schedule) == 80
    again = lab("lab", strategy="lesson-shared", users="5", turns="4", schedule=schedule)
    assert shown(again).schedule == schedule
    assert not again.warning


def test_a_given_up_turn_is_opened_and_given_up(services: Services) -> None:
    schedule = "AAAABBAaBBBBB"
    page = lab("lab", strategy="reused-connection", turns="2", schedule=schedule)
    assert shown(page).data["stepped"]
    assert shown(page).schedule == schedule
    assert "with Ada's address" in shown(page).told
    page = lab("lab", strategy="reused-connection", turns="2")
    tell(page, schedule="", keys="Aa", number=1)
    assert shown(page).schedule == "Aa"
    assert "Ada cancels the turn." in shown(page).told


def test_a_scene_too_large_for_the_browser_takes_every_key_in_order(services: Services) -> None:
    page = lab("lab", strategy="lesson-shared", users="5", turns="4")
    assert shown(page).data["stepped"]
    pressed = "ABCDE" * 12
    tell(page, schedule="", keys=pressed[:40], number=1)
    tell(page, schedule=pressed[:40], keys=pressed[40:], number=2)
    board = shown(page)
    assert (board.schedule, board.data["number"], board.data["refused"]) == (pressed, 2, "")
    assert len(board.data["moments"]) == 61
    tell(page, schedule=pressed, keys="<<A0AAAAAAAAAAAAAAAAA", number=3)
    assert shown(page).schedule == "A" * 16
    assert shown(page).data["refused"] == "Ada has no step left."
    tell(page, schedule="Z", keys="A", number=4)
    assert shown(page).schedule == "A" * 16
    tell(page, schedule="AAAAAAAAAAAAAAAAAA", keys="A", number=5)
    assert "Ada has no step left" in shown(page).data["refused"]


def test_the_response_router_is_stepped_through_to_the_exchange(services: Services) -> None:
    page = lab("lab", strategy="response-router", schedule="AAABBBBA")
    assert "stores her question and answer in her own list" in shown(page).told
    play(page, "AAABBBBAAB")
    assert "Ben's answer shows Ada's address" in shown(page).told
    assert any("self.routed(number" in line for line, bug in shown(page).code if bug)
    mended = lab("lab", strategy="routed-by-client", schedule="AAABBBBBAA")
    assert shown(mended).schedule == "AAABBBBBAA"
    assert "address" not in shown(mended).told
    assert not any(bug for _, bug in shown(mended).code)


def test_the_address_names_the_schedule_once(services: Services) -> None:
    page = play(lab("lab", strategy="lesson-deepcopy"), "AB")
    assert page.query_params["schedule"] in ("AB", ["AB"])
    assert "Copy the link" not in labels(page)  # a popover
