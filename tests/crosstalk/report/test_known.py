"""One unit and all that is known: people and turns first, shapes, recall, what is suspected; nothing of nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from rag.commands.reports import show
from rag.crosstalk import Lab, Report, Workload, check, simulate
from rag.crosstalk.checker.anomalies import DEFINITIONS, LEAKS
from rag.crosstalk.checker.findings import Anomaly, Reach, Recall, Shape
from rag.crosstalk.explore.explorer import explore_strategy, replay
from rag.crosstalk.report import known
from rag.crosstalk.report.export import as_html, as_junit
from rag.crosstalk.report.headline import headline, why
from rag.crosstalk.run.comparison import CRITERIA, asked, weigh
from rag.crosstalk.run.watch import Progress
from rag.crosstalk.strategies import STRATEGIES
from tests.crosstalk.checker.short import ADA_AND_BEN, ADAS, BENS, stored, turn

LEAKING = check([*ADA_AND_BEN, *turn(7, "Cleo", 10, "And mine?", f"It is {ADAS}, or {BENS}.")])
RICH = replace(
    LEAKING,
    recall=Recall(120, 120),
    shapes=(Shape("same", 40, 38, 30, 2, None), Shape("x" * 90, 20, 20, 12, 0, 0.25)),
    suspected=(Anomaly("suspected-read", "low", 4, "ben", "Ada", "answer", "near Mill Lane", "Perhaps Ada's.", 1.0),),
)
NOTES = ("It asked to be asked more slowly: 12 turns waited.",)


def shown(report: Report, notes: tuple[str, ...] = ()) -> str:
    console = Console(width=80, record=True, file=StringIO())
    show(report, console, notes)
    return console.export_text()


def test_people_and_turns_come_first() -> None:
    assert LEAKING.why.startswith("1 of 3 users was shown somebody else's data, in 1 of 5 turns. 2 × foreign-read")
    assert known.met(LEAKING, "foreign-read") == "1 of 3 users, in 1 of 5 turns; 2 ×"
    assert known.met(LEAKING, "foreign-read") in shown(LEAKING)
    assert f'message="{known.met(LEAKING, "foreign-read")} foreign-read' in as_junit(LEAKING, "log").decode()
    assert "<b>1 of 3</b> users were shown others' data" in as_html(LEAKING, "log")
    lost = check([*ADA_AND_BEN, stored("ada", 20), stored("ben", 20)])
    assert lost.why.startswith("Something went wrong for 2 of 2 users, in 4 of 4 turns: ")


def test_it_is_the_same_from_the_first_second_to_the_report(lab: Lab) -> None:
    seen: list[Progress] = []
    brief: list[Report] = []
    workload = Workload(users=20, latency="0.01", arrival="ramp:0.3")
    told: dict[str, Any] = {"progress": seen.append, "verdict": brief.append}
    found = simulate("shared-buffer", workload, lab=lab, **told).report
    assert 0 < seen[-1].shown == brief[0].shown == found.shown
    assert [one.shown for one in seen] == sorted(one.shown for one in seen)
    assert found.why.startswith(seen[-1].met)
    assert (brief[0].verdict, brief[0].leaked.users) == (found.verdict, found.leaked.users)


def test_a_page_says_what_happened_to_whom_and_why() -> None:
    assert headline(LEAKING) == "1 of 3 users was shown somebody else's data."
    assert headline(replace(LEAKING, shown=3, leaked=Reach(3, 3))) == "All 3 users were shown somebody else's data."
    unseen = replace(LEAKING, shown=0, leaked=Reach(2, 3))
    assert headline(unseen) == "Nobody was shown somebody else's data, but it reached 2 of 3 users unseen."
    lost = check([*ADA_AND_BEN, stored("ada", 20), stored("ben", 20)])
    assert headline(lost) == ("Nobody was shown somebody else's data. 2 of 2 users lost turns that had been answered.")
    assert (
        why(replace(LEAKING, cause="race"), "One id.") == "One id. It takes a race: one turn has to interrupt another."
    )
    told = [headline(replace(lost, counts={kind: 1}, reached={kind: Reach(1, 1)})) for kind in DEFINITIONS]
    assert all(
        one.endswith(".") and "1 of 2 users" in one
        for kind, one in zip(DEFINITIONS, told, strict=True)
        if kind not in LEAKS
    )


@pytest.mark.parametrize("written", ["cli", "html", "junit"])
def test_what_else_is_known_is_shown_where_results_are(written: str) -> None:
    def text(report: Report, notes: tuple[str, ...] = ()) -> str:
        said = {"cli": shown, "html": lambda *it: as_html(it[0], "n", (), None, it[1])}.get(written)
        return said(report, notes) if said else as_junit(report, "n", notes).decode()

    rich, plain = text(RICH, NOTES), text(replace(LEAKING, recall=Recall(0, 0)))
    assert "120" in rich
    for one in ("recalled", "the same words from everybody", "≤ 25 %", known.SUSPECTED, "near Mill Lane", NOTES[0]):
        assert one in rich
        assert one not in plain
    assert "x" * 40 not in rich


def test_what_is_known_survives_its_file() -> None:
    assert Report.from_dict(json.loads(json.dumps(RICH.to_dict()))) == RICH


def test_a_memory_that_keeps_nothing_by_design_is_judged_by_isolation(lab: Lab) -> None:
    small = Workload(users=10, latency="0.001")
    found = simulate("stateless", small, lab=lab).report
    assert (found.verdict, found.counts, found.anomalies) == ("isolated", {}, ())
    assert "keeps no memory, by design" in found.why
    assert "nothing was lost" not in found.why
    assert found.by_design.keys() == {"amnesia", "lost-append"}
    (row,) = weigh(small, lab, ["stateless"])
    assert dict(row.answers) == {one: True if asked("stateless", one) else None for one in CRITERIA}
    assert [one for one in CRITERIA if asked("stateless", one)] == ["isolated", "whole turns"]
    assert all(asked(name, one) for name in STRATEGIES for one in CRITERIA if name != "stateless")
    explored = explore_strategy("stateless", lab=lab)
    assert (explored.status, explored.explored.wrong) == ("isolated", 0)
    assert explored.verdict.endswith("it keeps no memory, by design")
    assert "by design" in replay("stateless", "AB", lab=lab).told


def test_of_a_service_that_keeps_nothing_a_leak_is_a_leak_and_nothing_seen_is_nothing_known() -> None:
    unseen = [*turn(1, "Ada", 0, f"My order is {ADAS}.", "Noted.", plants=[ADAS]), *turn(2, "Ben", 2, "Hi", "Hello.")]
    assert check(unseen, keeps=False).verdict == "unknown"
    assert check([*unseen, *turn(3, "Ben", 4, "Mine?", f"It is {ADAS}.")], keeps=False).verdict == "anomalies"
