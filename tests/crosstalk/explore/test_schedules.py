"""The explorer against what can be counted by hand: the facts table, binomial coefficients, planted bugs."""

from __future__ import annotations

from dataclasses import replace
from math import comb

import pytest

from rag.crosstalk import Lab
from rag.crosstalk.bench import exploring as rates
from rag.crosstalk.explore.explorer import (
    CannotPlay,
    certify,
    certify_until_wrong,
    explore_strategy,
    make_scene,
    make_stage,
    replay,
    scenes_of,
)
from rag.crosstalk.explore.outcomes import Judge, gravest
from rag.crosstalk.explore.schedules import How, Played, explore, ordered, pct, shrunk
from rag.crosstalk.explore.stepping import LONGEST, BadSchedule, Stage, played
from rag.crosstalk.explore.verdicts import verdict
from rag.crosstalk.strategies import STRATEGIES, TABLE, Asked, Fact
from tests.crosstalk.explore.scheduled import Crossed, Failing, Hiding, Late, Long, Looker, Mortal, Stepless


@pytest.mark.parametrize("fact", TABLE, ids=lambda fact: fact.what)
def test_the_facts_table_comes_out_exactly(fact: Fact, lab: Lab) -> None:
    found = certify(fact.strategy, make_scene(tabs=fact.tabs, turns=fact.turns), lab).explored
    assert found.how is How.EXHAUSTIVE
    assert found.total == fact.interleavings
    for what, number in fact.seen.items():
        assert number == (found.wrong if what == "wrong" else found.with_any(frozenset(what.split("+")))), what


def test_the_row_of_the_redis_list_holds_on_redis(lab: Lab) -> None:
    """68 go wrong, 60 stale; torn are 44 of them. The facts table's “68 torn” counts the 24 that are only stale."""
    found = certify("redis-list", make_scene(tabs=True), lab).explored
    assert (found.total, found.wrong, found.kinds["stale-prompt"]) == (70, 68, 60)
    assert found.with_any(frozenset({"interleaved-turns", "mid-turn-read"})) == 44
    assert certify("redis-list", make_scene(), lab).explored.wrong == 0


@pytest.mark.parametrize(("k", "name"), [(3, "lesson-list-pair"), (4, "lesson-list"), (5, "cached-chain")])
def test_preemptions_are_counted_as_the_formulas_say(k: int, name: str, lab: Lab) -> None:
    by = certify(name, make_scene(), lab).explored.preemptions
    totals = [by[number][1] for number in sorted(by)]
    assert sum(totals) == comb(2 * k, k)
    assert sum(totals[:2]) == 2 * k
    assert sum(totals[:3]) == 2 * (k * k - k + 1)


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name not in ("unfiltered-retrieval", "sql")])
def test_each_strategy_gets_its_counterexample_or_its_certificate(name: str, lab: Lab) -> None:
    kind = STRATEGIES[name]
    expected, possible = kind.expected(cancelled=kind.cancels), kind.expected(cancelled=1.0) | kind.may
    scenes = scenes_of(name, make_scene(), given=False)
    found = certify_until_wrong(name, scenes, lab, limit=300 if kind.cancels else 40)
    assert set(found.explored.kinds) <= possible
    assert found.right == (not expected), found.verdict
    if found.simplest is not None:
        assert expected & set(found.simplest.outcome.kinds)
        again = replay(name, found.simplest.schedule, turns=found.simplest_scene.turns, lab=lab)
        assert again.kinds == found.simplest.outcome.kinds


@pytest.mark.parametrize("name", [name for name, kind in STRATEGIES.items() if kind.expects_tabs and name != "sql"])
def test_two_tabs_show_what_they_are_listed_with(name: str, lab: Lab) -> None:
    found = explore_strategy(name, tabs=True, turns=1, lab=lab)
    assert STRATEGIES[name].expects_tabs <= set(found.explored.kinds)
    assert found.explored.shortest is not None
    assert found.explored.shortest.preemptions == 1


@pytest.mark.parametrize("name", ["dict-with-lock", "sqlite", "redis-turn", "lesson-turn-lock", "lesson-list-checked"])
def test_two_tabs_of_a_right_one_are_right(name: str, lab: Lab) -> None:
    found = certify_until_wrong(name, scenes_of(name, make_scene(tabs=True), given=False), lab, limit=120)
    assert found.right, found.verdict


def test_the_same_schedule_gives_the_same_log_byte_for_byte(lab: Lab) -> None:
    for name in ("shared-buffer", "redis-list", "redis-turn", "sqlite"):
        scene = make_scene(turns=2)
        schedule = next(one.schedule for one in ordered(make_stage(name, scene, lab), 1) if isinstance(one, Played))
        logs = [played(make_stage(name, scene, lab), schedule).events(scene) for _ in range(2)]
        assert repr(logs[0]) == repr(logs[1])


