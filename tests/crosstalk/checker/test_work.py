"""What a check costs, counted in work and not in time: it grows with the log and with nothing else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.crosstalk.bench.checking import measure, shared_log, whole_log
from rag.crosstalk.checker import findings
from rag.crosstalk.checker.check import Checker, check, judged, observe
from rag.crosstalk.checker.findings import BRIEF, Findings
from rag.crosstalk.checker.histories import sessions
from rag.crosstalk.checker.turn_rules import RULES
from rag.crosstalk.log.events import Event, History, Prompt, read, to_json
from tests.crosstalk.checker.generated import World, clean
from tests.crosstalk.checker.planted import PLANTS

Log = Callable[[int], Iterator[Event]]
BOTH = pytest.mark.parametrize("log", [whole_log, shared_log])


@BOTH
def test_each_text_is_looked_through_once_however_often_it_comes_again(log: Log) -> None:
    events = list(log(2000))
    assert observe(iter(events)).looked == len(_texts(events))


def _texts(events: list[Event]) -> set[str]:
    said: set[str] = set()
    for event in events:
        if isinstance(event, Prompt | History):
            said.update(message.text for message in event.messages)
        said.update(getattr(event, name) for name in ("text", "answer") if hasattr(event, name))
    return said


@BOTH
def test_twice_the_log_takes_twice_the_work(log: Log) -> None:
    half, whole = (_lines_run(list(log(count))) for count in (1500, 3000))
    assert whole < 2.2 * half


def _lines_run(events: list[Event]) -> int:
    count = 0

    def ran(*_: object) -> Any:
        nonlocal count
        count += 1
        return ran

    def called(frame: Any, *_: object) -> Any:
        return ran if "rag/crosstalk" in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(called)
    try:
        judged(iter(events))
    finally:
        sys.settrace(before)
    return count


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    names=st.lists(st.sampled_from(sorted(PLANTS)), max_size=4),
    alike=st.booleans(),
    most=st.integers(1, 3),
)
def test_events_that_come_one_by_one_give_the_same_report(seed: int, names: list[str], alike: bool, most: int) -> None:
    world = World(seed, alike=alike)
    for _ in range(6):
        clean(world)
    for name in names:
        PLANTS[name](world)
    events, checker, shown = world.events(), Checker(), 0
    for event in events:
        checker.take(event)
        assert shown <= (shown := len(checker.found.shown))
    brief, whole = checker.report(most), checker.report()
    assert whole == check(events) == check(read(map(to_json, events)))
    assert (brief.verdict, brief.leaked.users, brief.shown) == (whole.verdict, whole.leaked.users, whole.shown)
    assert whole.at_least == ()
    for kind, count in whole.counts.items():
        exact = kind not in brief.at_least
        assert brief.counts[kind] == count if exact else most <= brief.counts[kind] <= count
        assert brief.reached[kind].users == whole.reached[kind].users
    assert shown <= whole.shown


def test_a_brief_report_of_one_memory_for_everybody_does_not_count_it_all() -> None:
    checker = Checker()
    checker.take_all(shared_log(3000))
    brief, whole = checker.report(BRIEF), checker.report()
    assert {"foreign-read", "foreign-write"} == set(brief.at_least)
    assert brief.counts["foreign-write"] == BRIEF < whole.counts["foreign-write"]
    assert len(brief.anomalies) <= sum(min(BRIEF, count) for count in whole.counts.values()) < len(whole.anomalies)
    assert brief.reached["foreign-write"].users == whole.reached["foreign-write"].users == whole.users


def test_what_is_kept_of_a_log_full_of_leaks_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "KEPT", 50)
    monkeypatch.setattr(findings, "PAIRS", 70)
    monkeypatch.setattr(findings, "FIRSTS", 60)
    report = check(shared_log(3000))
    assert report.counts["foreign-read"] > 1000
    assert len(report.anomalies) <= sum(min(50, count) for count in report.counts.values()) + 60
    assert len(report.seen) == 70
    assert all(one.evidence for one in report.anomalies if one.canary)


def test_everybody_who_was_shown_something_has_evidence_of_each_whose_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "KEPT", 20)
    report = check(shared_log(3000))
    told = {(one.user, one.owner) for one in report.anomalies if one.evidence and one.explanation}
    assert len(report.seen) > 20
    assert {(user, owner) for user, owner, _ in report.seen} <= told


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), names=st.lists(st.sampled_from(sorted(PLANTS)), max_size=3), alike=st.booleans())
def test_of_a_session_in_order_no_rule_has_anything_to_say(seed: int, names: list[str], alike: bool) -> None:
    world = World(seed, alike=alike)
    for _ in range(12):
        clean(world)
    for name in names:
        PLANTS[name](world)
    seen, found = observe(world.events()), Findings()
    for session in sessions(seen, None):
        if session.in_order:
            final = session.stored and session.resolved(session.stored.messages, session.stored.t)
            assert session.final == final
            for rule in RULES:
                rule(session, found)
    assert found.kept == []


def test_most_sessions_of_a_right_service_are_in_order() -> None:
    seen = observe(whole_log(1000))
    assert all(session.in_order for session in sessions(seen, None))


@BOTH
def test_the_log_of_a_bench_is_measured(log: Log, tmp_path: Any) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(f"{to_json(event)}\n" for event in log(1000)))
    measured = measure("x", path)
    assert measured.events == len(list(log(1000)))
    assert measured.verdict == ("isolated" if log is whole_log else "anomalies")
    assert measured.size == path.stat().st_size
    assert measured.memory > 1 << 20
