"""A report as JSON, JUnit XML and one page: complete, and harmless whatever users and models wrote."""

from __future__ import annotations

import json

import pytest
from bs4 import BeautifulSoup
from junitparser import JUnitXml

from rag.crosstalk.checker.anomalies import DEFINITIONS
from rag.crosstalk.checker.check import check
from rag.crosstalk.log.events import (
    Clear,
    Document,
    Event,
    Fail,
    History,
    Info,
    Invoke,
    Message,
    Ok,
    Prompt,
    Retrieved,
)
from rag.crosstalk.report import explain
from rag.crosstalk.report.explain import minimal
from rag.crosstalk.report.export import ACROSS, as_html, as_json, as_junit, marked, matrix
from rag.crosstalk.report.story import story
from tests.crosstalk.checker.generated import World, clean
from tests.crosstalk.checker.planted import PLANTS

HOSTILE = "</script><img src=x onerror=alert(1)>\u202e{{7*7}}\x1b[31m"


def leaking() -> list[Event]:
    world = World(2)
    for _ in range(5):
        clean(world)
    for plant in PLANTS.values():
        plant(world)
    return world.events()


def hostile() -> list[Event]:
    secret = f"LK-2222-3333-44445 {HOSTILE}"
    return [
        Invoke(0, f"Ada {HOSTILE}", "a", 0, f"My order is {secret}", plants=(secret,)),
        Ok(0, 0.1, "Thank you."),
        Invoke(1, "Ben", "b", 1, HOSTILE),
        Ok(1, 1.1, f"{HOSTILE} {secret}"),
    ]


def test_json_has_the_keys_of_the_format() -> None:
    report = json.loads(as_json(check(leaking())))
    assert report["verdict"] == "anomalies"
    assert set(report["counts"]) == set(DEFINITIONS)
    keys = {"kind", "severity", "op", "session", "owner", "surface", "evidence", "explanation"}
    assert all(keys <= anomaly.keys() for anomaly in report["anomalies"])
    assert report["leaked"]["turns"] > 0
    assert "leaking" not in report  # the same figure once
    times = [anomaly["t"] for anomaly in report["anomalies"]]
    assert times == sorted(times)


def test_junit_fails_for_each_kind_that_was_found_and_skips_what_cannot_be_seen() -> None:
    suite = next(iter(JUnitXml.fromstring(as_junit(check(leaking()), "planted"))))
    assert (suite.tests, suite.failures, suite.errors) == (len(DEFINITIONS) + 1, len(DEFINITIONS), 0)
    suite = next(iter(JUnitXml.fromstring(as_junit(check([]), "empty"))))
    assert suite.errors == 1
    suite = next(iter(JUnitXml.fromstring(as_junit(check(hostile()), "black"))))
    assert (suite.failures, suite.skipped) == (1, len(DEFINITIONS) - 4)


def test_the_page_is_whole_and_loads_nothing() -> None:
    events = leaking()
    report = check(events)
    first = report.anomalies[0]
    page = BeautifulSoup(as_html(report, "planted", minimal(iter(events), first), first), "html.parser")
    assert not page.find_all(["script", "link", "iframe", "img"])
    assert "http" not in str(page.style)
    text = page.get_text(" ", strip=True)
    for kind in DEFINITIONS:
        assert kind in text
    assert report.why in text
    assert first.explanation in text


def test_what_users_and_models_wrote_is_only_text() -> None:
    report = check(hostile())
    first = report.anomalies[0]
    page = as_html(report, HOSTILE, minimal(iter(hostile()), first), first)
    assert not BeautifulSoup(page, "html.parser").find_all(["script", "img"])
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert "{{7*7}}" in page
    JUnitXml.fromstring(as_junit(report, HOSTILE))


def test_the_matrix_shows_those_with_most_leaks() -> None:
    seen = [(f"user {n}", f"owner {n % 3}", n) for n in range(1, 100)]
    table = matrix(seen)
    assert len(table.rows) == ACROSS
    assert "user 99" in table.rows
    assert "user 1" not in table.rows
    assert table.columns == ("owner 0", "owner 1", "owner 2")
    assert table.left_out == 99 - ACROSS


def test_a_canary_is_marked_however_it_is_spelt() -> None:
    assert marked("see LK 22-33, ok", "lk-2233") == [("see ", False), ("LK 22-33", True), (", ok", False)]
    assert marked("nothing", None) == [("nothing", False)]


def test_a_story_tells_every_kind_of_event_and_where_it_went_wrong() -> None:
    secret = "LK-2222-3333-44445"
    events: list[Event] = [
        Invoke(0, "Ada", "a", 0, f"My order is {secret}", plants=(secret,)),
        Prompt(0, (Message("user", f"My order is {secret}"),)),
        Retrieved(0, (Document("rules", "shared", "Orders are kept."),)),
        Ok(0, 1, "Noted."),
        History("a", 2, (Message("user", f"My order is {secret}"), Message("assistant", "Noted."))),
        Clear("a", 3, 3.5),
        Invoke(1, "Ben", "b", 4, "And mine?", tab=1),
        Ok(1, 5, f"It is {secret}"),
        Invoke(2, "Ben", "b", 6, "Hello?"),
        Fail(2, 7, "refused"),
        Invoke(3, "Ben", "b", 8, "Hello?"),
        Info(3, 9, "given up"),
    ]
    anomaly = next(one for one in check(events).anomalies if one.surface == "answer")
    steps = story([*events, Ok(4, 10, "of a turn that is not among them")], anomaly)
    assert [(step.user, step.title) for step in steps] == [
        ("Ada", "sends turn 0"),
        ("Ada", "prompt of turn 0"),
        ("Ada", "retrieved for turn 0"),
        ("Ada", "is answered in turn 0"),
        ("Ada", "what is stored"),
        ("Ada", "clears the history"),
        ("Ben", "sends turn 1 in tab 1"),
        ("Ben", "is answered in turn 1"),
        ("Ben", "sends turn 2"),
        ("Ben", "turn 2 fails"),
        ("Ben", "sends turn 3"),
        ("Ben", "turn 3 ends unknown"),
    ]
    assert [step.title for step in steps if step.wrong] == ["is answered in turn 1"]
    assert steps[2].lines == (("rules, of shared", "Orders are kept."),)
    assert steps[-1].lines == (("error", "given up"),)


def test_what_is_too_long_to_try_is_cut_to_the_turns_it_is_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain, "EFFORT", 0)
    (anomaly,) = check(hostile()).anomalies
    assert minimal(iter(hostile()), anomaly) == hostile()


def test_turns_of_others_beside_a_lost_update_are_left_out() -> None:
    world = World(2)
    clean(world)
    PLANTS["lost-update"](world)
    events = world.events()
    anomaly = next(one for one in check(events).anomalies if one.kind == "lost-update")
    at = next(place for place, event in enumerate(events) if isinstance(event, Invoke) and event.op == anomaly.op)
    before, after = (Invoke(op, user, user, anomaly.t, "Hi") for op, user in ((900, "Zoe"), (901, "Yan")))
    beside = [*events[:at], before, events[at], after, Ok(900, anomaly.t + 1, "Hi"), *events[at + 1 :]]
    assert minimal(iter(beside), anomaly) == minimal(iter(events), anomaly)
