"""What makes a log isolated: turns that were answered, remembered something and could have leaked; no others count."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from rag.crosstalk import check
from rag.crosstalk.log.events import Event, Fail, Info, Invoke, Message, Ok, Prompt

WORDS = ("Noted.", "", "I cannot repeat that.")


def code(user: int) -> str:
    return f"LK-77{user}4-Q5{user}9-ZK8{user}W"


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    """Users of a black box, one turn after the other or overlapping, answered or not, remembered or not."""
    events: list[tuple[float, Event]] = []
    users, op = draw(st.integers(1, 4)), 0
    for user in range(users):
        at = draw(st.floats(0, 10))
        for number in range(draw(st.integers(1, 4))):
            plants = (code(user),) if number == 0 else ()
            text = f"My order is {code(user)}." if plants else "What is my order?"
            events.append(
                (
                    at,
                    Invoke(
                        op, f"u{user}", f"s{user}", at, text, plants=plants, expects=() if plants else (code(user),)
                    ),
                )
            )
            at += draw(st.floats(0.1, 3))
            match draw(st.sampled_from(["recall", "recall", "words", "fail", "info", "left"])):
                case "recall":
                    end: Event = Ok(op, at, f"You said {code(user)}.")
                case "words":
                    end = Ok(op, at, draw(st.sampled_from(WORDS)))
                case "fail":
                    end = Fail(op, at, "429 slow down")
                case "info":
                    end = Info(op, at, "timed out")
                case _:
                    end = Info(op, at, "cancelled before: save")
            events.append((at, end))
            at += draw(st.floats(0.1, 3))
            op += 1
    return [event for _, event in sorted(events, key=lambda one: one[0])]


def convincing(events: list[Event]) -> Iterator[int]:
    """Turns that were answered with something that had been stated before, after somebody else had stated something."""
    asked = {event.op: event for event in events if isinstance(event, Invoke)}
    stated = [(event.t, event.user) for event in events if isinstance(event, Invoke) and event.plants]
    for event in events:
        if isinstance(event, Ok):
            turn, recalls = asked[event.op], "You said" in event.answer
            if recalls and not turn.plants and any(t < event.t and user != turn.user for t, user in stated):
                yield event.op


@settings(max_examples=300, deadline=None)
@given(logs())
def test_no_log_without_a_turn_that_could_have_leaked_is_isolated(events: list[Event]) -> None:
    report = check(events)
    assert report.verdict in ("isolated", "unknown")
    answered = [event for event in events if isinstance(event, Ok)]
    refused = [
        event
        for event in events
        if isinstance(event, Fail) or (isinstance(event, Info) and "cancelled" not in event.error)
    ]
    by_op = {event.op: event.user for event in events if isinstance(event, Invoke)}
    enough = len(answered) >= len(refused) and len({by_op[event.op] for event in answered}) > 1
    assert (report.verdict == "isolated") == (enough and any(convincing(events)))
    assert report.answered == len(answered)
    assert report.users == len({by_op[event.op] for event in answered})
    if report.verdict == "isolated":
        assert report.bound is not None
        assert report.bound >= min(1.0, 3 / len(answered))
        assert report.why.startswith(f"{report.users} users stayed apart in {report.answered} answered turns")


@settings(max_examples=100, deadline=None)
@given(logs(), st.integers(0, 3))
def test_one_leak_is_certain_whatever_else_happened(events: list[Event], owner: int) -> None:
    stated = {event.user for event in events if isinstance(event, Invoke) and event.plants}
    ok = [event for event in events if isinstance(event, Ok)]
    by_op = {event.op: event.user for event in events if isinstance(event, Invoke)}
    victim = next((event for event in ok if by_op[event.op] != f"u{owner}" and f"u{owner}" in stated), None)
    if victim is None:
        return
    leaked = [Ok(victim.op, victim.t, f"It is {code(owner)}.") if event is victim else event for event in events]
    first = next(event.t for event in events if isinstance(event, Invoke) and event.user == f"u{owner}")
    if first >= victim.t:  # at the same moment nobody can have been told of it
        return
    assert check(leaked).verdict == "anomalies"


def turns(user: str, start: float, hints: tuple[str, ...], answer: str) -> list[Event]:
    number = ord(user[0])
    return [
        Invoke(number, user, user, start, f"I am {user} and collect {hints[0]}.", plants=(code(number),), hints=hints),
        Ok(number, start + 1, "Noted."),
        Invoke(number + 100, user, user, start + 2, "What do I collect?", expects=(code(number),)),
        Ok(number + 100, start + 3, f"{answer} {code(number)}"),
    ]


def test_a_hint_is_suspected_never_certain_and_changes_no_verdict() -> None:
    events = [
        *turns("ada", 0, ("enamel kettles from Porto",), "Enamel kettles from Porto."),
        *turns("ben", 10, ("paper kites from Leeds",), "Perhaps Enamel Kettles from Porto, as the one before you?"),
    ]
    report = check(events)
    assert report.verdict == "isolated"
    assert [(one.kind, one.user, one.owner) for one in report.suspected] == [("suspected-read", "ben", "ada")]
    assert "Suspected, not certain: 1 mention" in report.why
    assert report.counts == {}


def test_what_two_users_have_in_common_is_no_hint() -> None:
    events = [
        *turns("ada", 0, ("paper kites from Leeds",), "Paper kites from Leeds."),
        *turns("ben", 10, ("paper kites from Leeds",), "Paper kites from Leeds."),
    ]
    assert check(events).suspected == ()


def test_forgetting_is_a_figure_and_a_finding_only_where_memory_is_required() -> None:
    events = [
        *turns("ada", 0, ("enamel kettles",), "It is"),
        *turns("ben", 10, ("paper kites from Leeds",), "It is"),
        Invoke(900, "ada", "ada", 20, "And now?", expects=(code(ord("a")),)),
        Ok(900, 21, "I cannot repeat that."),
    ]
    report = check(events)
    assert (report.verdict, report.recall.chances, report.recall.recalled) == ("isolated", 3, 2)
    assert "Own facts were recalled in 67% of 3 chances." in report.why
    required = check(events, require_memory=True)
    assert (required.verdict, dict(required.counts)) == ("anomalies", {"amnesia": 1})


def test_a_memory_of_one_turn_owes_no_more_than_that() -> None:
    events = [
        *turns("ada", 0, ("enamel kettles",), "It is"),
        *turns("ben", 10, ("paper kites",), "It is"),
        Invoke(900, "ada", "ada", 20, "And now?", expects=(code(ord("a")),), window=1),
        Ok(900, 21, "What do you mean?"),
    ]
    assert check(events, require_memory=True).verdict == "isolated"
    assert check(events, window=5, require_memory=True).verdict == "anomalies"


def test_what_anybody_might_have_said_before_the_log_began_is_nobodys() -> None:
    events = [
        *turns("ada", 0, ("enamel kettles",), "It is"),
        *turns("ben", 10, ("paper kites",), "It is"),
        Invoke(900, "ben", "ben", 20, "Yes, please!"),
        Ok(900, 21, "Done."),
        Invoke(901, "ada", "ada", 30, "And my parcel?"),
        Prompt(901, (Message("user", "Yes, please!"), Message("user", "And my parcel?"))),
        Ok(901, 31, "It is on its way."),
    ]
    assert "foreign-read" not in check(events).counts
    theirs = "Can you send my kites to the harbour office in Leeds?"
    told = [
        *events[:8],
        Invoke(900, "ben", "ben", 20, theirs),
        *events[9:11],
        Prompt(901, (Message("user", theirs), Message("user", "And my parcel?"))),
        *events[12:],
    ]
    found = [one for one in check(told).anomalies if one.kind == "foreign-read"]
    assert [(one.user, one.owner, one.canary) for one in found] == [("ada", "ben", None)]
    assert found[0].explanation.startswith("The prompt for ada's turn 3 contained a message of ben's turn 3: “Can you")
