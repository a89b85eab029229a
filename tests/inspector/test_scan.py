"""Forensics: trouble of every kind among thousands of clean sessions is found, and none is invented."""

from __future__ import annotations

import json
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from rag.errors import CrosswireError
from rag.inspector import Inspector, Pace, Progress
from rag.inspector.bench import fill
from rag.inspector.forensics.findings import KINDS
from rag.inspector.forensics.scan import Report
from rag.sessions import SessionStore, connect
from rag.sessions.ids import SessionId
from tests import needs
from tests.inspector.stored_sessions import Place
from tests.servers import Server

CLEAN = {"valkey": 10_000, "redis7": 2_000}
"""Sessions on each server: how it copes with many is shown on one."""
LONG = "I have moved: please send everything from now on to 14 Lark Hill, second floor, the name on the bell is Moreau."
CANARY = "CW-7788-KESTREL"
Trouble = dict[str, set[frozenset[str]]]


@pytest.fixture(scope="module", params=CLEAN)
def crowded(request: pytest.FixtureRequest) -> Iterator[tuple[Place, list[SessionId]]]:
    """Thousands of clean sessions on a server of their own."""
    program = needs.program("redis-server") if request.param == "redis7" else None
    with Server(program=program) as server:
        client = connect(server.url)
        store = SessionStore(client)
        ids = fill(client, store, CLEAN[request.param], turns=2)
        yield Place(client, store, Inspector(client, store)), ids
        client.close()


def found(report: Report) -> Trouble:
    trouble: Trouble = {}
    for one in report.findings:
        trouble.setdefault(one.kind, set()).add(frozenset(one.sessions))
    return trouble


def plant(place: Place) -> Trouble:
    """Trouble of every kind, each in sessions of its own."""
    client, said = place.client, place.said

    said("moved-from", "Where is it?", "On its way.")
    said("moved-to", "And mine?", "Also on its way.")
    client.rpush(place.history("moved-to"), place.lines("moved-from")[0])

    for sid in ("same-id-a", "same-id-b"):
        place.store.append(sid, [HumanMessage(f"{sid}?"), AIMessage(f"{sid}.", id="run-1234")])

    said("text-a", LONG, "Noted, a.")
    said("text-b", LONG, "Noted, b.")
    said("answer-a", "What is my address?", f"You told me: {LONG}")
    said("answer-b", "Who am I?", f"You told me: {LONG}")

    other = "f" * 64
    said(other, "Hello.", "Hello to you.")
    said("names", "What is my session?", f"It is {other}.")

    said("Case Id", "1?", "1.")
    said("caseid", "2?", "2.")
    said("bob,carol", "3?", "3.")
    said("bob", "4?", "4.")
    said("ﬁne", "5?", "5.")
    said("fine", "6?", "6.")

    place.store.append("asked", [HumanMessage("Anybody there?")])
    place.store.append("answered", [AIMessage("Nobody asked.")])

    said("order", "First?", "First.", "Second?", "Second.")
    for number in (2, 3):
        place.rewrite("order", number, lambda value: value.update(at=value["at"] - 100))

    said("twice", "Once?", "Once.")
    client.rpush(place.history("twice"), place.lines("twice")[1])

    said("no-hash", "Gone?", "Half.")
    client.delete(place.hash("no-hash"))
    said("no-list", "Gone?", "Half.")
    client.delete(place.history("no-list"))

    said("endless", "For ever?", "Yes.")
    client.persist(place.hash("endless"))

    said("torn", "Whole?", "No.")
    client.rpush(place.history("torn"), b'{"session_id": "torn", "typ', b"\xff\xfe", b"[]")
    said("type", "Which?", "None.")
    client.delete(place.history("type"))
    client.set(place.history("type"), "text", ex=3600)

    said("unlisted", "Seen?", "No.")
    client.zrem(place.store.protocol.keys.live, "unlisted")

    said("states", f"My order is {CANARY}.", "Noted.")
    said("sees", "Where is my order?", "Your order cw 7788 kestrel is on its way.")
    return {
        "same-id": {frozenset({"moved-from", "moved-to"}), frozenset({"same-id-a", "same-id-b"})},
        "same-text": {frozenset({"text-a", "text-b"}), frozenset({"answer-a", "answer-b"})},
        "names-other": {frozenset({"moved-to", "moved-from"}), frozenset({"names", other})},
        "ids-collide": {frozenset({"Case Id", "caseid"}), frozenset({"bob,carol", "bob"}), frozenset({"ﬁne", "fine"})},
        "question-without-answer": {frozenset({"asked"})},
        "answer-without-question": {frozenset({"answered"})},
        "out-of-order": {frozenset({"order"})},
        "duplicate": {frozenset({"twice"})},
        "half-expired": {frozenset({"no-hash"}), frozenset({"no-list"})},
        "no-expiry": {frozenset({"endless"})},
        "broken": {frozenset({"torn"}), frozenset({"type"})},
        "unlisted": {frozenset({"unlisted"})},
        "canary": {frozenset({"states", "sees"})},
    }


