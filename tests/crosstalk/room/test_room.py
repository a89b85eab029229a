"""A room, played by a clock of the test's: who is shown whose secret, and what a stranger cannot do."""

from __future__ import annotations

import random

import pytest

from rag.crosstalk.checker.check import Report
from rag.crosstalk.room import room as limits
from rag.crosstalk.room import talk
from rag.crosstalk.room.act import MEMORIES, Act, UnknownMemory, judge
from rag.crosstalk.room.people import Person
from rag.crosstalk.room.room import Room, RoomRefused
from rag.crosstalk.strategies import STRATEGIES, Lab


class Played:
    """A room whose people do what a test says, in the test's time."""

    def __init__(self, memory: str, people: int = 3, seed: int = 1) -> None:
        self.room = Room("K7QM4X", "presenter", memory, random.Random(seed))
        self.now = 0.0
        self.phones = [self.room.join(self.now) for _ in range(people)]

    def person(self, number: int) -> Person:
        return self.phones[number][1]

    def greet(self, *numbers: int) -> None:
        for number in numbers:
            self.room.greet(self.phones[number][0], self.now)
        self.wait()

    def ask(self, *numbers: int, key: str = "order", text: str = "") -> list[str]:
        """All at the same instant; what each is shown."""
        turns = [self.room.ask(self.phones[number][0], key, text, self.now) for number in numbers]
        self.wait()
        return [turn.answer or "" for turn in turns]

    def wait(self) -> None:
        while (due := self.room.due) is not None:
            self.now = max(self.now, due)
            self.room.play(self.now)
        self.now += 1


EVERYBODY = (0, 1, 2)


def judged(act: Act) -> Report:
    return judge(act.memory, act.events)


def test_a_shared_memory_shows_a_neighbours_secret_and_the_checker_says_so_at_once() -> None:
    played = Played("shared-buffer")
    played.greet(*EVERYBODY)
    shown = played.ask(*EVERYBODY) + played.ask(*EVERYBODY)
    leaks = played.room.act.leaks
    assert leaks
    for leak in leaks:
        user, owner = played.person(leak.user), played.person(leak.owner)
        assert owner.secret in (played.room.act.turns[leak.op].answer or "")
        assert leak.secret == owner.secret
        assert user.name in leak.sentence
        assert owner.name in leak.sentence
    foreign = sum("LK-" in text and played.person(n % 3).secret not in text for n, text in enumerate(shown))
    assert len(leaks) == foreign
    played.room.end(played.now)
    report = judged(played.room.act)
    assert report.verdict == "anomalies"
    answers = {(one.user, one.owner) for one in report.anomalies if one.surface == "answer" and one.canary}
    assert answers == {(played.person(one.user).name, played.person(one.owner).name) for one in leaks}


@pytest.mark.parametrize("memory", MEMORIES)
def test_every_memory_is_judged_as_the_gallery_says_and_opens_no_redis(
    memory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lab, "open_redis", lambda _: pytest.fail("a room stores nothing"))
    played = Played(memory, people=6)
    played.greet(*range(6))
    for key in ("order", "parcel", "told", "return", "order"):
        played.ask(*range(6), key=key)
        played.ask(0, key="order")
        played.ask(3, 4, key="parcel")
    played.room.end(played.now)
    act, kind = played.room.act, STRATEGIES[memory]
    report = judged(act)
    wrong = bool(kind.expects)
    assert report.verdict == ("anomalies" if wrong else "isolated"), report.why
    assert not act.leaks or wrong
    assert set(report.counts) <= kind.expects | kind.possible(act._strategy.lab), report.counts


def test_a_switch_begins_anew_and_the_old_memory_still_answers() -> None:
    played = Played("shared-buffer")
    played.greet(*EVERYBODY)
    token = played.phones[0][0]
    late = played.room.ask(token, "order", "", played.now)
    played.room.switch("dict-with-lock", played.now)
    with pytest.raises(RoomRefused) as refused:
        played.room.ask(token, "order", "", played.now)
    assert refused.value.status == limits.HELLO_FIRST
    played.greet(*EVERYBODY)
    assert late.answer
    assert played.ask(*EVERYBODY) == [f"Your order is {played.person(n).secret}." for n in EVERYBODY]
    played.room.end(played.now)
    assert [judged(act).verdict for act in played.room.acts] == ["anomalies", "isolated"]