def test_a_schedule_that_cannot_be_played_says_where(lab: Lab) -> None:
    stage = make_stage("lesson-turn-lock", make_scene(tabs=True), lab)
    with pytest.raises(BadSchedule, match=r"letter 2, Ada, tab 2 has to wait .*possible: A"):
        played(stage, "AB")
    with pytest.raises(BadSchedule, match="no step left"):
        played(stage, "AAAA")
    for schedule in ("AX", "A1", "Aé", "a"):
        with pytest.raises(CannotPlay) as caught:
            replay("lesson-turn-lock", schedule, lab=lab)
        assert "\n" not in str(caught.value)


def test_a_step_that_would_block_is_not_offered(lab: Lab) -> None:
    found = certify("lesson-turn-lock", make_scene(tabs=True), lab).explored
    assert (found.total, found.wrong) == (2, 0)
    assert certify("lesson-turn-lock", make_scene(), lab).explored.total == 20
    assert certify("dict-with-lock", make_scene(tabs=True, turns=2), lab).explored.total == comb(4, 2)


def test_a_deadlock_is_found_and_told(lab: Lab) -> None:
    scene = make_scene()
    for merge in (False, True):
        found = explore(Stage(scene, lambda: Crossed(lab), Asked), merge=merge)
        assert "deadlock" in found.kinds
        assert found.first["deadlock"].preemptions == 1
        assert "waiting for another" in found.first["deadlock"].outcome.told
        assert "never end, with at least one interruption: a race" in verdict(found)


@pytest.mark.parametrize("merge", [False, True])
@pytest.mark.parametrize("at_once", [False, True])
def test_a_memory_that_answers_nobody_is_not_called_right(at_once: bool, merge: bool, lab: Lab) -> None:
    scene = make_scene(turns=2)
    found = explore(Stage(scene, lambda: Failing(lab, at_once=at_once), Asked), merge=merge)
    assert (found.wrong, found.answered, found.sure) == (0, False, False)
    assert verdict(found).startswith("Nothing can be said, because no turn was answered (ValueError: no service) (")


@pytest.mark.parametrize("merge", [False, True])
def test_a_turn_without_a_step_is_one_step(merge: bool, lab: Lab) -> None:
    found = explore(Stage(make_scene(turns=2), lambda: Stepless(lab), Asked), merge=merge)
    assert (found.total, found.answered) == (comb(4, 2), True)


def test_who_waits_by_looking_again_is_not_accused_of_an_unfair_schedule(lab: Lab) -> None:
    """Those that never let the holder go on are played to their end with everybody in turn."""
    scene = make_scene()
    right = explore(Stage(scene, lambda: Looker(lab, freed=True), Asked), merge=True)
    assert (right.wrong, right.cut) == (0, True)
    assert verdict(right).endswith(f"every way of up to {LONGEST} steps)")
    assert verdict(right).startswith("0 of 800 interleavings")
    wrong = explore(Stage(scene, lambda: Looker(lab, freed=False), Asked), merge=True)
    assert set(wrong.kinds) == {"livelock"}
    assert wrong.wrong == wrong.total


def test_what_pickle_is_not_shown_is_played_one_by_one(lab: Lab) -> None:
    stage = Stage(make_scene(turns=2), lambda: Hiding(lab), Asked)
    merged, alone = explore(stage, merge=True), explore(stage, merge=False)
    assert not merged.merged
    assert merged.counts == alone.counts
    assert merged.with_any(frozenset({"lost-append"})) == 64


def test_shrinking_can_be_stopped(lab: Lab) -> None:
    stage = make_stage("lesson-deepcopy", make_scene(turns=2), lab)
    found = explore(stage).first["lost-update"]
    assert shrunk(stage, found, "lost-update", stop=lambda: True) == (stage.scene, found)
    assert shrunk(stage, found, "lost-update")[0] == make_scene()


@pytest.mark.parametrize("schedule", ["", "A", "AABBA"])
def test_a_schedule_that_is_not_over_is_not_called_right(schedule: str, lab: Lab) -> None:
    outcome = Judge(make_scene())(played(make_stage("lesson-list", make_scene(), lab), schedule))
    assert (outcome.wrong, outcome.right) == (False, False)
    assert outcome.told == "Nothing has gone wrong so far: 0 of 2 turns have ended. Play on."


@pytest.mark.parametrize("hidden", [0, 5, 10])
def test_a_planted_bug_of_depth_two_is_found_among_twelve_steps(hidden: int, lab: Lab) -> None:
    stage = Stage(make_scene(), lambda: Long(lab, hidden), Asked)
    runs = 0
    for one in ordered(stage, 1):
        runs += isinstance(one, Played)
        if isinstance(one, Played) and one.outcome.wrong:
            break
    else:
        pytest.fail("not found with one preemption")
    assert one.preemptions == 1
    assert runs <= 2 * 12
    assert set(one.outcome.kinds) == {"lost-append"}


