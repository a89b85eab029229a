"""What is certain in a foreign log, what is suspected, and what is nobody's: right applications of many kinds are not
accused, whatever the log leaves out."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.crosstalk.checker.check import check
from rag.crosstalk.checker.findings import Report
from rag.crosstalk.log.foreign.found import own
from rag.crosstalk.log.foreign.reading import ForeignLog, read
from tests.crosstalk.log.shapes import SHAPES
from tests.crosstalk.log.talk import ADA, BEN, EVE, IN_ANSWER, IN_PROMPT, MAIL, ORDER, RIGHT, Said, Talk

WHOLE_TALK: tuple[Said, ...] = tuple(
    (role, text) for turn in ADA[:2] for role, text in (("user", turn.text), ("assistant", turn.answer))
)


def log(turns: Sequence[Talk], *, user_per_session: bool = False, shape: str = "langfuse_traces") -> ForeignLog:
    found = read(io.BytesIO(SHAPES[shape](turns).encode()), "log", user_per_session=user_per_session)
    assert found is not None
    return found


def judged(turns: Sequence[Talk], *, user_per_session: bool = False) -> Report:
    return check(log(turns, user_per_session=user_per_session).events, leaks_only=True)


def reading(*before: Said, user: str = "ben", session: str = "ben-1", at: float = 300.0) -> list[Talk]:
    """A turn that is given this before its question, after what Ada and Ben said."""
    return [*ADA, *BEN[:2], Talk(user, session, at, "And of a lamp?", "Two years, too.", before)]


QUESTION, ANSWER = WHOLE_TALK[2:]
OTHERS = "LK-QQ3V-88HZ-MN5K2"
FAQ = ("Open on Sunday?", "No, never.")
LONG = ("Are you open on Sundays in December, too?", "No, never.")
RIGHT_ONES = {
    "a window of one turn": [replace(turn, before=turn.before[-2:]) for turn in RIGHT],
    "no memory": [replace(turn, before=()) for turn in RIGHT],
    "prompts without what was answered": [replace(turn, before=turn.before[::2]) for turn in RIGHT],
    "answers that are shortened in the history": [
        replace(turn, before=tuple((role, text[:12] if role == "assistant" else text) for role, text in turn.before))
        for turn in RIGHT
    ],
    "turns that were not recorded, of a few words": [
        Talk("ada", "ada-2", 40, "Tell me more", "Of what?"),
        *reading(("user", "Tell me more"), ("assistant", "Something else, not in the log.")),
    ],
    "a question of many, answered from a cache, whose other turns were not recorded": [
        Talk("ada", "ada-2", 40, *FAQ),
        Talk("eve", "eve-2", 50, "What else?", "Lamps.", (("user", "Kettles?"), ("assistant", "Those, too."))),
        *reading(("user", FAQ[0]), ("assistant", FAQ[1])),
    ],
    "a question that two others asked": [
        Talk("ada", "ada-2", 40, *LONG),
        Talk("eve", "eve-2", 50, *LONG),
        *reading(("user", LONG[0]), ("assistant", LONG[1])),
    ],
    "an answer that two others got": [
        Talk("ada", "ada-2", 40, "I like tea much better than coffee.", "I shall remember that."),
        Talk("eve", "eve-2", 50, "I like coffee much better than tea.", "I shall remember that."),
        *reading(("assistant", "I shall remember that.")),
    ],
    "a question that another asked later": [
        *reading(("user", LONG[0]), ("assistant", LONG[1])),
        Talk("ada", "ada-2", 900, *LONG),
    ],
    "an example in every prompt, which somebody asks": [
        *(replace(turn, before=(QUESTION, ("assistant", "For example."), *turn.before)) for turn in BEN[:2]),
        *(replace(turn, at=turn.at + 100) for turn in ADA),
        replace(BEN[2], at=900, before=(QUESTION, ("assistant", "For example."), *BEN[2].before)),
    ],
    "a user's second session that has what the first had": reading(*WHOLE_TALK, user="ada", session="ada-2"),
    "two people in one session": [
        *(replace(turn, session="room") for turn in (*ADA, *BEN[:2])),
        replace(BEN[2], session="room", before=WHOLE_TALK, answer=f"Ada's order is {ORDER}."),
    ],
    "what another one types, too": [
        *ADA,
        *BEN[:2],
        Talk("eve", "eve-1", 250, f"I found {ORDER} on the floor.", "Thanks."),
        replace(BEN[2], answer=f"Do you mean {ORDER}?"),
    ],
    "an address of the shop that was told before": [
        Talk("eve", "eve-1", 0, "Where do I write?", f"To {MAIL}."),
        *(replace(turn, at=turn.at + 50) for turn in ADA),
        Talk("ben", "ben-1", 900, "And where do I write?", f"To {MAIL}."),
    ],
    "a number of the shop in its instructions": [
        replace(BEN[0], before=(("system", f"Sample orders look like {ORDER}."),)),
        *(replace(turn, at=turn.at + 50) for turn in ADA),
        Talk("eve", "eve-1", 900, "What does an order number look like?", f"Like {ORDER}."),
    ],
}


@pytest.mark.parametrize("name", RIGHT_ONES)
def test_right_applications_are_not_accused(name: str) -> None:
    report = judged(RIGHT_ONES[name])
    assert (report.verdict, report.counts, report.suspected) == ("unknown", {}, ())


EXAMPLE: tuple[Said, ...] = (("user", "Are there kettles?"), ("assistant", "Yes."))
WRONG_ONES = {
    "one turn of another, in prompts that begin with an example": [
        Talk("ada", "ada-2", 40, *LONG, EXAMPLE),
        *(replace(turn, before=(*EXAMPLE, *turn.before)) for turn in [*ADA, *BEN[:2]]),
        Talk(
            "ben", "ben-1", 300, "And of a lamp?", "Two years.", (*EXAMPLE, ("user", LONG[0]), ("assistant", LONG[1]))
        ),
    ],
    "one history for all": reading(*WHOLE_TALK, *BEN[1].before),
    "the other history alone": reading(*WHOLE_TALK),
    "a question of another": reading(QUESTION),
    "an answer of another": reading(ANSWER),
    "a whole turn, beside what is not in the log": reading(("assistant", "Nobody logged this."), QUESTION, ANSWER),
}


@pytest.mark.parametrize("name", WRONG_ONES)
def test_mixed_up_histories_are_found(name: str) -> None:
    report = judged(WRONG_ONES[name])
    assert (report.verdict, report.counts) == ("anomalies", {"foreign-read": 1})
    assert [(one.user, one.owner) for one in report.anomalies] == [("ben", "ada")]


def test_a_message_beside_what_the_log_does_not_have_is_suspected() -> None:
    report = judged(reading(("assistant", "Nobody logged this."), QUESTION))
    assert (report.verdict, report.counts) == ("unknown", {})
    assert {(one.user, one.owner, one.surface) for one in report.suspected} == {("ben", "ada", "prompt")}


def test_one_question_that_anybody_may_ask_is_certain_if_no_turn_is_missing() -> None:
    before = (("user", BEN[1].text), ("assistant", BEN[1].answer))
    asked = Talk("ada", "ada-1", 900, "And of a lamp, please?", "Two years.", before)
    assert judged([*ADA, *BEN, asked]).counts == {"foreign-read": 1}
    missing = Talk("eve", "eve-2", 50, "What else?", "Lamps.", (("user", "Kettles?"), ("assistant", "Those, too.")))
    report = judged([*ADA, *BEN, asked, missing])
    assert (report.verdict, report.counts) == ("unknown", {})
    assert {(one.user, one.owner) for one in report.suspected} == {("ada", "ben")}


@st.composite
def right(draw: st.DrawFn) -> list[Talk]:
    """Users apart, with sessions, greetings and windows of their own; some turns are not in the log."""
    turns = []
    for user in range(draw(st.integers(2, 4))):
        for session in range(draw(st.integers(1, 2))):
            before: list[Said] = []
            window = draw(st.sampled_from([0, 2, 4, 100]))
            for number in range(draw(st.integers(1, 5))):
                name = f"u{user} s{session} n{number}"
                texts = ["Hi", "yes", f"I want what is {name}", f"It is {user}{session}{number}55501987"]
                text = draw(st.sampled_from(texts))
                answer = draw(st.sampled_from(["Hello! How can I help?", f"I noted {name}", f"So: {text}"]))
                at = draw(st.floats(0, 99)) + 100 * number
                shown = before[max(0, len(before) - window) :]
                turns.append(Talk(f"u{user}", f"u{user}-{session}", at, text, answer, tuple(shown)))
                before += [("user", text), ("assistant", answer)]
    return [turn for turn in turns if draw(st.integers(0, 4))]


@settings(max_examples=150, deadline=None)
@given(right().filter(bool), st.sampled_from(["langfuse_traces", "otel_structured", "langsmith_langgraph"]))
def test_nobody_who_is_apart_is_accused(turns: list[Talk], shape: str) -> None:
    report = check(log(turns, shape=shape).events, leaks_only=True)
    assert (report.verdict, report.counts, report.suspected) == ("unknown", {}, ())


@pytest.mark.parametrize("name", [None, "", "anonymous", "Guest"])
def test_without_users_what_crosses_sessions_is_only_suspected(name: str | None) -> None:
    nameless = [{**row, "userId": name} for row in json.loads(SHAPES["langfuse_traces"](IN_PROMPT))]
    data = json.dumps(nameless).encode()
    found = read(io.BytesIO(data), "log")
    assert found is not None
    assert found.unnamed == len(IN_PROMPT)
    report = check(found.events, leaks_only=True)
    assert (report.verdict, report.counts) == ("unknown", {})
    assert {one.user for one in report.suspected} == {"the user of session ben-1"}
    each = read(io.BytesIO(data), "log", user_per_session=True)
    assert each is not None
    assert check(each.events, leaks_only=True).counts == {"foreign-read": 1}


@pytest.mark.parametrize("nameless", ["ada", "ben"])
def test_both_have_to_be_named(nameless: str) -> None:
    rows = json.loads(SHAPES["langfuse_traces"](IN_PROMPT))
    rows = [{**row, "userId": None if row["userId"] == nameless else row["userId"]} for row in rows]
    found = read(io.BytesIO(json.dumps(rows).encode()), "log")
    assert found is not None
    report = check(found.events, leaks_only=True)
    assert (report.counts, len(report.suspected) > 0) == ({}, True)


def test_what_one_of_a_group_said_elsewhere_is_not_certain_in_their_room() -> None:
    room = [
        Talk("ada", "room", 400, "Hello Ben", "Hello both."),
        Talk("ben", "room", 500, "What did Ada order?", "Let me see.", WHOLE_TALK),
    ]
    assert judged([*ADA, *room]).counts == {}


def test_a_turn_of_nobody_is_left_out() -> None:
    rows = json.loads(SHAPES["langfuse_traces"](RIGHT))
    rows[0] |= {"userId": None, "sessionId": None}
    rows[1] |= {"timestamp": "yesterday"}
    rows[2] |= {"input": None}
    found = read(io.BytesIO(json.dumps(rows).encode()), "log")
    assert found is not None
    assert (found.turns, found.left_out) == (len(RIGHT) - 3, 3)


def test_a_turn_that_failed_has_no_answer() -> None:
    rows = [json.loads(line) for line in SHAPES["langsmith_langchain"](RIGHT).splitlines()]
    for row in rows[:2]:
        row |= {"outputs": None, "error": "429 slow down", "status": "error"}
    found = read(io.BytesIO("\n".join(map(json.dumps, rows)).encode()), "log")
    assert found is not None
    report = check(found.events, leaks_only=True)
    assert (report.turns, report.answered) == (len(RIGHT), len(RIGHT) - 1)


def planted(turns: Sequence[Talk]) -> dict[str, str]:
    """In the metadata of each tool."""
    plants, others, expects = {"plants": [ORDER]}, {"plants": [OTHERS]}, {"expects": [ORDER]}
    traces = json.loads(SHAPES["langfuse_traces"](turns))
    runs = json.loads(SHAPES["langsmith_openai"](turns))
    spans = [json.loads(line) for line in SHAPES["otel_numbered"](turns).splitlines()]
    for number, turn in enumerate(turns):
        told = plants if turn is ADA[1] else expects if turn is ADA[2] else others if OTHERS in turn.text else {}
        traces[number]["metadata"] = told
        runs[number]["extra"]["metadata"] |= told
        span = spans[number]["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        for key, texts in told.items():
            values = [{"stringValue": text} for text in texts]
            span["attributes"].append({"key": key, "value": {"arrayValue": {"values": values}}})
    return {"langfuse": json.dumps(traces), "langsmith": json.dumps(runs), "otel": "\n".join(map(json.dumps, spans))}


def test_what_was_typed_before_it_was_planted_is_still_a_canary() -> None:
    turns = [Talk("ada", "ada-1", -50, f"Is {ORDER} mine?", "Perhaps."), *IN_ANSWER]
    found = read(io.BytesIO(planted(turns)["langfuse"].encode()), "log")
    assert found is not None
    assert check(found.events, leaks_only=True).counts == {"foreign-read": 1}


@pytest.mark.parametrize("tool", ["langfuse", "langsmith", "otel"])
def test_what_is_planted_is_judged_as_in_an_operation_log(tool: str) -> None:
    verdicts = []
    other = Talk("eve", "eve-2", 30, f"My order is {OTHERS}.", "Noted.")
    for turns in ([*RIGHT, other], [*IN_ANSWER, other]):
        found = read(io.BytesIO(planted(turns)[tool].encode()), "log")
        assert found is not None
        assert found.planted
        report = check(found.events, leaks_only=True)
        verdicts.append((report.verdict, report.counts, report.suspected))
    assert verdicts == [("isolated", {}, ()), ("anomalies", {"foreign-read": 1}, ())]


@pytest.mark.parametrize("turns", [RIGHT, [*ADA, *BEN, *EVE[:1]]])
def test_a_window_that_was_named_is_checked(turns: list[Talk]) -> None:
    assert check(log(turns).events, window=20).counts == {}
    forgot = [turn if turn is not turns[2] else replace(turn, before=()) for turn in turns]
    assert set(check(log(forgot).events, window=20).counts) == {"amnesia", "backward-read"}


OWN = {
    f"My order is {ORDER}.": {"lk7q2mx9pd4trw8": ORDER},
    "Order #48210937 please": {"48210937": "48210937"},
    f"Write to {MAIL}, please": {MAIL: MAIL},
    "Call +44 7700 900 123 or (020) 7946 0958": {"447700900123": "+44 7700 900 123", "02079460958": "(020) 7946 0958"},
    "It is 0B0D8F2E-5b1a-4f0e-9d3c-2f6a1b7c8d9e": {
        "0b0d8f2e5b1a4f0e9d3c2f6a1b7c8d9e": "0B0D8F2E-5b1a-4f0e-9d3c-2f6a1b7c8d9e"
    },
}
NOBODYS = [
    "On 2024-11-27, 27.11.2024 or 20241127 at 20241127093000",
    "It costs 1000000 or 12345678 or 7777777",
    "ISO-27001, RFC-2616, WH-1000XM4, gpt-4o-2024, windows-11, 192.168.0.1, v1.2.3",
    "support@example.org or no-reply@example.org",
    "https://example.org/a/b/c?d=1",
    "abc def " * 20,
]


@pytest.mark.parametrize("text", OWN)
def test_what_is_ones_own_is_known(text: str) -> None:
    assert {key: value for key, value in own(text).items() if key in OWN[text]} == OWN[text]


@pytest.mark.parametrize("text", NOBODYS)
def test_what_anybody_may_type_is_not(text: str) -> None:
    assert own(text) == {}