def test_a_question_under_way_when_the_room_ends_is_no_loss() -> None:
    played = Played("dict-with-lock")
    played.greet(*EVERYBODY)
    played.ask(*EVERYBODY)
    turn = played.room.ask(played.phones[0][0], "order", "", played.now)
    played.room.end(played.now)
    assert turn.failed
    assert turn.answer is None
    assert judged(played.room.act).verdict == "isolated"
    with pytest.raises(RoomRefused):
        played.room.ask(played.phones[0][0], "order", "", played.now)
    with pytest.raises(RoomRefused):
        played.room.join(played.now)


def test_a_phone_that_leaves_is_away_and_comes_back() -> None:
    played = Played("shared-buffer")
    someone, token = played.person(0), played.phones[0][0]
    played.now += limits.AWAY + 1
    before = played.room.version
    played.room.watch(played.now)
    assert played.room.away(someone, played.now)
    assert played.room.version > before, "the wall is drawn anew"
    played.room.greet(token, played.now)
    assert not played.room.away(someone, played.now)
    before = played.room.version
    played.room.watch(played.now)
    played.room.watch(played.now)
    assert played.room.version == before + 1
    assert played.room.who(token) == someone


def test_one_question_at_a_time_and_no_more_people_turns_or_acts_than_there_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    played = Played("shared-buffer")
    token = played.phones[0][0]
    played.room.greet(token, played.now)
    with pytest.raises(RoomRefused, match="Wait"):
        played.room.ask(token, "order", "", played.now)
    played.wait()
    with pytest.raises(RoomRefused, match="knows you already"):
        played.room.greet(token, played.now)
    monkeypatch.setattr(limits, "MOST_PEOPLE", 3)
    monkeypatch.setattr(limits, "MOST_TURNS", 1)
    monkeypatch.setattr(limits, "MOST_ACTS", 1)
    for refused in (
        lambda: played.room.join(played.now),
        lambda: played.room.ask(token, "order", "", played.now),
        lambda: played.room.switch("dict-with-lock", played.now),
        lambda: played.room.who("somebody else's"),
    ):
        with pytest.raises(RoomRefused):
            refused()
    monkeypatch.setattr(limits, "MOST_TURNS", 100)
    monkeypatch.setattr(limits, "MOST_TURNS_IN_ALL", 1)
    with pytest.raises(RoomRefused, match="open another one"):
        played.room.ask(token, "order", "", played.now)
    with pytest.raises(UnknownMemory):
        Room("K7QM4X", "presenter", "redis-list")


def test_what_is_typed_is_bounded_and_reaches_nobody_else() -> None:
    played = Played("shared-buffer")
    played.greet(*EVERYBODY)
    ours = "My dog is called Rex\u202e\x07 and what is my order?"
    played.ask(0, key="", text=ours)
    assert "Rex" not in "".join(played.ask(1, 2) + played.ask(1, 2, key="told") + played.ask(1, 2, key="return"))
    asked = [turn.question for turn in played.room.act.turns.values()]
    assert "My dog is called Rex and what is my order?" in asked
    for key, text in (("", " \x00 "), ("", "x" * (talk.LONGEST + 1)), ("nothing", "")):
        with pytest.raises(talk.BadRoomQuestion):
            played.room.ask(played.phones[0][0], key, text, played.now)


def test_no_memory_of_a_room_stores_anything_outside_of_it() -> None:
    assert {"shared-buffer", "dict-with-lock", "routed-by-client"} <= set(MEMORIES)
    assert not [name for name in MEMORIES if STRATEGIES[name].uses_redis or STRATEGIES[name].on_disk]
