"""Who shares a limit with whom, and how many turns may be under way."""

from __future__ import annotations

from typing import Any

import pytest

from rag.errors import LIMITS, OverLimit, Overloaded, TooMuch
from rag.limits import Limits, UnderWay, empty, network_of
from rag.limits.under_way import MOST, RUNNING, Place
from rag.sessions.allowance import granted
from rag.settings import Settings

HERE = ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", None, "", "testclient", "unix:", "1.2.3", "::1%lo"]


@pytest.mark.parametrize("address", HERE)
def test_this_machine_is_nobodys_address(address: str | None) -> None:
    assert network_of(address) is None


def test_an_address_is_one_ipv4_address_or_a_64_of_ipv6() -> None:
    assert network_of("203.0.113.7") == "203.0.113.7" == network_of("::ffff:203.0.113.7")
    assert network_of("203.0.113.8") != network_of("203.0.113.7")
    assert network_of("2001:db8:1:2::1") == network_of("2001:DB8:1:2:ffff::9") == network_of("2001:db8:1:2::1%eth0")
    assert network_of("2001:db8:1:3::1") != network_of("2001:db8:1:2::1")


def test_sessions_of_one_address_share_its_bucket_and_no_key_tells_whose_it_is() -> None:
    limits = Limits(Settings())
    one, two = limits.turn("session-1", "203.0.113.7"), limits.turn("session-2", "203.0.113.7")
    far, own = limits.turn("session-1", "203.0.113.8"), limits.turn("session-1", "127.0.0.1")
    assert one is not None
    assert two is not None
    assert far is not None
    assert own is not None
    assert one.whose == two.whose != far.whose
    assert [bucket.reason for bucket in one.buckets] == ["session_turns", "address_turns"]
    assert one.buckets[1] == two.buckets[1]
    assert one.buckets[0].name != two.buckets[0].name
    assert [bucket.reason for bucket in own.buckets] == ["session_turns"]
    told = repr((one, own, limits.upload("session-1", "203.0.113.7")))
    assert "session-1" not in told
    assert "203.0.113" not in told
    assert [bucket.reason for bucket in one.first] == ["address_sessions"]
    assert own.first == ()


def test_nothing_is_asked_of_redis_where_nothing_is_limited() -> None:
    off: dict[str, Any] = {name: 0 for name in Settings.model_fields if name.startswith("limit_")}
    limits = Limits(Settings(**off))
    address = "203.0.113.7"
    assert [limits.turn("a", address), limits.upload("a", address)] == [None] * 2
    under_way = UnderWay(Settings(**off))
    for _ in range(MOST):
        under_way.enter("a", address).queue(True)
    with pytest.raises(Overloaded):
        under_way.enter("b", None)


def test_every_reason_has_words() -> None:
    limits = Limits(Settings())
    found = [limits.turn("a", "203.0.113.7"), limits.upload("a", "203.0.113.7")]
    reasons = {bucket.reason for one in found if one for bucket in (*one.buckets, *one.first)}
    assert reasons | {"busy", "session_at_once", "address_at_once"} == set(LIMITS)


class Crowd:
    """Turns under way, at a time that a test sets. One has ended at once before."""

    def __init__(self, **settings: Any) -> None:
        self.now = 0.0
        self.under_way = UnderWay(Settings(**settings), clock=lambda: self.now)
        self.places: list[Place] = []
        self.under_way.enter("before", None).leave()

    def ask(self, session: str, address: str | None = None, *, queued: bool = False) -> str:
        """Why not, or nothing."""
        try:
            place = self.under_way.enter(session, address)
        except TooMuch as refused:
            return refused.reason
        place.queue(queued)
        self.places.append(place)
        return ""


def test_nobody_has_more_than_his_share_and_others_are_not_held_up_by_it() -> None:
    crowd = Crowd(limit_session_at_once=4, limit_address_at_once=10)
    assert [crowd.ask("one") for _ in range(6)] == [""] * 4 + ["session_at_once"] * 2
    phones = [crowd.ask(f"phone-{number}", "203.0.113.7", queued=True) for number in range(12)]
    assert phones == [""] * 10 + ["address_at_once"] * 2
    assert crowd.ask("other", "203.0.113.8") == ""
    assert crowd.under_way.turns == 15
    for place in crowd.places * 2:  # leaving twice is leaving once
        place.leave()
        place.queue(True)
    assert crowd.under_way.turns == 0
    assert [crowd.ask("one") for _ in range(5)] == [""] * 4 + ["session_at_once"]


