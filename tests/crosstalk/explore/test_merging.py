"""Equal states played once, and logs of one pattern judged once, against each schedule by itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from types import SimpleNamespace

import pytest

from rag.crosstalk import Lab
from rag.crosstalk.checker.check import judged
from rag.crosstalk.explore import states
from rag.crosstalk.explore.explorer import make_scene, make_stage
from rag.crosstalk.explore.merging import count, graph, paths
from rag.crosstalk.explore.outcomes import Judge, Outcome, Pattern, addresses, patterns
from rag.crosstalk.explore.scenes import Scene
from rag.crosstalk.explore.schedules import Played, explore, ordered
from rag.crosstalk.explore.states import Opaque
from rag.crosstalk.explore.stepping import Stage, played
from rag.crosstalk.strategies import LESSONS, STRATEGIES, Asked
from rag.crosstalk.strategies.base import PerSession
from rag.crosstalk.strategies.lessons.list_per_session import ListApart
from tests.crosstalk.explore.scheduled import Crossed, Handing, Looking, Stacking

IN_PROCESS = [name for name, kind in STRATEGIES.items() if kind.in_process and name != "unfiltered-retrieval"]


@pytest.mark.parametrize("name", [*LESSONS, *IN_PROCESS])
@pytest.mark.parametrize("tabs", [False, True])
def test_merging_keeps_every_outcome(name: str, tabs: bool, lab: Lab) -> None:
    merged, alone = each(make_stage(name, make_scene(tabs=tabs, turns=1), lab))
    assert merged == alone


@pytest.mark.parametrize("name", ["dict-with-lock", "default-argument", "lesson-list", "lesson-turn-lock"])
@pytest.mark.parametrize("tabs", [False, True])
def test_merging_keeps_turns_that_are_given_up(name: str, tabs: bool, lab: Lab) -> None:
    merged, alone = each(make_stage(name, make_scene(tabs=tabs, cancels=1), lab))
    assert merged == alone
    assert any(not schedule.isupper() for schedule in merged)


def test_merging_keeps_deadlocks(lab: Lab) -> None:
    merged, alone = each(Stage(make_scene(), lambda: Crossed(lab), Asked))
    assert merged == alone


def each(stage: Stage) -> tuple[dict[str, tuple[int, Outcome]], dict[str, tuple[int, Outcome]]]:
    """Each schedule, with equal states merged and played one by one."""
    judge = Judge(stage.scene)
    merged = {schedule: (count, outcome) for schedule, count, outcome in paths(graph(stage, never), judge)}
    alone = {
        one.schedule: (one.preemptions, one.outcome) for one in ordered(stage, judge=judge) if isinstance(one, Played)
    }
    return merged, alone


@pytest.mark.parametrize("name", ["dict-with-lock", "thread-local", "lesson-deepcopy"])
def test_merging_keeps_every_outcome_of_two_turns_each(name: str, lab: Lab) -> None:
    stage = make_stage(name, make_scene(turns=2), lab)
    merged, alone = explore(stage, merge=True), explore(replace(stage, scene=replace(stage.scene, turns=2)))
    assert merged.merged
    assert not alone.merged
    assert merged.counts == alone.counts
    assert {kind: one.schedule for kind, one in merged.first.items()} == {
        kind: one.schedule for kind, one in alone.first.items()
    }


def compared(stage: Stage) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """The outcome of each schedule, with equal states merged and played one by one."""
    judge = Judge(stage.scene)
    merged = {schedule: outcome.kinds for schedule, _, outcome in paths(graph(stage, lambda: False), judge)}
    return merged, {one.schedule: one.outcome.kinds for one in ordered(stage) if isinstance(one, Played)}


@pytest.mark.parametrize("kind", [Looking, Handing, Stacking])
@pytest.mark.parametrize("tabs", [False, True])
def test_a_variable_is_left_out_of_a_state_only_if_nobody_reads_it(
    kind: type[PerSession], tabs: bool, lab: Lab
) -> None:
    merged, alone = compared(Stage(make_scene(tabs=tabs), lambda: kind(lab), Asked))
    assert merged == alone
    assert len(set(alone.values())) > 1 or not tabs


def test_a_merge_that_leaves_out_too_much_is_noticed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison above would fail: with no variables in a state, schedules get the outcome of others."""
    monkeypatch.setattr(states, "_needed", lambda code: SimpleNamespace(get=lambda place, every: ()))
    merged, alone = compared(make_stage("lesson-list-pair", make_scene(tabs=True, turns=2), lab))
    assert merged != alone


SCENES = (Scene(turns=1), Scene(turns=2), Scene(turns=2, tabs=True), Scene(users=3), Scene(users=3, tabs=True))


@pytest.mark.parametrize(
    ("name", "scene"),
    [
        *((name, scene) for name in LESSONS for scene in SCENES),
        *((name, scene) for name in IN_PROCESS for scene in SCENES[1:3]),
    ],
    ids=str,
)
def test_what_is_alike_is_judged_as_each_would_be_alone(name: str, scene: Scene, lab: Lab) -> None:
    """By a judge that saw others before, and by the whole checker."""
    for outcome in outcomes_of(make_stage(name, scene, lab)):
        assert set(outcome.kinds) == set(judged(outcome.trace.events(scene)).findings.counts)


def test_a_pattern_that_leaves_out_too_much_is_noticed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison above would fail: by what is stored alone, some are taken for others."""
    monkeypatch.setattr(Pattern, "__call__", lambda self, trace: trace.stored)
    scene = make_scene(tabs=True, turns=2)
    found = outcomes_of(make_stage("lesson-list-pair", scene, lab))
    assert any(set(one.kinds) != set(judged(one.trace.events(scene)).findings.counts) for one in found)


def test_who_of_two_tabs_ended_first_is_the_same_to_the_next_one(lab: Lab) -> None:
    """Both had ended before it was sent, so it may lack nothing that either of them had read."""
    stage = make_stage("lesson-deepcopy", make_scene(tabs=True, turns=2), lab)
    one, other = (Judge(stage.scene)(played(stage, schedule)).kinds for schedule in ("AABBBBBBAAAA", "BBAAAAAABBBB"))
    assert one == other
    assert "backward-read" in one


def test_the_actors_may_change_places(lab: Lab) -> None:
    """Of the traces of a memory that treats all alike, two of two and six of three are judged at once."""
    for scene, share in ((make_scene(turns=2), 2), (make_scene(users=3), 6)):
        known = addresses(scene)
        found = {one.trace for one in outcomes_of(make_stage("lesson-shared-pair", scene, lab), 1000)}
        alike = {frozenset(pattern(trace) for pattern in patterns(scene, known)) for trace in found}
        assert len(alike) * share == len(found)


def outcomes_of(stage: Stage, most: int = 40) -> Iterator[Outcome]:
    found = count(graph(stage, never), Judge(stage.scene), never)
    return islice((outcome for outcome, _, _ in found), most)


def never() -> bool:
    return False


def test_what_cannot_be_seen_whole_is_not_merged(lab: Lab) -> None:
    class Hidden(ListApart):
        def __init__(self, lab: Lab) -> None:
            super().__init__(lab)
            self.lock = threading.RLock()

    scene = make_scene()
    stage = Stage(scene, lambda: Hidden(lab), Asked)
    with pytest.raises(Opaque, match="RLock"):
        graph(stage, lambda: False)
    assert explore(stage, merge=True).total == 70
