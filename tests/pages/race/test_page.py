"""The race lab: each chapter played to its end as a learner would, and the free lab with its link and its files."""

from __future__ import annotations

import pytest

from rag.services import Services
from rag.ui.race import interleavings
from rag.ui.race.interleavings import ROWS
from rag.ui.race.levels import LEVELS, REPORTS, par, questions
from tests.pages.opening import calm, labels, press
from tests.pages.race.racing import chapter, lab, play, reached, said, shown, tell


def test_2_am(services: Services) -> None:
    page = lab("incident")
    assert [one["schedule"] for one in shown(page).data["questions"]] == ["AAAABBBB"]
    play(page, "AAAABBBB")
    board = shown(page)
    assert ("12 Willow Lane", "A!") in board.phone("B")
    assert ("9 Mill Road", "B") in board.phone("B")
    assert [box["title"] for box in board.boxes] == ["One shared list"]
    assert "Ben's answer shows Ada's address" in board.told
    assert "The chat's memory is **one object**" in said(page)
    assert reached(page) == {"incident-seen", "incident"}
    press(page, "Next: You are the scheduler")
    assert shown(page).slot == "scheduler"


def test_the_scheduler_makes_it_happen_and_then_not(services: Services) -> None:
    page = play(lab("scheduler"), "AAAABBBB")
    assert "foreign-read" in shown(page).kinds
    assert reached(page) == {"scheduler-leak"}
    assert [one["done"] for one in shown(page).data["goals"]] == [True, False]
    play(page, "ABABABAB")
    assert "in 60 of the 70 interleavings both answers look fine" in said(page)
    assert "wrong in all 70" in said(page)
    assert [one["par"] for one in shown(page).data["goals"]] == [0, 1]


def test_a_goal_that_was_left_before_python_heard_of_it_counts_and_is_judged(services: Services) -> None:
    page = lab("scheduler")
    tell(page, schedule="", ended=["BBBBAAAA", "AAAABBBB", "<b>", "AAAAAAAA", "ABABABAB"])
    assert reached(page) == {"scheduler-leak", "scheduler-no-leak", "scheduler"}
    page = lab("scheduler")
    tell(page, schedule="A", ended=["BBBBAAAA"])
    assert not reached(page)


def test_a_goal_is_reached_by_what_it_says_alone(services: Services) -> None:
    page = play(lab("scheduler"), "BBBBAAAA")
    assert "the other way round: Ada sees Ben's address" in shown(page).end["goals"]["leak"]
    assert not reached(page)
    page = play(lab("tabs"), "AABBAABB")
    assert "Stale, not torn" in shown(page).end["goals"]["torn"]
    assert not reached(page)
    page = play(lab("deepcopy"), "AAABBB")
    assert "Nothing is lost this time" in shown(page).end["goals"]["lost"]
    assert not reached(page)


@pytest.mark.parametrize("level", list(LEVELS))
def test_every_level_asks_what_it_has_an_answer_to_and_a_link_reaches_nothing(services: Services, level: str) -> None:
    for one in questions(level):
        assert 0 <= one.answer < len(one.options)
        chapter = "reports" if level in REPORTS else "tabs" if level == "lock" else level
        page = lab(chapter, **{level: one.schedule})
        if level != "lock":  # which is closed to who has not done what is before it
            assert shown(page).schedule == one.schedule
            assert shown(page).end
        assert not reached(page)


def test_what_is_wrong_with_the_code_is_for_the_learner_to_find(services: Services) -> None:
    page = lab("deepcopy")
    assert not any(bug for _, bug in shown(page).code)
    play(page, "ABAABB")
    assert any(bug for _, bug in shown(page).code)
    assert any(bug for _, bug in shown(lab("lab", strategy="lesson-deepcopy")).code)


def test_a_step_says_what_was_read_and_written_and_whose_it_is(services: Services) -> None:
    board = shown(lab("scheduler"))
    told = board.after("AAAAB")[1]
    assert told == "Ben reads the shared list: it holds Ada's question and answer, with Ada's address."
    assert board.after("AAAABBBB")[1].endswith("Ben's answer shows Ada's address.")


def test_what_the_browser_tells_is_bounded_and_of_this_board(services: Services) -> None:
    page = play(lab("scheduler"), "AAB")
    for told in ({"schedule": "<script>"}, {"schedule": "A" * 900}, {"board": "another", "schedule": "AA"}):
        tell(page, **told)
        assert page.session_state["race_scheduler"] == "AAB"
    tell(page, schedule="AA")
    assert page.query_params["scheduler"] in ("AA", ["AA"])


def test_the_clever_fix_loses_a_message(services: Services) -> None:
    page = play(lab("deepcopy"), "ABAABB")
    assert "lost-update" in shown(page).kinds
    assert "the clever fix is worse" in said(page)


