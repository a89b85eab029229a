"""Planted anomalies are all found and none is invented; the verdict says what it knows, and no more."""

from __future__ import annotations

import base64
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.crosstalk.checker import canaries
from rag.crosstalk.checker.anomalies import DEFINITIONS
from rag.crosstalk.checker.canaries import Canaries, Foreseen, spelt_at
from rag.crosstalk.checker.check import check
from rag.crosstalk.checker.findings import Report
from rag.crosstalk.checker.observed import around
from rag.crosstalk.log.events import BadLog, Control, Event, History, Invoke, Message, Ok, Prompt, read
from rag.crosstalk.report.explain import minimal
from tests.crosstalk.checker.generated import World, cases, clean, lines
from tests.crosstalk.checker.planted import PLANTS

CHATS = 60


@pytest.mark.parametrize("name", PLANTS)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 4), window=st.sampled_from([None, 3, 20]))
def test_each_planted_case_is_found_and_nothing_else(name: str, seed: int, count: int, window: int | None) -> None:
    world = World(seed, window=window)
    for _ in range(CHATS):
        clean(world)
    planted = Counter(case for _ in range(count) for case in PLANTS[name](world))
    report = check(world.events(), window=window)
    assert Counter(cases(report)) == planted
    assert report.verdict == "anomalies"
    for anomaly in report.anomalies:
        assert anomaly.severity == DEFINITIONS[anomaly.kind].severity
        assert anomaly.explanation.endswith(".")


def test_all_kinds_are_planted() -> None:
    assert {name.split(",")[0] for name in PLANTS} == set(DEFINITIONS)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    window=st.sampled_from([None, 1, 3, 20]),
    black=st.booleans(),
    alike=st.booleans(),
)
def test_a_service_that_does_everything_right_is_isolated(
    seed: int, window: int | None, black: bool, alike: bool
) -> None:
    world = World(seed, window=window, black=black, alike=alike)
    for _ in range(CHATS):
        clean(world)
    report = check(world.events(), window=window)
    assert cases(report) == []
    assert report.verdict == "isolated", report.why
    assert report.box == ("black" if black else "white")
    assert report.users == CHATS
    assert report.bound == pytest.approx(3 / report.chances)


def two() -> World:
    world = World(1)
    for at in (10, 20):
        chat = world.chat(at)
        chat.turn(plant=True)
        chat.turn(ask=True)
    return world


def test_that_nothing_was_lost_is_said_only_of_what_was_read() -> None:
    events = two().events()
    assert "nothing was lost." in check(events).why
    last = next(event for event in reversed(events) if isinstance(event, History))
    one_less = check([event for event in events if event is not last])
    assert "nothing was lost in the 1 of 2 sessions whose stored history was read." in one_less.why
    unread = check([event for event in events if not isinstance(event, History)])
    assert (unread.verdict, unread.box) == ("isolated", "white")
    assert "stored histories were not read" in unread.why
    assert "nothing was lost" not in unread.why


def test_unknown_when_there_is_nothing_to_judge() -> None:
    assert_unknown(check([]), "the log holds no turn")
    assert_unknown(check([Control("LK-AAAA-BBBB-CCCC2")]), "the log holds no turn")


def test_unknown_with_one_user() -> None:
    world = World(1)
    world.chat(1).turn(plant=True)
    assert_unknown(check(world.events()), "fewer than two users")


def test_unknown_when_a_control_was_seen_even_if_it_is_named_last() -> None:
    events = two().events()
    (control,) = [event for event in events if isinstance(event, Control)]
    seen = Ok(1, 99, f"Your order is {control.canary.lower().replace('-', ' ')}.")
    events = [seen if isinstance(event, Ok) and event.op == 1 else event for event in events]
    assert_unknown(check(events), "which nobody stated, was seen")
    assert_unknown(check([*events[1:], control]), "which nobody stated, was seen")
    assert check(events).controls.seen == 1


def test_unknown_when_nobody_recalled_anything() -> None:
    events: list[Event] = []
    for op, user in enumerate(("Ada", "Ben")):
        events += [Invoke(op, user, user, op, f"I am {user}", plants=(f"{user * 5} Hill",)), Ok(op, op + 0.5, "Hello.")]
    assert_unknown(check(events), "nobody ever recalled their own canary")


def test_unknown_when_a_canary_was_planted_twice() -> None:
    events = [*two().events()]
    first = next(event for event in events if isinstance(event, Invoke) and event.plants)
    events.append(Invoke(99, "Eve", "eve", 99, f"Mine is {first.plants[0]}", plants=first.plants))
    assert_unknown(check(events), "was planted twice")