def test_a_room_that_presses_the_button_together_is_let_in() -> None:
    crowd = Crowd()
    assert {crowd.ask(f"phone-{number}", queued=True) for number in range(500)} == {""}
    assert {crowd.ask(f"tab-{number}") for number in range(MOST - 500)} == {""}
    assert crowd.ask("one more") == "busy"


def test_who_comes_is_refused_while_whoever_is_next_has_waited_too_long_however_many_wait() -> None:
    crowd = Crowd(limit_wait_seconds=2)
    for number in range(400):  # a long queue that moves is none
        assert crowd.ask(f"user-{number}", queued=True) == ""
        if number >= 100:
            crowd.places[number - 100].queue(False)
            crowd.places[number - 100].leave()
        crowd.now += 0.01
    for place in crowd.places[:-1]:
        place.leave()
    crowd.now += 2.1  # a single one that does not is
    assert [crowd.ask("late", queued=True) for _ in range(2)] == ["busy", "busy"]
    crowd.places[-1].queue(False)  # it has its thread, for however long
    assert [crowd.ask(f"then-{number}", queued=True) for number in range(9)] == [""] * 9
    crowd.now += 1.9
    assert crowd.ask("in time") == ""
    crowd.now += 0.2
    assert crowd.ask("late") == "busy"
    never = Crowd(limit_wait_seconds=0)
    never.ask("first", queued=True)
    never.now = 1e6
    assert never.ask("second") == ""


@pytest.mark.parametrize("load", [2, 20])
def test_however_much_is_asked_who_is_let_in_waits_no_longer_and_nobody_works_less(load: int) -> None:
    """One thread, 10 ms a turn. Who is next has waited as long as those did who came when the queue was shorter."""
    crowd = Crowd(limit_wait_seconds=0.5)
    waited: list[tuple[float, float]] = []
    line: list[tuple[float, Place]] = []
    for step in range(1, 1300):
        for number in range(load):
            if crowd.ask(f"{step}-{number}", queued=True) == "":
                line.append((crowd.now, crowd.places[-1]))
            crowd.now = step / 100 + number / load / 100
        came, place = line.pop(0)  # an empty line would raise: there is always somebody to work for
        place.queue(False)
        place.leave()
        waited.append((came, crowd.now - came))
    assert max(seconds for came, seconds in waited if came > 2.0) < 0.6
    assert len(waited) == 1299


def test_turns_that_have_no_queue_count_too() -> None:
    """A page's turn has a thread of its own."""
    crowd = Crowd(limit_wait_seconds=2)
    assert {crowd.ask(f"tab-{number}") for number in range(RUNNING + 9)} == {""}
    crowd.now = 2.1
    assert crowd.ask("late") == "busy"
    for place in crowd.places[:9]:
        place.leave()
    assert crowd.ask("then") == ""


def test_who_is_known_to_be_over_a_limit_is_refused_without_asking_redis_until_it_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr(empty, "MOST", 50)
    limits = Limits(Settings(), clock=lambda: now)
    asked = limits.turn("a", "203.0.113.7")
    assert asked is not None
    with pytest.raises(OverLimit):
        granted(asked, 1, 900_000)
    with pytest.raises(OverLimit) as caught:
        limits.turn("a", "203.0.113.7")
    assert caught.value.reason == "session_turns"
    assert caught.value.retry_after == pytest.approx(0.9)
    assert limits.turn("b", "203.0.113.7") is not None
    assert limits.turn("a", "203.0.113.8") is not None
    assert limits.upload("a", "203.0.113.7") is not None
    now += 0.91
    assert limits.turn("a", "203.0.113.7") is not None
    for number in range(500):  # names are not kept without end
        one = limits.turn(f"crowd-{number}", None)
        with pytest.raises(OverLimit):
            granted(one, 1, 60_000_000)
    assert limits.turn("crowd-449", None) is not None
    with pytest.raises(OverLimit):
        limits.turn("crowd-450", None)