def test_two_tabs_tear_a_turn_and_the_lock_holds(services: Services) -> None:
    page = play(lab("tabs"), "ABABABAB")
    assert "44 of the 70 interleavings tear a turn" in said(page)
    assert not any(owner.endswith("!") for _, owner in shown(page).phone("B"))  # both tabs are hers
    press(page, "Now with a lock")
    assert shown(page).slot == "lock"
    play(page, "A")
    assert shown(page).actor("B")["blocked"]
    assert "B" not in shown(page).after()[0][1]
    assert not any(one["kinds"] for one in shown(page).data["ends"])
    play(page, "AAABBB")
    assert "No schedule is left that goes wrong." in said(page)
    assert {"tabs", "lock"} <= reached(page)
    press(page, "Next: Every interleaving")
    assert shown(page).slot == "every"


def test_every_way_says_what_the_facts_say(services: Services) -> None:
    page = lab("every")
    assert "3 go wrong whichever way the turns interleave, 2 in some ways, and only turn-lock in none." in said(page)
    rows = {row for name, tabs in ROWS for row in [interleavings._row(interleavings._explored(name, tabs)[1])]}
    assert {"deepcopy: 20 of 20 wrong", "list: 68 of 70 wrong", "turn-lock: 0 of 2 wrong"} <= rows
    page.session_state["race_every_more"] = True
    text = said(calm(page.run()))
    assert "**shared**: All 70 interleavings leak, even with no interruption: a scope bug" in text
    assert "**deepcopy**: 2 of 20 interleavings leak" in text
    assert "**turn-lock**: 0 of 2 interleavings go wrong" in text


def test_every_way_is_played_by_keyboard_too(services: Services) -> None:
    page = lab("every")
    (memory,) = page.selectbox
    memory.select("lesson-deepcopy").run()
    assert not reached(page)
    press(page, "Next failure")
    assert shown(page).schedule == "AAABBB"
    assert reached(page) == {"every"}
    press(page, "Next failure")
    assert shown(page).schedule != "AAABBB"


def test_every_way_and_the_lab_are_as_they_were_after_another_chapter(services: Services) -> None:
    page = lab("every", memory="lesson-deepcopy", every="ABBBAA")
    chapter(page, "scheduler")
    chapter(page, "every")
    assert shown(page).schedule == "ABBBAA"
    assert page.selectbox[0].value == "lesson-deepcopy"
    assert "lost-update" in shown(page).kinds
    page = lab("lab", strategy="lesson-deepcopy", users="2", turns="1", schedule="ABAABB")
    chapter(page, "scheduler")
    chapter(page, "lab")
    assert page.selectbox[0].value == "lesson-deepcopy"
    assert shown(page).schedule == "ABAABB"


def test_a_link_opens_the_same_schedule_and_it_can_be_taken_home(services: Services) -> None:
    page = lab("lab", strategy="lesson-deepcopy", schedule="ABAABB", tabs="0", users="2", turns="1")
    assert "lost-update" in shown(page).kinds
    assert {"pytest", "PNG", "JSON"} <= {getattr(button, "label", "") for button in page.get("download_button")}
    tell(page, schedule="ABAAB")
    assert page.query_params["schedule"] in ("ABAAB", ["ABAAB"])
    assert "Play it to the end" in said(page)


def test_a_real_redis_strategy_is_played_too(services: Services) -> None:
    page = play(lab("lab", strategy="redis-turn", tabs="1"), "A")
    assert not shown(page).data["stepped"]
    assert shown(page).actor("B")["blocked"]
    assert "Random" in labels(page)


def test_real_reports_end_with_the_cancelled_command_of_march_2023(services: Services) -> None:
    page = lab("reports")
    played = {
        "worker": "AAABBB",
        "chain": "BAAAAABBBB",
        "overwrite": "ABABAB",
        "router": "AAABBBBAAB",
        "march-2023": "AAaBBBBB",
    }
    assert list(played) == list(REPORTS)
    for number, (name, schedule) in enumerate(played.items()):
        assert shown(page).slot == name
        assert all(f"]({address})" in said(page) for _, address in REPORTS[name].reports)
        assert all(one["par"] == par(name, one["name"]) <= 1 for one in shown(page).data["goals"])
        play(page, schedule)
        assert name in reached(page), (name, shown(page).end)
        titles = [one.title for one in REPORTS.values()]
        press(page, f"Next: {[*titles[1:], 'Lab'][number]}")
    assert "reports" in reached(page)
    assert shown(page).slot == "schedule"
    finale = shown(lab("reports", report="march-2023", **{"march-2023": "AAa"}))
    assert finale.boxes[-1]["title"].startswith("In the pool")
    assert ["12 Willow Lane", "A"] in finale.boxes[-1]["messages"][0][2]
