"""What is stored is judged each time that it is read, by its words, and also where people say the same twice."""

from __future__ import annotations

import pytest

from rag.crosstalk.checker.check import check
from rag.crosstalk.log.events import Clear, Event, History, Invoke, Message, Prompt
from rag.crosstalk.report.explain import minimal
from tests.crosstalk.checker.short import A1, A2, A3, ADA_AND_BEN, ADAS, OF_ADA, OF_BEN, Q1, Q2, Q3, found, stored, turn

END: list[Event] = [stored("ada", 20, *OF_ADA), stored("ben", 20, *OF_BEN)]
FAILED = turn(9, "Ada", 8, "Forget it.", None)


def test_two_who_are_kept_apart() -> None:
    assert check([*ADA_AND_BEN, *END]).verdict == "isolated"
    assert check([*ADA_AND_BEN, stored("ada", 9, *OF_ADA[:2]), *END, stored("ada", 10, *OF_ADA)]).verdict == "isolated"


@pytest.mark.parametrize(
    ("before", "read", "kind", "op"),
    [
        ([], stored("ada", 10, Q1, A1, Q2, A2, Q3, A3), "foreign-write", 2),
        (FAILED, stored("ada", 10, *OF_ADA, "Forget it."), "aborted-read", 9),
        ([Clear("ben", 8, 8.5)], stored("ben", 10, *OF_BEN[:2]), "resurrection", 2),
        ([], stored("ada", 10, *OF_ADA, "Nobody said this."), "corrupt", None),
        ([], stored("ada", 10, *OF_ADA[:2], *OF_ADA), "duplicate", 1),
        ([], stored("ada", 10, Q3, A3, Q1, A1), "reordered", 1),
    ],
    ids=["foreign-write", "aborted-read", "resurrection", "corrupt", "duplicate", "reordered"],
)
def test_what_an_earlier_read_shows_is_found_once(before: list[Event], read: History, kind: str, op: int) -> None:
    end = [END[0], stored("ben", 20)] if kind == "resurrection" else END
    once = check([*ADA_AND_BEN, *before, read, *end])
    assert set(once.counts) == {kind}
    assert {(one.op, one.t) for one in once.anomalies} == {(op, 10)}
    again = History(read.session, 11, read.messages)
    assert check([*ADA_AND_BEN, *before, read, again, *end]).anomalies == once.anomalies
    assert check([*ADA_AND_BEN, *before, again, read, *end]).anomalies == once.anomalies
    small = minimal([*ADA_AND_BEN, *before, read, again, *end], once.anomalies[0])
    assert kind in check(small).counts


def test_a_loss_is_one_at_the_end() -> None:
    assert found([*ADA_AND_BEN, stored("ada", 10, *OF_ADA[:2]), *END]) == []
    assert found([*ADA_AND_BEN, END[0], stored("ada", 30, *OF_ADA[:2])]) == [("lost-append", 3, "ada")]


def test_two_reads_that_disagree_on_the_order_of_turns_that_overlapped() -> None:
    one, other = turn(7, "Ada", 8, "One?", "One.", until=10), turn(8, "Ada", 9, "Two?", "Two.", until=11)
    events = [*ADA_AND_BEN, *one, *other, stored("ada", 12, *OF_ADA, "One?", "One.", "Two?", "Two.")]
    assert found(events) == []
    events.append(stored("ada", 13, *OF_ADA, "Two?", "Two.", "One?", "One."))
    assert found(events) == [("reordered", 8, "ada")]
    assert "stored in one order" in check(events).anomalies[0].explanation
    assert found([*events, stored("ada", 14, *OF_ADA, "Two?", "Two.", "One?", "One.")]) == [("reordered", 8, "ada")]


def test_a_turn_under_way_may_be_stored_in_part_when_it_is_read() -> None:
    slow = turn(9, "Ada", 8, "Tell me all.", "All of it.", until=12)
    reads = [stored("ada", 9, *OF_ADA, "Tell me all."), stored("ada", 10, *OF_ADA, "Tell me all.", "All o")]
    end = stored("ada", 20, *OF_ADA, "Tell me all.", "All of it.")
    assert found([*ADA_AND_BEN, *slow, *reads, end]) == []
    assert found([*ADA_AND_BEN, *slow, *reads, stored("ada", 20, *OF_ADA, "Tell me all.", "All o")]) == [
        ("torn-turn", 9, "ada"),
        ("corrupt", None, "ada"),
    ]


def test_a_session_that_nobody_sent_anything_in_holds_only_what_is_others() -> None:
    assert found([*ADA_AND_BEN, *END, stored("ghost", 20)]) == []
    assert found([*ADA_AND_BEN, *END, stored("ghost", 20, "How are you?", A1)]) == [
        ("foreign-write", 1, "ghost"),
        ("corrupt", None, "ghost"),
    ]
    (leak,) = check([*ADA_AND_BEN, *END, stored("ghost", 20, Q1)]).anomalies
    assert (leak.kind, leak.owner, leak.canary) == ("foreign-write", "Ada", ADAS)
    assert minimal([*ADA_AND_BEN, *END, stored("ghost", 20, Q1)], leak)[0] == ADA_AND_BEN[0]


# --- words


OPS = (1, 3)