def test_all_that_was_planted_is_found_and_nothing_else(crowded: tuple[Place, list[SessionId]]) -> None:
    place, ids = crowded
    try:
        planted = plant(place)
        assert set(planted) == set(KINDS)
        seen: list[Progress] = []
        before = {sid: place.client.dump(place.history(sid)) for sid in ("moved-to", "torn", "order")}
        report = place.scan(canaries=(CANARY,), progress=seen.append)
        assert found(report) == planted
        assert report.sessions > len(ids)
        assert report.counts["broken"] == 4
        assert report.verdict == "trouble"
        assert 0.9 <= seen[-1].done <= 1
        first = report.canaries[0].first
        assert first is not None
        assert (first.session, first.role, report.canaries[0].seen) == ("states", "user", 2)
        assert json.dumps(report.to_dict())
        assert LONG not in json.dumps(report.to_dict())
        assert before == {sid: place.client.dump(place.history(sid)) for sid in before}, "a scan only reads"
    finally:
        for sid in ("moved-to", "torn", "asked"):
            place.store.clear(sid)


def test_a_scan_can_be_stopped_and_keeps_what_it_has(crowded: tuple[Place, list[SessionId]]) -> None:
    place, _ = crowded
    pace = Pace(step=100)

    def enough(progress: Progress) -> None:
        if progress.sessions >= 300:
            pace.stop.set()

    report = place.scan(pace=pace, progress=enough)
    assert not report.complete
    assert 300 <= report.sessions < 1000


def test_no_step_asks_for_more_than_it_may(place: Place, sid: str) -> None:
    place.said(sid, *(f"{number}" for number in range(600)))
    report = place.scan(pace=Pace(step=50))
    assert (report.messages, report.verdict) == (600, "clean")
    assert "at most 50 elements per command" in report.load


def test_long_sessions_are_judged_in_parts(place: Place, sid: str) -> None:
    key = place.history(sid)
    place.said(sid, "First?", "First.")
    question, answer = place.lines(sid)
    pair = [json.loads(question), json.loads(answer)]
    lines = [
        json.dumps(value | {"turn": turn, "id": f"t{turn}:{value['type']}"})
        for turn in range(2, 11_002)
        for value in pair
    ]
    place.client.rpush(key, *lines)
    assert place.scan().verdict == "clean"
    place.client.rpush(key, question.replace(sid.encode(), b"somebody"), lines[-1])
    report = place.scan()
    assert [(one.kind, one.places) for one in report.findings] == [
        ("names-other", (22_002,)),
        ("duplicate", (22_001, 22_003)),
    ]


def test_what_is_common_is_no_leak(place: Place) -> None:
    answer = "You can return any unworn item within 45 days of delivery, in its box, and we pay for the parcel. " * 2
    for number in range(3):
        place.said(f"asks-{number}", f"May I return it? ({number})", answer, documents=["returns.md"])
        place.said(f"same-{number}", "May I return it?", answer)
    for number in range(8):
        place.said(f"form-{number}", LONG, f"Noted, {number}.")
    assert place.scan().findings == []