def test_a_leak_is_certain_even_where_nothing_else_can_be_said() -> None:
    events: list[Event] = [
        Invoke(0, "Ada", "a", 0, "My order is LK-2222-3333-44445.", plants=("LK-2222-3333-44445",)),
        Ok(0, 0.1, "Thank you."),
        Invoke(1, "Ben", "b", 1, "And mine?"),
        Ok(1, 1.1, "LK-2222-3333-44445"),
    ]
    report = check(events)
    assert (report.verdict, report.box, report.counts) == ("anomalies", "black", {"foreign-read": 1})
    assert report.bound is None
    assert report.seen == (("Ben", "Ada", 1),)
    (leak,) = report.anomalies
    assert leak.explanation.startswith(
        "Ben's turn 1 was answered with Ada's “LK-2222-3333-44445”: Ada stated it in turn 1"
    )
    assert report.cause == "scope bug"


CANARY = "17 Näuweibo Mews, K2X 9LK, of Quvaubotei"


@pytest.mark.parametrize(
    "spelt",
    [
        CANARY.upper(),
        CANARY.replace(" ", "").replace(",", "-"),
        CANARY.replace(" ", "_\n"),
        CANARY[::-1],
        base64.b64encode(CANARY.encode()).decode(),
        base64.b64encode(f"x{CANARY}".encode()).decode(),
        base64.b64encode(f"xy{CANARY} and more".encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(f"the address is {CANARY}".encode()).decode(),
    ],
)
def test_however_a_canary_is_spelt(spelt: str) -> None:
    events: list[Event] = [
        Invoke(0, "Ada", "a", 0, f"I live at {CANARY}.", plants=(CANARY,)),
        Ok(0, 0.1, "Thank you."),
        Invoke(1, "Ben", "b", 1, "And I?"),
        Ok(1, 1.1, f"It says: {spelt}!"),
    ]
    assert check(events).counts == {"foreign-read": 1}


def test_who_brings_in_somebody_elses_words_is_not_shown_them() -> None:
    world = two()
    ada, ben = world.chats
    quoted = ben.send(more=f"A friend's order is {ada.known[0]}. ")
    ben.prompt(quoted)
    ben.ok(quoted, text=f"I see, {ada.known[0]}.")
    assert check(world.events()).verdict == "isolated"


def test_a_leak_on_two_surfaces_is_two_and_in_two_messages_of_a_prompt_one() -> None:
    canary = "LK-2222-3333-44445"
    events: list[Event] = [
        Invoke(0, "Ada", "a", 0, f"My order is {canary}.", plants=(canary,)),
        Ok(0, 0.1, f"Thank you for {canary}."),
        Invoke(1, "Ben", "b", 1, "And mine?"),
        Prompt(1, (Message("user", f"x {canary}"), Message("assistant", f"y {canary}"), Message("user", "And mine?"))),
        Ok(1, 1.1, f"It is {canary}, {canary}."),
    ]
    report = check(events)
    assert [(one.kind, one.surface) for one in report.anomalies] == [
        ("foreign-read", "prompt"),
        ("foreign-read", "answer"),
    ]
    assert canary in report.anomalies[0].evidence


def test_a_report_survives_json() -> None:
    world = World(3)
    for plant in PLANTS.values():
        plant(world)
    report = check(world.events())
    assert Report.from_dict(report.to_dict()) == report
    assert set(report.to_dict()) >= {
        *("verdict", "why", "box", "turns", "users", "counts", "anomalies", "bound", "controls"),
    }


def test_a_log_is_read_line_by_line_and_its_lines_say_the_same() -> None:
    world = two()
    assert check(read(lines(world.events()))) == check(world.events())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "it is not JSON"),
        ("[1]", "it is a list, not an object"),
        ('{"event": "shout"}', "event is 'shout': expected one of invoke, prompt"),
        ('{"event": "ok", "op": "7", "t": 1, "answer": ""}', "ok.op is text: expected a whole number"),
        ('{"event": "ok", "op": true, "t": 1, "answer": ""}', "ok.op is true or false: expected a whole number"),
        ('{"event": "ok", "op": 7, "t": 1}', "ok.answer is missing: expected text"),
        ('{"event": "ok", "op": 7, "t": NaN, "answer": ""}', "ok.t is a number: expected a number (seconds)"),
        ('{"event": "ok", "op": 7, "t": 1, "answer": ""}', "op 7 was never invoked"),
        ('{"event": "invoke", "op": 0, "user": "a", "session": "s", "t": 1, "text": ""}', "op 0 was invoked before"),
        ('{"event": "prompt", "op": 0, "messages": [1]}', "prompt.messages[0] is a number: expected an object"),
        ('{"event": "clear", "session": "s", "t": 2, "t_ok": 1}', "clear.t_ok is before clear.t"),
    ],
)
def test_broken_logs_name_their_line(line: str, said: str) -> None:
    log = ['{"event": "invoke", "op": 0, "user": "a", "session": "s", "t": 0, "text": "x", "odd": 1}', "", line]
    with pytest.raises(BadLog, match="Line 3 of the log cannot be used") as caught:
        check(read(log))
    assert said in str(caught.value)