@pytest.mark.parametrize(
    ("at", "text"), [(1, "GARBAGE"), (0, "My ord"), (2, "What is my order? And yours?"), (3, "It is")]
)
def test_a_message_that_names_its_turn_has_to_say_what_was_said(at: int, text: str) -> None:
    texts = [*OF_ADA]
    texts[at] = text
    assert found([*ADA_AND_BEN, stored("ada", 20, *OF_ADA, ops=OPS), END[1]]) == []
    report = check([*ADA_AND_BEN, stored("ada", 20, *texts, ops=OPS), END[1]])
    (anomaly,) = report.anomalies
    assert (anomaly.kind, anomaly.op, anomaly.evidence) == ("corrupt", OPS[at // 2], text)
    assert repr(text) in anomaly.explanation


def test_of_a_turn_that_was_given_up_or_is_under_way_any_answer_may_be_stored() -> None:
    given_up = turn(9, "Ada", 8, "Tell me all.", "")
    slow = turn(9, "Ada", 8, "Tell me all.", "All of it.", until=30)
    for nine in (given_up, slow):
        events = [*ADA_AND_BEN, *nine, END[1]]
        assert found([*events, stored("ada", 20, *OF_ADA, "Tell me all.", "All o", ops=(*OPS, 9))]) == []
        assert found([*events, stored("ada", 20, *OF_ADA, "Tell me", "All o", ops=(*OPS, 9))]) == [
            ("corrupt", 9, "ada")
        ]


def test_a_stored_message_that_nobody_sent_is_shown_and_its_example_has_no_more_of_them() -> None:
    for texts in (("Nobody said this.",), (*OF_ADA, "Nobody said this."), (*OF_ADA, "Or", "this", "Nobody said this.")):
        events = [*ADA_AND_BEN, stored("ada", 20, *texts), END[1]]
        report = check(events)
        last = report.anomalies[-1]
        assert (last.kind, last.evidence) == ("corrupt", "Nobody said this.")
        small = check(minimal(events, last))
        assert small.counts["corrupt"] == report.counts["corrupt"]
        assert last.evidence in {one.evidence for one in small.anomalies}


def test_evidence_is_kept_of_a_message_that_names_a_turn_that_never_was() -> None:
    (anomaly,) = check([*ADA_AND_BEN, stored("ada", 20, *OF_ADA, "Whose?", ops=(*OPS, 99)), END[1]]).anomalies
    assert (anomaly.kind, anomaly.op, anomaly.evidence) == ("corrupt", None, "Whose?")


# --- the same words twice


def ada_says_yes(*answers: str) -> list[Event]:
    return [event for n, answer in enumerate(answers) for event in turn(10 + n, "Ada", 8 + 2 * n, "Yes.", answer)]


@pytest.mark.parametrize(
    ("answers", "kept", "lost"),
    [
        (("One.", "Two."), ("Yes.", "One.", "Yes.", "Two."), []),
        (("One.", "Two."), (), [("lost-append", 10), ("lost-append", 11)]),
        (("One.", "Two."), ("Yes.", "One."), [("lost-append", 11)]),
        (("One.", "Two."), ("Yes.", "Two."), [("lost-append", 10)]),
        (("One.", "Two.", "Two."), ("Yes.", "Two.", "Yes.", "Two."), [("lost-append", 10)]),
        (("One.", "Two.", "Two."), ("Yes.", "One.", "Yes.", "Two."), [("lost-append", 12)]),
        (("One.", "One."), ("Yes.", "One."), [("lost-append", 11)]),
        (("One.", "One."), ("Yes.", "One.", "Yes."), [("torn-turn", 11)]),
        (("One.", "Two."), ("Yes.", "One.", "Yes."), [("torn-turn", 11)]),
        (("One.", ""), ("Yes.", "One."), []),
        (("One.", ""), ("Yes.", "One.", "Yes.", "One."), []),
        (("One.", ""), ("Yes.", "One.", "Yes.", "Unheard."), []),
        (("", "One."), ("Yes.", "Unheard.", "Yes.", "One."), []),
        (("", "One."), ("Yes.", "Unheard."), [("lost-append", 11)]),
    ],
)
def test_fewer_copies_than_turns_are_a_loss(
    answers: tuple[str, ...], kept: tuple[str, ...], lost: list[tuple[str, int]]
) -> None:
    report = check([*ADA_AND_BEN, *ada_says_yes(*answers), stored("ada", 20, *OF_ADA, *kept), END[1]])
    assert [(one.kind, one.op) for one in report.anomalies] == lost
    assert ("nothing was lost" in report.why) == (not lost)


def test_what_follows_a_repeated_question_and_is_nobodys_is_corrupt() -> None:
    events = [*ADA_AND_BEN, *ada_says_yes("One.", "Two."), END[1]]
    assert found([*events, stored("ada", 20, *OF_ADA, "Yes.", "GARBAGE", "Yes.", "Two.")]) == [
        ("torn-turn", 10, "ada"),
        ("corrupt", None, "ada"),
    ]


def test_an_answer_nobody_heard_may_be_like_another_turns() -> None:
    events = [*ADA_AND_BEN, *turn(8, "Ada", 8, "One?", "Thanks."), *turn(9, "Ada", 10, "Two?", ""), END[1]]
    assert found([*events, stored("ada", 20, *OF_ADA, "One?", "Thanks.", "Two?", "Thanks.")]) == []


def test_prompts_lack_a_repeated_turn_by_its_answer() -> None:
    yes = ada_says_yes("One.", "Two.")
    for kept, kinds in ((("Yes.", "One.", "Yes.", "Two."), set()), (("Yes.", "One."), {"amnesia"})):
        sent, ended = turn(20, "Ada", 15, "And now?", "Now.")
        assert isinstance(sent, Invoke)
        texts = (*OF_ADA, *kept, sent.text)
        messages = tuple(Message("assistant" if at % 2 else "user", text) for at, text in enumerate(texts))
        assert set(check([*ADA_AND_BEN, *yes, sent, Prompt(20, messages), ended]).counts) == kinds
