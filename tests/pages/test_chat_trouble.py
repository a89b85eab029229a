"""What the chat page says when Redis or the model fails: the right line, nothing stored, nothing typed lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from rag.chat import EventStream
from rag.services import Services
from rag.sessions import Replication
from rag.ui.chat import pending_question
from rag.ui.chat.pending_question import Pending
from rag.ui.chat.reading import Reading
from tests.chat import faulty_server
from tests.chat.faulty_server import FaultyServer
from tests.pages.opening import calm, errors, labels, opened, press, say, session_of, transcript, visit
from tests.servers import Server, wait_for

QUESTION = "How long do I have to return something?"


@pytest.fixture(scope="module")
def redis() -> Iterator[Server]:
    with Server("--appendonly", "yes") as server:
        yield server


@pytest.fixture(scope="module")
def model() -> Iterator[FaultyServer]:
    with faulty_server.faulty_server() as server:
        yield server


@pytest.fixture(scope="module")
def services(redis: Server, model: FaultyServer) -> Iterator[Services]:
    variables = {"OPENAI_API_KEY": "sk-test", "MODEL_MAX_RETRIES": "0", "MODEL_TIMEOUT_SECONDS": "1"}
    with opened(REDIS_URL=redis.url, OPENAI_BASE_URL=model.url, **variables) as services:
        yield services


@pytest.fixture
def page(services: Services) -> AppTest:
    return visit()


FAULTS = {
    "429": (faulty_server.status(429, {"message": "slow down"}, Retry_After="7"), ("limits the rate", "in 7 s")),
    "401": (faulty_server.status(401, {"message": "bad key"}), ("refused the request", "in the log")),
    "500": (faulty_server.status(500, {"message": "boom"}), ("no complete answer",)),
    "no response": (faulty_server.no_response, ("no complete answer", "try again")),
    "stall": (faulty_server.stall_midway, ("no complete answer",)),
    "drop": (faulty_server.drop_midway, ("no complete answer",)),
    "web page": (faulty_server.web_page, ("no complete answer",)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_model_that_fails_leaves_the_question_and_nothing_else(
    page: AppTest, services: Services, model: FaultyServer, name: str
) -> None:
    fault, words = FAULTS[name]
    with model.failing(fault):
        say(page, QUESTION)
    (line,) = errors(page)
    assert all(word in line for word in (*words, "Nothing was saved")), line
    assert not {"sk-test", "http", "OPENAI", "127.0.0.1", "boom"} & set(re.split(r"[^\w.-]", line)), line
    assert transcript(page) == [("user", QUESTION)]
    assert {"Try again", "Edit", "Discard"} <= set(labels(page))
    assert services.store.records(session_of(page)) == []
    assert transcript(calm(page.run())) == [("user", QUESTION)]

    press(page, "Try again")
    assert errors(page) == []
    assert transcript(page) == [("user", QUESTION), ("assistant", "Returns are free for 30 days [1].")]
    assert len(services.store.records(session_of(page))) == 2


def test_edit_puts_the_question_back_into_the_input(page: AppTest, model: FaultyServer) -> None:
    with model.failing(faulty_server.no_response):
        say(page, QUESTION)
    press(page, "Edit")
    proto = page.chat_input[0].proto
    assert (proto.set_value, proto.value) == (True, QUESTION)
    assert (transcript(page), errors(page)) == ([], [])


def test_discard_drops_it_and_the_next_question_is_answered(
    page: AppTest, services: Services, model: FaultyServer
) -> None:
    with model.failing(faulty_server.no_response):
        say(page, QUESTION)
    press(page, "Discard")
    assert (transcript(page), errors(page)) == ([], [])
    say(page, "And exchanges?")
    assert next(text for _, text in transcript(page)) == "And exchanges?"
    assert len(services.store.records(session_of(page))) == 2


def test_what_a_model_writes_is_never_html_a_formula_or_a_picture(page: AppTest, model: FaultyServer) -> None:
    def nasty(handler: faulty_server.Handler) -> None:
        handler.begin()
        handler.word("<script>alert(1)</script> costs $5 and $6 ![x](http://a.example/?said=hi) [1]")
        handler.word(None, "stop")
        handler.end()

    model.faults.append(nasty)
    say(page, QUESTION)
    (answer, *_) = page.chat_message[1].markdown
    assert not answer.allow_html
    assert "\\$5 and \\$6 !\\[x]" in answer.value


def test_an_answer_that_no_replica_confirmed_is_there_once_with_a_line_about_it(
    page: AppTest, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender: Any = services.store._sender
    with monkeypatch.context() as without_replicas:
        without_replicas.setattr(sender, "replication", Replication(wait=1, seconds=0.02, strict=True))
        without_replicas.setattr(sender, "_wait", ("WAIT", 1, 20))
        say(page, QUESTION)
    assert [who for who, _ in transcript(page)] == ["user", "assistant"]
    assert [line.value for line in page.warning if "cookies" not in line.value] == [
        "This answer was stored, but its copies were not confirmed, so a failure of the server may still lose it. "
        "Look at the conversation before you ask again."
    ]
    assert "Try again" not in labels(page)
    assert len(services.store.records(session_of(page))) == 2
    say(page, "And exchanges?")
    assert not [line.value for line in page.warning if "cookies" not in line.value]


def test_redis_gone_keeps_the_question_and_comes_back(page: AppTest, services: Services, redis: Server) -> None:
    say(page, "First question?")
    before = transcript(page)
    redis.kill()
    try:
        say(page, QUESTION)
        assert any("cannot be reached" in line and "127.0.0.1" not in line for line in errors(page)), errors(page)
        assert ("user", QUESTION) in transcript(page)
        assert any("store cannot be reached" in text.value for text in page.caption)
    finally:
        redis.start()
    calm(page.run())
    assert transcript(page) == [*before, ("user", QUESTION)]
    press(page, "Try again")
    assert errors(page) == []
    assert [text for _, text in transcript(page)][::2] == ["First question?", QUESTION]
    assert len(services.store.records(session_of(page))) == 4


def test_redis_gone_before_the_first_look_is_said_once_and_tried_again(services: Services, redis: Server) -> None:
    redis.kill()
    try:
        page = visit()
        assert len(errors(page)) == 1
        assert "cannot be reached" in errors(page)[0]
    finally:
        redis.start()
    press(page, "Try again")
    assert errors(page) == []


def test_a_closed_port_is_no_model() -> None:
    closed = {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "MODEL_MAX_RETRIES": "0", "MODEL_TIMEOUT_SECONDS": "1"}
    with opened(**closed) as services:
        page = say(visit(), QUESTION)
        (line,) = errors(page)
        assert "The model gave no complete answer" in line
        assert "127.0.0.1" not in line
        assert services.store.records(session_of(page)) == []
        assert transcript(page) == [("user", QUESTION)]


@pytest.fixture
def being_written(page: AppTest, services: Services, model: FaultyServer) -> Iterator[EventStream]:
    """The answer to QUESTION: a run of the page before this one asked, and the model has said its first word."""
    model.heard.clear()
    model.faults.append(faulty_server.waits_to_be_heard)
    with closing(services.chat.stream(session_of(page), QUESTION)) as events:
        page.session_state["pending"] = Pending(QUESTION, answer=Reading(events, lambda: None))
        yield events
        model.heard.set()


def test_an_answer_that_a_lost_connection_ended_is_not_said_to_have_been_stopped(
    page: AppTest, monkeypatch: pytest.MonkeyPatch, being_written: EventStream
) -> None:
    """Only who pressed it is told so, tests/browser shows."""
    with monkeypatch.context() as patch:
        patch.setattr(pending_question, "follow", lambda *_: st.stop())
        patch.setattr(pending_question, "_is_open", lambda: False)
        calm(page.run())
    assert errors(calm(page.run())) == ["This answer was cut off before it was complete. Nothing was saved."]
    press(page, "Try again")
    assert [who for who, _ in transcript(page)] == ["user", "assistant"]


def test_a_fault_of_the_page_itself_is_met_once_and_the_question_is_offered_again(
    page: AppTest, monkeypatch: pytest.MonkeyPatch, being_written: EventStream
) -> None:
    def faulty(*_: object) -> None:
        raise ValueError("a fault of ours")

    with monkeypatch.context() as patch:
        patch.setattr(pending_question, "follow", faulty)
        page.run()
        assert len(page.exception) == 1
        assert errors(calm(page.run())) == ["This answer was cut off before it was complete. Nothing was saved."]


def test_what_is_asked_while_an_answer_is_written_comes_after_it(
    page: AppTest, services: Services, model: FaultyServer, being_written: EventStream
) -> None:
    typed = [QUESTION, "And exchanges?", "And who pays?"]
    page.session_state["questions after the pending one"] = [Pending(typed[1])]
    model.heard.set()
    say(page, typed[2])
    assert errors(page) == []
    assert [text for who, text in transcript(page) if who == "user"] == typed
    assert [record.message.text for record in services.store.records(session_of(page))[::2]] == typed


def test_a_question_for_which_there_is_no_place_is_said_back(page: AppTest) -> None:
    typed = [f"And number {number}?" for number in range(pending_question.MOST_WAITING)]
    page.session_state["pending"] = Pending(QUESTION, "It was not answered.")
    page.session_state["questions after the pending one"] = [*map(Pending, typed)]
    say(page, "And one more?")
    told = f"{len(typed)} questions are waiting already. Ask again later: And one more?"
    assert told in [warning.value for warning in page.warning]
    assert [text for _, text in transcript(page)] == [QUESTION, *typed]
    press(page, "Discard")
    say(page, "Now?")
    assert [text for who, text in transcript(page) if who == "user"] == [*typed, "Now?"]
    assert told not in [warning.value for warning in page.warning]


def test_a_question_that_failed_holds_up_those_after_it_until_one_decides(
    page: AppTest, services: Services, model: FaultyServer
) -> None:
    page.session_state["pending"] = Pending(QUESTION)
    page.session_state["questions after the pending one"] = [Pending("And exchanges?")]
    with model.failing(faulty_server.no_response):
        calm(page.run())
    assert len(errors(page)) == 1
    assert [text for _, text in transcript(page)] == [QUESTION, "And exchanges?"]
    assert services.store.records(session_of(page)) == []
    press(page, "Discard")
    assert errors(page) == []
    assert [who for who, _ in transcript(page)] == ["user", "assistant"]
    assert services.store.records(session_of(page))[0].message.text == "And exchanges?"


@pytest.mark.parametrize("then", ["", "And exchanges?"])
def test_an_answer_that_was_stored_between_two_runs_is_not_asked_for_again(
    page: AppTest, services: Services, model: FaultyServer, being_written: EventStream, then: str
) -> None:
    assert not being_written.stored(0.0)
    model.heard.set()
    wait_for(lambda: being_written.stored(0.0), "it is stored")
    asked = len(model.seen)
    if then:
        say(page, then)
    else:
        calm(page.run())
        assert len(model.seen) == asked
    assert errors(page) == []
    assert [text for who, text in transcript(page) if who == "user"] == [QUESTION, then][: 1 + bool(then)]
    assert len(services.store.records(session_of(page))) == (4 if then else 2)
