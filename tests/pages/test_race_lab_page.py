"""The race lab: each chapter played to its end as a learner would, and the free lab with its link and its files."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from rag.services import Services
from tests.pages.opening import calm, labels, opened, press, visit

CHAPTERS = ("2 AM", "You are the scheduler", "The clever fix", "Two tabs", "Every way at once", "Lab")


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    with opened() as services:
        yield services


def lab(chapter: int, **parameters: str) -> AppTest:
    page = visit()
    page.switch_page("race_lab.py")
    page.query_params["chapter"] = str(chapter)
    for name, value in parameters.items():
        page.query_params[name] = value
    return calm(page.run())


def play(page: AppTest, slot: str, schedule: str) -> AppTest:
    for letter in schedule:
        (button,) = [one for one in page.button if one.key == f"race_{slot}_{letter}"]
        assert not button.disabled, (schedule, button.label)
        calm(button.click().run())
    return page


def said(page: AppTest) -> str:
    shown = [*page.markdown, *page.caption, *page.error, *page.success, *page.info, *page.warning]
    return "\n".join(str(one.value) for one in shown)


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
    press(page, "Reset")
    play(page, "scheduler", "ABABABAB")
    assert "60 of the 70 ways look fine" in said(page)


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
    assert "though nobody else ever sees a word" in said(page)
    assert "12 Willow Lane" in said(page)
    assert "(Ada's)" not in said(page)  # both tabs are hers
    play(page, "lock", "A")
    (waiting,) = [one for one in page.button if one.key == "race_lock_B"]
    assert waiting.disabled
    assert waiting.label.endswith("(waits)")
    play(page, "lock", "AABBB")
    assert "There is no schedule left that goes wrong." in said(page)


def test_every_way_says_what_the_facts_say(services: Services) -> None:
    text = said(lab(5))
    assert "**shared**: 70 of 70 leak, none needed → a scope bug" in text
    assert "**deepcopy**: 2 of 20 leak" in text
    assert "**turn-lock**: 0 of 2 interleavings go wrong" in text


def test_a_link_opens_the_same_schedule_and_it_can_be_taken_home(services: Services) -> None:
    page = lab(6, strategy="lesson-deepcopy", schedule="ABAABB", tabs="0", users="2", turns="1")
    assert "lost-update" in said(page)
    assert {"pytest", "PNG", "JSON"} <= {getattr(button, "label", "") for button in page.get("download_button")}
    press(page, "Undo")
    shown = page.query_params["schedule"]
    assert shown in ("ABAAB", ["ABAAB"])


def test_a_bad_link_is_said_and_starts_anew(services: Services) -> None:
    page = lab(6, strategy="no-such", schedule="<b>")
    assert "is no schedule" in said(page)
    page = lab(6, strategy="lesson-deepcopy", schedule="AAAAAAAA")
    assert "cannot be played" in said(page)
    assert page.session_state["race_lab"] == ""


def test_the_shortest_failure_is_found(services: Services) -> None:
    page = lab(6, strategy="lesson-list", tabs="1")
    press(page, "Find me the shortest failure")
    assert "of 70" in said(page)
    assert page.session_state["race_lab"]
    press(page, "One after the other")
    assert page.session_state["race_lab"] == "AAAABBBB"
    press(page, "Random")
    assert sorted(page.session_state["race_lab"]) == list("AAAABBBB")


def test_a_real_redis_strategy_is_stepped_too(services: Services) -> None:
    page = play(lab(6, strategy="redis-turn", tabs="1"), "lab", "A")
    assert next(one.label for one in page.button if one.key == "race_lab_B").endswith("(waits)")
    assert "Random" in labels(page)
