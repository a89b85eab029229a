"""What other tools recorded is named and read, whatever its shape: a mix-up is found, what is right is not accused."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from rag.crosstalk.checker.check import check
from rag.crosstalk.checker.findings import Report
from rag.crosstalk.log.events import Invoke, Ok, Prompt
from rag.crosstalk.log.foreign.reading import ForeignLog, read
from tests.crosstalk.log.shapes import SHAPES
from tests.crosstalk.log.talk import IN_ANSWER, IN_PROMPT, MAIL, ORDER, RIGHT

RECORDED = Path(__file__).parent / "recorded"
KINDS = {"langfuse": "Langfuse export", "otel": "OpenTelemetry GenAI spans", "langsmith": "LangSmith export"}
LOGS = {
    name: {
        **{shape: SHAPES[shape](turns) for shape in SHAPES},
        "otel_recorded": (RECORDED / f"otel-{name}.jsonl").read_text(),
    }
    for name, turns in {"right": RIGHT, "in-prompt": IN_PROMPT, "in-answer": IN_ANSWER}.items()
}
ALL = [*SHAPES, "otel_recorded"]


def log(text: str, *, user_per_session: bool = False) -> ForeignLog:
    found = read(io.BytesIO(text.encode()), "log", user_per_session=user_per_session)
    assert found is not None
    return found


def judged(text: str) -> Report:
    return check(log(text).events, leaks_only=True)


@pytest.mark.parametrize("shape", ALL)
def test_each_turn_is_read_as_it_was(shape: str) -> None:
    found = log(LOGS["right"][shape])
    assert found.kind == KINDS[shape.partition("_")[0]]
    assert (found.turns, found.left_out, found.unnamed, found.planted) == (len(RIGHT), 0, 0, False)
    wanted = sorted(RIGHT, key=lambda turn: turn.at)
    asked = [event for event in found.events if isinstance(event, Invoke)]
    assert [(one.user, one.session, one.text) for one in asked] == [(t.user, t.session, t.text) for t in wanted]
    starts = [one.t - asked[0].t for one in asked]
    assert starts == pytest.approx([turn.at for turn in wanted], abs=0.3)
    told = {event.op: event for event in found.events if isinstance(event, Ok)}
    assert [told[one.op].answer for one in asked] == [turn.answer for turn in wanted]
    assert all(told[one.op].t > one.t for one in asked)
    given = {event.op: event for event in found.events if isinstance(event, Prompt)}
    for one, turn in zip(asked, wanted, strict=True):
        said = [(message.role, message.text) for message in given[one.op].messages]
        assert [text for _, text in said if text != turn.prompt[0][1]] == [text for _, text in turn.prompt[1:]]


def test_what_the_instrumentation_of_openai_recorded() -> None:
    """opentelemetry-instrumentation-openai-v2 2.1b0: a log record a message; who it is, the span above tells."""
    right, wrong = (judged((RECORDED / f"openai-v2-{name}.jsonl").read_text()) for name in ("right", "in-prompt"))
    assert (right.verdict, right.counts, right.suspected, right.answered) == ("unknown", {}, (), len(RIGHT))
    assert (wrong.verdict, wrong.counts) == ("anomalies", {"foreign-read": 1})
    assert [(one.user, one.session, one.owner) for one in wrong.anomalies] == [("ben", "ben-1", "ada")]


@pytest.mark.parametrize("shape", ALL)
def test_what_is_right_is_not_accused(shape: str) -> None:
    report = judged(LOGS["right"][shape])
    assert (report.verdict, report.counts, report.suspected) == ("unknown", {}, ())
    assert (report.users, report.answered) == (3, len(RIGHT))
    assert all(word in report.why for word in ("`plants`", "`expects`", "docs/log-format.md"))


@pytest.mark.parametrize("shape", ALL)
def test_a_whole_message_of_another_in_a_prompt_is_certain(shape: str) -> None:
    report = judged(LOGS["in-prompt"][shape])
    assert (report.verdict, report.counts) == ("anomalies", {"foreign-read": 1})
    (one,) = report.anomalies
    assert (one.user, one.owner, one.surface) == ("ben", "ada", "prompt")
    assert report.suspected == ()


@pytest.mark.parametrize("shape", ALL)
def test_what_one_user_alone_typed_is_suspected_in_another_ones_answer(shape: str) -> None:
    report = judged(LOGS["in-answer"][shape])
    assert (report.verdict, report.counts) == ("unknown", {})
    (one,) = report.suspected
    assert (one.kind, one.user, one.owner, one.surface, one.canary) == ("suspected-read", "ben", "ada", "answer", ORDER)
    assert MAIL not in one.evidence