def test_a_right_one_is_never_accused(lab: Lab) -> None:
    stage = Stage(make_scene(), lambda: Long(lab, None), Asked)
    found = explore(stage, bound=2)
    assert (found.total, found.wrong) == (2 * (144 - 12 + 1), 0)
    assert found.how is How.BOUNDED
    everything = explore(stage, merge=True)
    assert (everything.total, everything.wrong) == (comb(24, 12), 0)


def test_three_users_are_searched_by_pct_with_its_bound(lab: Lab) -> None:
    stage = Stage(make_scene(users=3), lambda: Long(lab, 5), Asked)
    found = explore(stage)
    assert found.how is How.RANDOM
    assert found.wrong
    assert found.odds == pytest.approx((1 - 1 / (3 * 36)) ** 2000)
    assert "is missed with a probability of at most" in verdict(found)
    assert explore(Stage(make_scene(users=3), lambda: Long(lab, None), Asked)).wrong == 0
    first = [one.schedule for one, _ in zip(pct(stage, 7, 36), range(5), strict=False)]
    assert first == [one.schedule for one, _ in zip(pct(stage, 7, 36), range(5), strict=False)]


def test_three_users_are_counted_where_states_can_be_told(lab: Lab) -> None:
    found = certify("lesson-list-pair", make_scene(users=3), lab).explored
    assert (found.total, found.wrong) == (1680, 0)


def test_a_search_can_be_stopped_and_keeps_what_it_has(lab: Lab) -> None:
    left = iter([False] * 10)
    found = explore(make_stage("redis-list", make_scene(tabs=True), lab), stop=lambda: next(left, True))
    assert found.how is How.STOPPED
    assert 0 < found.total < 70
    assert "stopped" in verdict(found)
    at_once = certify("lesson-list", make_scene(), lab, stop=lambda: True)
    assert (at_once.explored.total, at_once.status) == (0, "unknown")


def test_verdicts_read_as_they_should(lab: Lab) -> None:
    def said(name: str, **scene: bool) -> str:
        return certify(name, make_scene(**scene), lab).verdict

    assert said("lesson-list") == "0 of 70 interleavings go wrong (2 users, 4 steps, exhaustive)"
    assert said("lesson-deepcopy-session", tabs=True).startswith(
        "18 of 20 interleavings lose a message, with at least one interruption: a race"
    )
    assert said("lesson-shared").startswith("All 70 interleavings leak, even with no interruption: a scope bug")


@pytest.mark.parametrize("scene", [{"users": 3}, {"turns": 2}])
def test_a_counterexample_is_as_short_as_it_can_be(scene: dict[str, int], lab: Lab) -> None:
    found = certify("lesson-shared-pair", make_scene(users=scene.get("users", 2), turns=scene.get("turns", 1)), lab)
    assert found.simplest is not None
    assert (found.simplest_scene.users, found.simplest_scene.turns) == (2, 1)
    assert found.simplest.schedule == "AAB"
    shorter = replay("lesson-shared-pair", found.simplest.schedule[:-1], lab=lab)
    assert next(gravest(found.simplest.outcome.kinds)) not in shorter.kinds


def test_a_certificate_says_what_was_explored(lab: Lab) -> None:
    content = explore_strategy("redis-turn", tabs=True, lab=lab).to_dict()
    assert content["wrong"] == 0
    assert content["counterexample"] is content["replay"] is None
    assert content["explored"] == "exhaustive"
    assert len(content["source_sha256"]) == 64
    assert content["steps"][0][:3] == ["wait and load", "ask", "save turn"]


def test_redis_turn_bears_a_holder_that_comes_back_late(lab: Lab) -> None:
    """Its lease ends at every place; whoever was overtaken is refused, and nothing is lost, torn or stale."""
    lab.open_redis()
    stage = replace(make_stage("redis-turn", make_scene(tabs=True), lab), make=lambda: Late(lab))
    found = explore(stage)
    assert (found.total, found.wrong) == (20, 0), found.kinds
    ends = [one for cell in found.cells for one in cell.outcome.trace.moments if one[0] == "fail"]
    assert len(ends) == 18
    assert all("TurnLost" in text for _, _, text in ends)


def test_redis_turn_bears_a_holder_that_dies(lab: Lab) -> None:
    lab.open_redis()
    scene = make_scene(tabs=True, cancels=1)
    stage = replace(make_stage("redis-turn", scene, lab), make=lambda: Mortal(lab))
    found = explore(stage)
    assert found.how is How.EXHAUSTIVE
    assert found.wrong == 0, found.kinds
    assert sum("b" in one.schedule.lower() and "a" in one.schedule for one in found.cells) == 4


def test_rates_are_of_whole_explorations(lab: Lab) -> None:
    rows = list(rates.measure(["lesson-list-pair"], 2, lab, 1, lambda told: None))
    assert [(row.schedules, row.explored) for row in rows] == [
        (924, "exhaustive"),
        (924, "exhaustive"),
        (1680, "exhaustive"),
    ]
    assert all(row.a_second > 0 for row in rows)
    assert {"shared-buffer", "lesson-shared"} <= set(rates.names())
