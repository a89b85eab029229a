"""The race lab: each chapter played to its end as a learner would, and the free lab with its link and its files."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rag.services import Services
from tests.pages.opening import calm, labels, opened, press
from tests.pages.race.racing import chapter, lab, play, reached, said


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    with opened() as services:
        yield services


def test_2_am(services: Services) -> None:
    page = lab(1)
    press(page, "Play")
    assert "Ben's answer shows Ada's address" not in said(page)
    press(page, "Next")
    assert "Ben's answer shows Ada's address" in said(page)
    assert ":violet-background[**12 Willow Lane** (Ada's)]" in said(page)
    assert "one shared list" in said(page)


def test_the_scheduler_makes_it_happen_and_then_not(services: Services) -> None:
    page = play(lab(2), "scheduler", "AAAABBBB")
    assert "foreign-read" in said(page)
    assert reached(page) == {"scheduler-leak"}
    press(page, "Reset")
    play(page, "scheduler", "ABABABAB")
    assert "in 60 of the 70 interleavings both answers look fine" in said(page)
    assert "wrong in all 70" in said(page)


def test_a_goal_is_reached_by_what_it_says_alone(services: Services) -> None:
    page = play(lab(2), "scheduler", "BBBBAAAA")
    assert "the other way round: Ada sees Ben's address" in said(page)
    assert not reached(page)
    page = play(lab(4), "tabs", "AABBAABB")
    assert "Stale, not torn" in said(page)
    assert not reached(page)
    page = play(lab(3), "deepcopy", "AAABBB")
    assert "Nothing is lost this time" in said(page)
    assert not reached(page)


@pytest.mark.parametrize(
    ("number", "slot", "schedule"),
    [(1, "incident", "AAAABBBB"), (2, "scheduler", "AAAABBBB"), (3, "deepcopy", "ABABAB"), (4, "tabs", "AAABBBBA")],
)
def test_whoever_opens_a_link_has_reached_nothing(services: Services, number: int, slot: str, schedule: str) -> None:
    page = lab(number, **{slot: schedule})
    assert page.session_state[f"race_{slot}"] == schedule
    assert not reached(page)


def test_what_is_wrong_with_the_code_is_for_the_learner_to_find(services: Services) -> None:
    page = lab(3)
    assert "# the bug" not in page.code[0].value
    play(page, "deepcopy", "ABAABB")
    assert "# the bug" in page.code[0].value
    assert "# the bug" in lab(6, strategy="lesson-deepcopy").code[0].value


def test_a_step_says_what_was_read_and_written_and_whose_it_is(services: Services) -> None:
    page = play(lab(2), "scheduler", "AAAAB")
    assert "Ben reads the shared list: it holds Ada's question and answer, with **Ada's address**." in said(page)
    play(page, "scheduler", "BBB")
    assert "Ben's answer shows **Ada's address**." in said(page)
    assert "earlier" not in said(page)


def test_the_keys_play_the_board_that_was_touched_last(services: Services) -> None:
    page = play(lab(4), "tabs", "AAABBBBA")

    def keys(slot: str) -> str:
        return "".join(one.proto.shortcut for one in page.button if str(one.key).startswith(f"race_{slot}_"))

    assert (keys("tabs"), keys("lock")) == ("", "abu")
    assert said(page).count("A, B and U control this board.") == 1
    press_undo = next(one for one in page.button if one.key == "race_tabs_undo")
    calm(press_undo.click().run())
    assert (keys("tabs"), keys("lock")) == ("abu", "")
    play(page, "lock", "A")
    assert (keys("tabs"), keys("lock")) == ("", "abu")


def test_undo_is_one_step_back(services: Services) -> None:
    page = play(lab(2), "scheduler", "AAB")
    press(page, "Undo")
    assert page.session_state["race_scheduler"] == "AA"
    assert "A▶" in page.code[0].value.replace("AB▶", "A▶")


def test_the_clever_fix_loses_a_message(services: Services) -> None:
    page = play(lab(3), "deepcopy", "ABAABB")
    assert "lost-update" in said(page)
    assert "the clever fix is worse" in said(page)


def test_two_tabs_tear_a_turn_and_the_lock_holds(services: Services) -> None:
    page = play(lab(4), "tabs", "ABABABAB")
    assert "44 of the 70 interleavings tear a turn" in said(page)
    assert "tab 1's question, which has no answer yet" not in said(page)
    assert "12 Willow Lane" in said(page)
    assert "(Ada's)" not in said(page)  # both tabs are hers
    play(page, "lock", "A")
    (waiting,) = [one for one in page.button if one.key == "race_lock_B"]
    assert waiting.disabled
    assert waiting.label.endswith("(waits)")
    play(page, "lock", "AABBB")
    assert "No schedule is left that goes wrong." in said(page)


def test_every_way_says_what_the_facts_say(services: Services) -> None:
    text = said(lab(5))
    assert "**shared**: All 70 interleavings leak, even with no interruption: a scope bug" in text
    assert "**deepcopy**: 2 of 20 interleavings leak" in text
    assert "**turn-lock**: 0 of 2 interleavings go wrong" in text


def test_every_way_is_played_by_keyboard_too(services: Services) -> None:
    page = lab(5)
    (memory,) = page.selectbox
    calm(memory.select("lesson-deepcopy").run())
    assert not reached(page)
    press(page, "Next failure")
    assert page.session_state["race_every"] == "AAABBB"
    assert reached(page) == {"every"}
    press(page, "Next failure")
    assert page.session_state["race_every"] != "AAABBB"
    assert not next(one for one in page.button if one.key == "race_every_undo").disabled


def test_every_way_and_the_lab_are_as_they_were_after_another_chapter(services: Services) -> None:
    page = lab(5, memory="lesson-deepcopy", every="ABBBAA")
    chapter(page, 2)
    chapter(page, 5)
    assert page.session_state["race_every"] == "ABBBAA"
    assert page.selectbox[0].value == "lesson-deepcopy"
    assert "lost-update" in said(page)
    page = lab(6, strategy="lesson-deepcopy", users="2", turns="1", schedule="ABAABB")
    chapter(page, 2)
    chapter(page, 6)
    assert page.selectbox[0].value == "lesson-deepcopy"
    assert page.session_state["race_schedule"] == "ABAABB"


def test_a_link_opens_the_same_schedule_and_it_can_be_taken_home(services: Services) -> None:
    page = lab(6, strategy="lesson-deepcopy", schedule="ABAABB", tabs="0", users="2", turns="1")
    assert "lost-update" in said(page)
    assert {"pytest", "PNG", "JSON"} <= {getattr(button, "label", "") for button in page.get("download_button")}
    press(page, "Undo")
    shown = page.query_params["schedule"]
    assert shown in ("ABAAB", ["ABAAB"])


def test_a_real_redis_strategy_is_stepped_too(services: Services) -> None:
    page = play(lab(6, strategy="redis-turn", tabs="1"), "schedule", "A")
    assert next(one.label for one in page.button if one.key == "race_schedule_B").endswith("(waits)")
    assert "Random" in labels(page)