def test_pinned_and_imported_sessions_are_as_they_should_be(place: Place, sid: str) -> None:
    place.said(sid, LONG, "Noted.")
    place.store.pin(sid)
    place.store.touch("only-begun")
    assert place.scan().verdict == "clean"


def test_a_store_that_only_quarantined_is_no_half(place: Place, sid: str) -> None:
    place.said(sid, "Mine?", "Yours.")
    for number in (0, 1):
        place.rewrite(sid, number, lambda value: value.update(session_id="somebody"))
    place.judged(sid)
    assert place.lines(sid) == []
    assert place.scan().findings == []


def test_nothing_read_is_not_clean(place: Place) -> None:
    assert place.scan().verdict == "unknown"


def test_sealed_sessions(place: Place, sid: str) -> None:
    prefix = place.store.protocol.keys.prefix
    sealed = SessionStore(place.client, key_prefix=prefix, encryption_keys=[bytes(32)])
    pair = [HumanMessage(f"My order is {CANARY}."), AIMessage("Noted.")]
    for one in (sid, f"{sid}-other"):
        sealed.append(one, pair)
    key = Place(place.client, sealed, Inspector(place.client, sealed))
    report = key.scan(canaries=(CANARY,))
    assert [one.kind for one in report.findings] == ["canary"]
    without = place.scan(canaries=(CANARY,))
    assert (without.verdict, without.sealed, without.findings) == ("unknown", 4, [])
    key.rewrite(sid, 0, lambda value: value.update(box=value["box"][:-8] + "AAAAAAA="))
    assert "broken" in [one.kind for one in key.scan().findings]


@pytest.mark.parametrize("shown", [CANARY, CANARY.lower(), "cw7788kestrel", CANARY[::-1], " C W-7788 KESTREL "])
def test_a_canary_is_found_in_any_form(place: Place, shown: str) -> None:
    place.said("one", f"It is {CANARY}, I think.", "Noted.")
    place.said("two", "Hm?", f"I know of {shown}!")
    (finding,) = place.scan(canaries=(CANARY,)).findings
    assert finding.sessions == ("one", "two")


@pytest.mark.parametrize("before", ["", "x", "xy"])
def test_a_canary_is_found_in_base64(place: Place, before: str) -> None:
    import base64

    place.said("one", CANARY, "Noted.")
    place.said("two", "Hm?", base64.b64encode(f"{before}{CANARY} and more".encode()).decode())
    assert [one.kind for one in place.scan(canaries=(CANARY,)).findings] == ["canary"]


@pytest.mark.parametrize("text", ["", "a", "- - -", "12345"])
def test_a_canary_that_is_everywhere_is_refused(place: Place, text: str) -> None:
    with pytest.raises(CrosswireError, match="too short to look for"):
        place.scan(canaries=(text,))


@pytest.mark.parametrize(("step", "share"), [(5, 0.5), (10**6, 0.5), (100, 0), (100, 1.5)])
def test_a_pace_that_is_none_is_refused(step: int, share: float) -> None:
    with pytest.raises(CrosswireError, match="expected"):
        Pace(step=step, share=share)


def test_the_server_has_time_for_others() -> None:
    stop, asked = Event(), []
    pace = Pace(share=0.5, stop=stop)
    for _ in range(20):
        pace(lambda: asked.append(sum(range(50_000))))
    assert pace.busy <= 0.6 * pace.seconds
    assert len(asked) == 20


def other_keys(place: Place) -> dict[str, Any]:
    return {"a{b}c": "x", f"{place.store.protocol.keys.prefix}{{x}}extra": "y", "session:{\x07}": "z"}


def test_strangers_keys_are_nobodys(place: Place, sid: str) -> None:
    place.said(sid, "Mine?", "Yours.")
    place.client.mset(other_keys(place))
    try:
        report = place.scan()
        assert (report.sessions, report.verdict) == (1, "clean")
    finally:
        place.client.delete(*other_keys(place))
