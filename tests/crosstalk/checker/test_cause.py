"""Whether it takes a race: a log says it only where it can, and never says anything else than the explorer does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rag.crosstalk import Lab, Workload, simulate
from rag.crosstalk.checker.anomalies import LEAKS
from rag.crosstalk.checker.check import check
from rag.crosstalk.checker.sentences import CAUSES
from rag.crosstalk.explore.explorer import certify_until_wrong, make_scene, scenes_of
from rag.crosstalk.explore.outcomes import GROUPS
from rag.crosstalk.explore.schedules import Explored
from rag.crosstalk.log.events import Control, Document, Event, Message, Prompt, Retrieved, read
from tests.crosstalk.checker.short import ADA_AND_BEN, ADAS, BENS, stored, turn

LEAKING = (
    "shared-buffer",
    "deepcopy-per-request",
    "constant-session-id",
    "default-argument",
    "context-variable",
    "folded-key",
    "cached-chain",
    "reused-connection",
    "response-router",
)


def explored_cause(found: Explored) -> str:
    fewest = [fewest for group in GROUPS if group.leak and (fewest := found.in_group(group)[1]) is not None]
    return "race" if min(fewest) else "scope bug"


@pytest.mark.parametrize("name", LEAKING)
def test_no_schedule_is_given_another_cause_than_the_explorer_gives(name: str, lab: Lab) -> None:
    explored = certify_until_wrong(name, scenes_of(name, make_scene(), given=False), lab, limit=300).explored
    cause = explored_cause(explored)
    said: dict[int, set[str | None]] = {}
    for one in explored.cells:
        if not set(LEAKS).isdisjoint(one.outcome.kinds):
            said.setdefault(one.preemptions, set()).add(one.outcome.report.cause)
    assert said
    assert set().union(*said.values()) <= {cause, "cannot tell"}
    if cause == "scope bug":
        assert "scope bug" in said[0]


def test_a_run_with_one_turn_at_a_time_tells(lab: Lab) -> None:
    once = Workload(users=5, turns=3, latency="0", in_flight=1)
    found = simulate("shared-buffer", once, lab=lab).report
    assert (found.cause, found.about_cause) == ("scope bug", CAUSES["scope bug"])
    assert simulate("cached-chain", once, lab=lab).report.cause is None


@pytest.mark.parametrize("name", ["shared-buffer", "cached-chain"])
def test_a_run_that_overlaps_says_what_the_explorer_finds(name: str, lab: Lab, tmp_path: Path) -> None:
    log = tmp_path / "log"
    found = simulate(name, Workload(users=30, turns=3, latency="0.05", seed=3), lab=lab, log=log).report
    with log.open("rb") as lines:
        alone = check(read(lines))
    assert alone.cause == "cannot tell"
    assert found.cause == {"shared-buffer": "scope bug", "cached-chain": "race"}[name]
    assert "explore finds it" in found.about_cause
    assert "cannot tell" not in found.about_cause
    assert replace(found, cause=alone.cause, about_cause=alone.about_cause) == alone


SEES_A_LETTER = [
    *ADA_AND_BEN[:4],
    *turn(4, "Ben", 6, "And mine?", f"It is {BENS}."),
]


def with_letter(events: list[Event]) -> list[Event]:
    return [*events[:-1], Retrieved(4, (Document("letter", "ada", "To Ada."),)), events[-1]]


def test_a_document_of_somebody_else_is_a_leak_like_any_other() -> None:
    report = check(with_letter(SEES_A_LETTER))
    assert (report.counts, report.cause) == ({"retrieval-leak": 1}, "scope bug")
    beside = [*ADA_AND_BEN[:4], *turn(5, "Ada", 5, "Hello?", "Hello.", until=9), *SEES_A_LETTER[4:]]
    assert check(with_letter(beside)).cause == "cannot tell"


def test_a_leak_after_any_overlap_or_after_a_turn_that_was_given_up_tells_nothing() -> None:
    leak = turn(9, "Cleo", 20, "And mine?", f"It is {ADAS}.")
    assert check([*ADA_AND_BEN, *leak]).cause == "scope bug"
    assert check([*ADA_AND_BEN, *turn(7, "Dan", 8, "Well.", None), *leak]).cause == "scope bug"
    assert check([*ADA_AND_BEN, *turn(7, "Dan", 8, "Well.", ""), *leak]).cause == "cannot tell"
    overlap = [*turn(7, "Dan", 8, "One.", "1", until=10), *turn(8, "Eva", 9, "Two.", "2")]
    assert check([*ADA_AND_BEN, *overlap, *leak]).cause == "cannot tell"
    assert check(
        [*ADA_AND_BEN, *leak, *turn(7, "Dan", 30, "One.", "1", until=40), *turn(8, "Eva", 31, "Two.", "2")]
    ).cause


def test_what_is_stored_tells_when_it_was_read() -> None:
    foreign = stored("cleo", 20, "My order?", f"It is {ADAS}.")
    cleo = turn(9, "Cleo", 10, "My order?", "Which one?")
    later = [*turn(7, "Dan", 30, "One.", "1", until=40), *turn(8, "Eva", 31, "Two.", "2")]
    assert check([*ADA_AND_BEN, *cleo, foreign, *later]).cause == "scope bug"
    assert (
        check([*ADA_AND_BEN, *cleo, *later, stored("cleo", 50, "My order?", f"It is {ADAS}.")]).cause == "cannot tell"
    )


def test_no_leak_has_no_cause() -> None:
    assert (check(ADA_AND_BEN).cause, check(ADA_AND_BEN).about_cause) == (None, "")


def test_where_nothing_can_be_said_there_is_neither_a_cause_nor_a_bound() -> None:
    broken = Control("LK-AAAA-BBBB-CCCC2")
    leak = turn(5, "Cleo", 8, "And mine?", f"It is {BENS}.")
    seen = turn(6, "Dan", 10, "And mine?", f"It is {broken.canary}.")
    for events in ([*ADA_AND_BEN, *leak, *seen], [*ADA_AND_BEN, *seen]):
        report = check([broken, *events])
        assert (report.verdict, report.cause, report.about_cause, report.bound) == ("unknown", None, "", None)
    sure = check([*ADA_AND_BEN, *leak])
    assert (sure.unsure("The memory is gone.").cause, sure.unsure("").verdict) == (None, "unknown")


def test_where_it_entered_is_said_of_this_very_canary() -> None:
    sent, ended = turn(9, "Cleo", 20, "And mine?", f"It is {BENS}.")
    for prompted, said in ((ADAS, "it came in behind the model"), (BENS, "it entered through the prompt")):
        prompt = Prompt(9, (Message("system", f"Known: {prompted}"), Message("user", "And mine?")))
        (answer,) = [one for one in check([*ADA_AND_BEN, sent, prompt, ended]).anomalies if one.surface == "answer"]
        assert (answer.canary, said in answer.explanation) == (BENS, True)
