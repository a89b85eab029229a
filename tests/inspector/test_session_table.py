"""Overview, table and one session: right, and for the same number of commands however many sessions there are."""

from __future__ import annotations

import math
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

from rag.inspector import Filter, Pace, flags
from rag.inspector.bench import fill
from rag.inspector.views.session import pretty
from rag.inspector.views.session_table import Order
from rag.sessions import SessionStore
from rag.sessions.ids import SessionId
from tests.inspector.stored_sessions import HARMFUL, HOSTILE, Place


def test_an_overview_of_few_is_exact(place: Place) -> None:
    for number in range(5):
        place.said(f"s{number}", "One?", "One.", *(["Two?", "Two."] if number == 0 else []))
    place.store.pin("s1")
    place.store.extend("s2", 30)
    place.client.persist(place.hash("s3"))
    place.rewrite("s4", 0, lambda value: value.update(session_id="s0"))
    place.judged("s4")
    seen = place.inspector.overview()
    assert (seen.sessions, seen.messages.value, seen.messages.exact) == (5, 11, True)
    used = [place.client.memory_usage(key) for n in range(5) for key in (place.history(f"s{n}"), place.hash(f"s{n}"))]
    assert seen.bytes.value == sum(filter(None, used))
    assert (seen.pinned, seen.endless, seen.ending) == (0, 1, 1)
    assert (seen.quarantined, seen.crosstalk) == (1, 1)
    assert dict(seen.ends)["< 1 min"] == 1
    assert sum(seen.activity) == 5
    place.store.unpin("s1")


def test_an_overview_of_nothing(place: Place) -> None:
    seen = place.inspector.overview()
    assert (seen.sessions, seen.messages.value, seen.bytes.value, sum(seen.activity)) == (0, 0, 0, 0)


def test_an_overview_of_many_is_estimated_and_says_so(place: Place) -> None:
    fill(place.client, place.store, 1000, turns=3)
    seen = place.inspector.overview()
    assert (seen.sessions, seen.messages.exact, seen.messages.value) == (1000, False, 6000)
    assert abs(seen.bytes.value - exact_bytes(place)) <= 3 * seen.bytes.margin + 1
    assert sum(count for _, count in seen.ends) == 1000
    assert "±" in str(seen.bytes)


def exact_bytes(place: Place) -> int:
    pipe = place.client.pipeline(transaction=False)
    for sid in place.client.zrange(place.store.protocol.keys.live, 0, -1):
        pipe.memory_usage(place.history(sid.decode()))
        pipe.memory_usage(place.hash(sid.decode()))
    return sum(map(int, pipe.execute()))


def test_a_view_costs_the_same_among_few_and_many(place: Place) -> None:
    """Commands that the server runs, by its own count."""

    def costs() -> dict[str, int]:
        changes: dict[str, Callable[[], object]] = {
            "overview": place.inspector.overview,
            "newest": lambda: place.inspector.page(0, 50),
            "ending": lambda: place.inspector.page(0, 50, "ending"),
            "second page": lambda: place.inspector.page(50, 50),
            "find": lambda: place.inspector.find(ids[0]),
            "view": lambda: place.inspector.view(ids[-1]),
        }
        found = {}
        for name, act in changes.items():
            before = place.commands()
            act()
            found[name] = place.commands() - before
        return found

    ids = fill(place.client, place.store, 300)
    few = costs()
    ids += fill(place.client, place.store, 4000, seed="more")
    assert costs() == few
    assert max(few.values()) < 1100


def test_every_order(place: Place) -> None:
    ids = fill(place.client, place.store, 250)
    place.said(ids[7], "More?", "More.", "And more?", "And more.")
    place.store.pin(ids[9])
    firsts: dict[Order, str] = {"seen": ids[7], "ttl": ids[9], "turns": ids[7], "messages": ids[7], "bytes": ids[7]}
    for order, first in firsts.items():
        found = place.inspector.search(Filter(), order, limit=20)
        assert (len(found.rows), found.matching, found.complete) == (20, 250, True)
        assert found.rows[0].info.id == first, order
    created = [row.info.created for row in place.inspector.search(Filter(), "created", limit=300).rows]
    assert created == sorted(created, reverse=True)


def test_filters(place: Place) -> None:
    for sid in ("plain", "pinned", "endless", "sim-1", "bad", "large"):
        place.said(sid, f"I am {sid}?", "x" * 5000 if sid == "large" else "Yes.")
    place.store.pin("pinned")
    place.client.persist(place.hash("endless"))
    place.store.extend("plain", 50)
    place.rewrite("bad", 0, lambda value: value.update(session_id="plain"))
    place.judged("bad")

    def ids(**wanted: Any) -> set[str]:
        return {row.info.id for row in place.inspector.search(Filter(**wanted)).rows}

    assert ids(flags=frozenset({"pinned"})) == {"pinned"}
    assert ids(flags=frozenset({"no expiry"})) == {"endless"}
    assert ids(flags=frozenset({"simulated"})) == {"sim-1"}
    assert ids(flags=frozenset({"suspicious"})) == {"bad"}
    assert ids(flags=frozenset({"you"}), you="large") == {"large"}
    assert ids(flags=frozenset({"you", "pinned"}), you="large") == set()
    assert ids(ttl=(0, 60)) == {"plain"}
    assert ids(ttl=(math.inf, math.inf)) == {"pinned", "endless"}
    assert ids(bytes=(4000, math.inf)) == {"large"}
    assert ids(messages=(0, 1)) == {"bad"}
    assert ids(idle=(100, math.inf)) == set()
    assert ids(text="i AM L") == {"large"}
    assert ids(text="I am *") == set()
    assert ids(text="i am", bytes=(4000, math.inf)) == {"large"}
    rows = {row.info.id: flags(row) for row in place.inspector.page().rows}
    assert rows["plain"] == frozenset()