@pytest.mark.parametrize("name", PLANTS)
def test_the_smallest_example_still_shows_it_and_holds_little_else(name: str) -> None:
    world = World(5)
    for _ in range(15):
        clean(world)
    PLANTS[name](world)
    events = world.events()
    for anomaly in check(events).anomalies:
        small = minimal(iter(events), anomaly)
        assert anomaly.kind in check(small).counts
        turns = [event for event in small if isinstance(event, Invoke)]
        assert len(turns) <= 3
        assert len({turn.user for turn in turns}) <= 2
        assert len([event for event in small if isinstance(event, History)]) <= 2


def assert_unknown(report: Report, said: str) -> None:
    assert report.verdict == "unknown"
    assert said in report.why


def test_a_canary_that_anybody_may_say_is_refused() -> None:
    with pytest.raises(ValueError, match="the canary 'ab-12' is too short"):
        Canaries().add("ab-12")


def test_canaries_that_differ_in_a_few_letters_are_told_apart() -> None:
    known = Canaries()
    words = ["MPK4R", "XY79T", "QQ3V8", "RW2D5", "T6ZK3", "H8JQ4", "B7NC9", "V4GX6"]
    texts = [f"Order of a customer {word} and of nobody else, as long as there is one" for word in words]
    assert [known.add(text) for text in texts] == [(number, True) for number in range(8)]
    assert [known.find(f"You said: {text}.") for text in texts] == [(number,) for number in range(8)]
    assert known.find("You said: " + texts[0].replace(words[0], "ZZZZZ")) == ()


def test_a_text_that_was_forgotten_is_looked_through_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canaries, "_REMEMBERED", 1)
    known = Canaries()
    known.add("LK-2222-3333-44445")
    said = ["It is LK-2222-3333-44445.", "It is nothing.", "It is LK-2222-3333-44445."]
    assert [known.find(text) for text in said] == [(0,), (), (0,)]
    assert known.looked == 3


def test_of_logs_that_have_texts_in_common_each_knows_its_own_canaries() -> None:
    common = Canaries()
    for canary in ("LK-2222-3333-44445", "LK-7777-8888-99990"):
        common.add(canary)
    log = Foreseen(common)
    assert [log.add("LK-7777-8888-99990"), log.add("lk 7777 8888 99990")] == [(0, True), (0, False)]
    assert log.find("LK-2222-3333-44445, LK-7777-8888-99990") == (0,)
    assert log.named("LK-2222-3333-44445") == ()
    assert log.looked == 1


def test_a_text_without_the_canary_spells_it_nowhere() -> None:
    picture = base64.b64encode(b"a picture of a coat").decode()
    assert spelt_at(f"See {picture}", "LK-2222-3333-44445") is None
    assert around("x" * 500, "LK-2222-3333-44445") == "x" * 120 + "…"


def test_a_control_that_a_user_was_seen_to_state_tells_nothing() -> None:
    secret = "LK-2222-3333-44445"
    sent = Invoke(1, "Ada", "a", 0, f"My order is {secret}", plants=(secret,))
    events: list[Event] = [sent, Ok(1, 1, "Noted."), Control(secret)]
    report = check(iter(events))
    assert report.verdict == "unknown"
    assert f"the canary {secret!r} was planted twice" in report.why


def test_stored_instructions_are_nobodys_turn() -> None:
    said = (Message("system", "Be kind."), Message("user", "Hi"), Message("assistant", "Hello."))
    assert check([Invoke(1, "Ada", "a", 0, "Hi"), Ok(1, 1, "Hello."), History("a", 2, said)]).anomalies == ()


def test_a_turn_ends_once() -> None:
    with pytest.raises(BadLog, match="op 1 ended twice"):
        check([Invoke(1, "Ada", "a", 0, "Hi"), Ok(1, 1, "Hello."), Ok(1, 2, "Hello.")])
