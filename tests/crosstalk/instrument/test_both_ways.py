"""Each wrong chat is found, and no right one is accused."""

from __future__ import annotations

import pytest

from rag.crosstalk import STRATEGIES, RunResult, simulate
from tests.crosstalk.instrument.cases import Case
from tests.crosstalk.instrument.gallery import STRATEGY_CASES
from tests.crosstalk.instrument.meeting import MEETINGS, Meeting
from tests.crosstalk.instrument.right import STYLES
from tests.crosstalk.instrument.serving import behind
from tests.crosstalk.instrument.wrong import WRONG

CASES = [*WRONG, *STRATEGY_CASES, *STYLES]
OVER_REDIS = next(case for case in STRATEGY_CASES if "reused-connection" in case.name)


def played(case: Case, protocol: str, seed: int = 1) -> RunResult:
    with behind(case, protocol) as target:
        return simulate(target, case.planned(seed))


@pytest.mark.parametrize("case", [case for case in CASES if case.wrong], ids=lambda case: case.name)
def test_a_wrong_chat_is_found_and_rightly_named(case: Case) -> None:
    result = played(case, "called")
    assert result.report.verdict == "anomalies", result.report.why
    assert case.kinds & result.report.counts.keys(), result.report.counts


@pytest.mark.parametrize("case", [case for case in CASES if not case.wrong], ids=lambda case: case.name)
def test_a_right_chat_is_not_accused(case: Case) -> None:
    result = played(case, "called")
    assert result.report.counts == {}
    assert result.report.verdict in case.may, result.report.why


# Each door with a wrong one and a right one; all with each: docs/instrument.md.
@pytest.mark.parametrize(
    ("case", "protocol"),
    [
        *((WRONG[0], "JSON"), (STYLES[4], "JSON")),
        *((OVER_REDIS, "events"), (STYLES[0], "events")),
        *((WRONG[0], "websocket"), (STYLES[4], "websocket")),
    ],
    ids=lambda one: one if isinstance(one, str) else one.name,
)
def test_the_door_makes_no_difference(case: Case, protocol: str) -> None:
    result = played(case, protocol)
    assert (result.report.verdict == "anomalies") == case.wrong, result.report.why


def test_every_memory_of_the_gallery_is_asked_and_those_in_redis_and_sql_wrongly_too() -> None:
    asked = {case.name.partition(" ")[0]: case.wrong for case in STRATEGY_CASES}
    assert asked.keys() == STRATEGIES.keys()
    assert all(asked[name] for name, kind in STRATEGIES.items() if kind.uses_redis or name.startswith("sql"))


@pytest.mark.parametrize("one", MEETINGS, ids=lambda one: one.name)
def test_users_who_meet_are_told_rightly(one: Meeting) -> None:
    report = one.played().report
    assert report.verdict == one.must, report.why
