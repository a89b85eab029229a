"""Equal request ids of two clients swap answers, and nothing else; ids of their own swap none."""

from __future__ import annotations

from typing import Any

import pytest

from rag.crosstalk import Lab, Workload, explore, simulate
from rag.crosstalk.explore.explorer import certify, make_scene, replay
from rag.crosstalk.log.events import Ok, read

SWAPPED = {"foreign-read", "swapped-answer"}


@pytest.mark.parametrize(
    ("scene", "wrong", "total", "mended"),
    [
        ({}, 60, 210, 252),
        ({"cancels": 1}, 222, 1_022, 1_162),
        ({"tabs": True, "cancels": 1}, 0, 290, 290),
        ({"turns": 2}, 46_020, 124_870, 184_756),
    ],
)
def test_every_interleaving(scene: dict[str, Any], wrong: int, total: int, mended: int, lab: Lab) -> None:
    """Nobody waits for ever, whoever cancels; the schedules that a wait rules out are those that are missing."""
    found = certify("response-router", make_scene(**scene), lab).explored
    assert (found.wrong, found.total, set(found.kinds)) == (wrong, total, SWAPPED if wrong else set())
    assert all(count == wrong for count in found.kinds.values())
    assert not found.preemptions[0][0]
    right = certify("routed-by-client", make_scene(**scene), lab)
    assert (right.explored.wrong, right.explored.total, right.status) == (0, mended, "isolated")


def test_the_shortest_schedule_is_an_exchange(lab: Lab) -> None:
    found = explore("response-router", lab=lab)
    assert found.simplest is not None
    assert found.simplest.schedule == "AAABBBBAA"
    told = replay("response-router", "AAABBBBAAB", lab=lab)
    assert [(op, text) for what, op, text in told.trace.moments if what == "ok"] == [
        (1, "It goes to 9 Mill Road. (to B1)"),
        (2, "It goes to 12 Willow Lane. (to A1)"),
    ]


def test_a_run_blames_the_way_back_and_not_the_store(lab: Lab, tmp_path: Any) -> None:
    """Small talk holds no canary: what the model made for whom, the log says."""
    plan = Workload(users=30, turns=3, latency="0.003~0.5", seed=2, cancelled=0.1)
    wrong = simulate("response-router", plan, lab=lab, log=tmp_path / "log").report
    assert wrong.counts.keys() == SWAPPED
    with (tmp_path / "log").open() as lines:
        ends = [event for event in read(lines) if isinstance(event, Ok)]
    strayed = [end for end in ends if end.completion is not None]
    assert wrong.counts["swapped-answer"] <= len(strayed) < len(ends)
    assert simulate("routed-by-client", plan, lab=lab).report.verdict == "isolated"