def test_a_search_can_be_stopped(place: Place) -> None:
    fill(place.client, place.store, 1000, turns=1)
    stop = Event()
    found = place.inspector.search(Filter(text="order"), pace=Pace(stop=stop), progress=lambda _: stop.set())
    assert not found.complete
    assert 0 < found.looked_at < 1000
    assert found.rows


def test_what_is_really_there(place: Place, sid: str) -> None:
    place.said(sid, HOSTILE, "Yes.", documents=["a.md"])
    place.rewrite(sid, 0, lambda value: value.update(session_id="other"))
    place.client.rpush(place.history(sid), b"\xff{\x1b")
    keys = {key: place.client.dump(key) for key in (place.history(sid), place.hash(sid))}
    view = place.inspector.view(sid)
    assert view is not None
    assert [element.said.problem for element in view.elements] == ["foreign", "", "corrupt"]
    assert view.elements[0].said.owner == "other"
    assert view.elements[0].said.text == HOSTILE
    assert [element.number for element in view.messages] == [1]
    assert {key.name: key.type for key in view.keys} == {place.history(sid): "list", place.hash(sid): "hash"}
    assert all(key.bytes and key.ttl for key in view.keys)
    assert {"turns", "seen", "epoch", "created"} <= set(view.fields)
    assert not set(HARMFUL) & set("".join(pretty(element.raw) for element in view.elements))
    assert keys == {key: place.client.dump(key) for key in keys}, "looking changes nothing"


def test_a_long_session_is_cut_at_its_old_end(place: Place) -> None:
    (sid,) = fill(place.client, place.store, 1, turns=600)
    view = place.inspector.view(sid, newest=100)
    assert view is not None
    assert (len(view.elements), view.before, view.elements[-1].number) == (100, 1100, 1199)
    assert place.inspector.view("nobody") is None


def test_the_session_that_was_meant(place: Place) -> None:
    place.said("abc-1", "?", "!")
    place.said("abc-2", "?", "!")
    assert place.inspector.resolve("abc-1") == "abc-1"
    assert place.inspector.resolve("abc-2") == "abc-2"
    row = place.inspector.row("abc-1")
    assert row is not None
    assert place.inspector.resolve(row.name) == "abc-1"
    for text, reason in (("abc-", "several"), ("ABC-1", "no such"), ("*", "no such"), ("", "no such")):
        with pytest.raises(Exception, match=reason):
            place.inspector.resolve(text)


def test_a_session_of_the_wrong_type_is_still_seen(place: Place, sid: str) -> None:
    place.said(sid, "?", "!")
    place.client.delete(place.history(sid))
    place.client.set(place.history(sid), "text")
    view = place.inspector.view(sid)
    assert view is not None
    assert ("string", 4) in [(key.type, key.length) for key in view.keys]
    assert place.inspector.row(sid) is not None
    assert SessionId(sid) in {row.info.id for row in place.inspector.page().rows}


def test_sealed_without_a_key(place: Place, sid: str) -> None:
    prefix = place.store.protocol.keys.prefix
    sealed = SessionStore(place.client, key_prefix=prefix, encryption_keys=[bytes(32)])
    Place(place.client, sealed, place.inspector).said(sid, "Secret?", "Secret.", title="Secret")
    view = place.inspector.view(sid)
    assert view is not None
    assert [(element.said.problem, element.said.text) for element in view.elements] == [("sealed", "")] * 2


def test_what_is_no_number_hides_no_list(place: Place, sid: str) -> None:
    place.said(sid, "?", "!")
    place.said("fine", "?", "!")
    place.client.hset(place.hash(sid), mapping={"turns": "many", "seen": b"\xff"})
    assert {row.info.id for row in place.inspector.page().rows} == {sid, "fine"}
    assert place.inspector.overview().sessions == 2
    assert place.inspector.view(sid) is not None
    assert {(one.kind, one.sessions) for one in place.scan().findings} == {("broken", (sid,))}


def test_a_hash_that_is_none_hides_no_list(place: Place, sid: str) -> None:
    for one in (sid, "odd", "fine"):
        place.said(one, "?", "!")
    place.client.delete(place.hash(sid), place.hash("odd"))
    place.client.set(place.hash(sid), "text", ex=1000)
    place.client.hset(place.hash("odd"), "whatever", "x")
    place.client.expire(place.hash("odd"), 1000)
    assert {row.info.id for row in place.inspector.page().rows} == {sid, "odd", "fine"}
    assert place.inspector.overview().sessions == 3
    for one in (sid, "odd"):
        assert place.inspector.view(one) is not None
        row = place.inspector.row(one)
        assert row is not None
        assert (row.info.turns, row.info.messages) == (0, 2)
    assert {(one.kind, one.sessions) for one in place.scan().findings} == {("broken", (sid,))}
