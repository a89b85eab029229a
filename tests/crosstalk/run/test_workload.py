"""The same workload and seed make the same people and words; a bad parameter is named; canaries are what they claim."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from typing import Any

import pytest

from rag.crosstalk import BadWorkload, Workload
from rag.crosstalk.log.events import Message
from rag.crosstalk.run.conversation import script
from rag.crosstalk.run.model import mirror
from rag.crosstalk.run.people import label
from rag.crosstalk.run.workload import Plan, plan
from rag.errors import CrosswireError


def folded(text: str) -> str:
    """What is left of a text where case, white space and separators do not count."""
    return re.sub(r"[\W_]", "", text).lower()


def planned(run: str = "r", cancelled: float = 0.0, **values: Any) -> Plan:
    return plan(Workload(**values), run, cancelled)


def said(made: Plan) -> list[tuple[str, float]]:
    return [(turn.text, turn.wait) for tab in made.tabs for turn in tab.turns]


def test_the_same_seed_says_the_same() -> None:
    assert said(planned(seed=7)) == said(planned("other", seed=7))
    assert said(planned(seed=7)) != said(planned(seed=8))


def test_a_user_is_the_same_person_however_many_others_there_are() -> None:
    assert said(planned(users=3)) == said(planned(users=5))[:9]


def test_a_script_states_first_and_asks_last() -> None:
    assert list(script(2)) == ["state", "recall"]
    assert list(script(3)) == ["state", "library", "recall"]
    assert list(script(4)) == ["state", "recall", "correct", "recall"]
    assert list(script(5)) == ["state", "library", "recall", "correct", "recall"]
    assert len(list(script(50))) == 50


def test_canaries_are_unique_and_planted_once_in_the_words_that_hold_them() -> None:
    made = planned(users=1000, turns=5, tabs=2)
    turns = [turn for tab in made.tabs for turn in tab.turns]
    canaries = [canary for turn in turns for canary in turn.plants]
    assert len(set(map(folded, canaries))) == len(canaries) == 1000 * 4
    assert all(canary in turn.text for turn in turns for canary in turn.plants)
    assert all(set(turn.expects) <= set(canaries) for turn in turns)
    assert min(len(folded(canary)) for canary in canaries) >= 15
    assert Counter(turn.text for turn in turns).most_common(1)[0][1] == 1


def test_nobody_says_the_control_canaries() -> None:
    made = planned(users=200, turns=5)
    everything = folded(" ".join(text for text, _ in said(made)))
    assert made.controls
    assert not [canary for canary in made.controls if folded(canary) in everything]


def test_what_is_corrected_is_expected_in_its_new_form() -> None:
    turns = planned(users=1, turns=5).tabs[0].turns
    name, order, old = turns[0].plants
    (new,) = turns[3].plants
    assert turns[2].expects == (name, order, old)
    assert turns[4].expects == (name, order, new)


@pytest.mark.parametrize("tabs", [2, 3, 20])
def test_a_user_is_one_person_in_all_tabs(tabs: int) -> None:
    for user in range(3):
        theirs = [tab.turns for tab in planned(users=3, turns=5, tabs=tabs).tabs if tab.user == user]
        alone = next(tab.turns for tab in planned(users=3, turns=5).tabs if tab.user == user)
        stated = [turn for turns in theirs for turn in turns if turn.about == "state"]
        assert [canary for turn in stated for canary in sorted(turn.plants)] == [
            *sorted([alone[0].plants[0], alone[0].plants[2]]),
            alone[0].plants[1],
        ]
        assert {turn.tab for turns in theirs for turn in turns if turn.about == "correct"} == {0}
        name, address, new = [*theirs[0][0].plants, *theirs[0][3].plants]
        (order,) = theirs[1][0].plants
        assert theirs[0][4].expects == (name, new)
        assert theirs[0][2].expects == (name, address)
        assert set(theirs[0][2].others) == {order}
        for turns in theirs[1:]:
            assert set(turns[2].expects + turns[2].others) == {name, order, new}  # never one that is to be corrected


def test_nothing_is_expected_of_a_turn_that_was_given_up() -> None:
    tabs = planned(users=200, turns=5, cancelled=0.5).tabs
    given_up = [turn for tab in tabs for turn in tab.turns if turn.gives_up is not None]
    assert 300 < len(given_up) < 500
    assert not [turn for turn in given_up if turn.expects or turn.number == 0]
    for tab in tabs:
        lost = {canary for turn in tab.turns if turn.gives_up is not None for canary in turn.plants}
        assert not lost & {canary for turn in tab.turns for canary in turn.expects}


def test_sessions_differ_and_neighbours_differ_by_case_alone() -> None:
    sessions = planned(users=100).sessions
    assert len(set(sessions)) == 100
    assert len({session.lower() for session in sessions}) == 50


def test_labels_are_unique() -> None:
    assert len({label(number) for number in range(10_000)}) == 10_000


@pytest.mark.parametrize(
    ("arrival", "first", "last"),
    [("at once", 0.0, 0.0), ("ramp:10", 0.0, 9.9)],
)
def test_arrivals(arrival: str, first: float, last: float) -> None:
    moments = list(Workload(arrival=arrival).arrivals())
    assert (moments[0], moments[-1], len(moments)) == (first, last, 100)


def test_poisson_arrivals_keep_their_rate_and_seed() -> None:
    moments = list(Workload(users=10_000, arrival="poisson:50", seed=3).arrivals())
    assert moments == sorted(moments)
    assert 180 < moments[-1] < 220
    assert moments == list(Workload(users=10_000, arrival="poisson:50", seed=3).arrivals())


def test_latencies_are_fixed_or_log_normal() -> None:
    assert {wait for _, wait in said(planned(latency="0.2"))} == {0.2}
    waits = sorted(wait for _, wait in said(planned(users=2000, latency="0.2~0.5")))
    assert 0.18 < waits[len(waits) // 2] < 0.22
    assert waits[-1] > 0.6


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("users", value) for value in (0, -1, 10_001, 2.5, "100", True)],
        *[("turns", value) for value in (0, 1, 1001)],
        *[("tabs", value) for value in (0, 21)],
        *[("processes", value) for value in (0, 17)],
        *[("in_flight", value) for value in (0, 513)],
        *[("think", value) for value in (-1, 61, float("nan"), "a")],
        *[("cancelled", value) for value in (-0.1, 1.1, float("nan"))],
        *[
            ("arrival", value)
            for value in ("", "later", "ramp", "ramp:", "ramp:-1", "poisson:0", "poisson:x", "ramp:nan")
        ],
        *[("latency", value) for value in ("", "fast", "-1", "1~", "0.1~9", "nan", "inf", "61")],
        ("seed", "7"),
    ],
)
def test_a_bad_parameter_is_named(name: str, value: Any) -> None:
    with pytest.raises(BadWorkload) as caught:
        Workload(**{name: value})
    assert caught.value.parameter == name
    assert isinstance(caught.value, CrosswireError)
    assert "expected" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_too_much_in_all_is_refused() -> None:
    with pytest.raises(BadWorkload, match="1000000"):
        Workload(users=10_000, turns=101)


def test_a_workload_does_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Workload().users = 5  # type: ignore[misc]


def test_the_mirror_repeats_the_newest_facts_of_its_prompt_whoever_stated_them() -> None:
    ada, ben = (tab.turns for tab in planned(users=2, turns=5).tabs)
    stated = [Message("user", turns[0].text) for turns in (ben, ada)]
    recall = Message("user", ada[2].text)
    assert all(canary in mirror([*stated, recall]) for canary in ada[2].expects)
    assert all(canary in mirror([*reversed(stated), recall]) for canary in ben[0].plants)
    corrected = mirror([*stated, Message("user", ada[3].text), Message("user", ada[4].text)])
    assert all(canary in corrected for canary in ada[4].expects)
    assert ada[0].plants[2] not in corrected


def test_the_mirror_knows_nothing_but_its_prompt_and_no_two_answers_are_alike() -> None:
    turns = [turn for tab in planned(users=50, turns=5).tabs for turn in tab.turns]
    answers = [mirror([Message("user", turn.text)]) for turn in turns]
    assert len(set(answers)) == len(answers)
    assert not [
        answer for turn, answer in zip(turns, answers, strict=True) for canary in turn.plants if canary in answer
    ]
    assert mirror([]) == mirror([])
