"""Turns, from what was recorded of them: whose each part of a prompt is, and nobody accused who did nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from rag.chat import ChatService
from rag.chat.trace import read
from rag.crosstalk.log.events import Document, Event, Fail, Invoke, Message, Ok, Prompt, Retrieved
from rag.inspector import flags
from rag.inspector.actions import examples
from rag.inspector.pace import Pace, Progress
from rag.inspector.parsing.message_parsers import Said
from rag.inspector.turns.model import EVERYBODY, Turn
from rag.inspector.turns.owners import find_owners
from rag.inspector.turns.paired import paired
from rag.inspector.turns.recorded import MOST_TURNS, Recording
from rag.inspector.turns.traced import traced_turns
from rag.inspector.views.session import Element
from rag.tracing import conventions as names
from tests.chat.parts import SHARED, ScriptedModel, ShelfLibrary, passage
from tests.chat.test_trace import Mixed
from tests.inspector.stored_sessions import Place

TEXTS = {one.id: one.text for one in SHARED}


def turns_of(place: Place, sid: str, texts: dict[str, str] | None = None) -> list[Turn]:
    seen = place.inspector.view(sid)
    assert seen is not None
    return place.inspector.turns(seen, lambda ids: TEXTS if texts is None else texts)


def test_a_traced_turn_shows_the_prompt_as_it_was_sent(place: Place, sid: str) -> None:
    library, model = ShelfLibrary(), ScriptedModel()
    library.own[sid] = passage("upload:mine.txt", "My own text.", private=True)
    chat = ChatService(place.store, library, model, offline=True)
    for number in range(3):
        chat.answer(sid, f"Question {number}")
    turn = turns_of(place, sid, {**TEXTS, "upload:mine.txt#0": "My own text."})[-1]
    assert turn.prompt is not None
    assert turn.found is not None
    sent = "\n".join(message.text for message in model.prompts[-1])
    assert {part.state for part in turn.prompt} == {"as sent"}
    # Every part was in what the model saw, and they are in its order.
    for part in turn.prompt:
        before, found, sent = sent.partition(part.text.split("\n")[0].partition(" <")[0])
        assert found, (part, before)
    assert [(part.origin, part.owner, part.turn) for part in turn.prompt if part.owner != EVERYBODY] == [
        ("source", sid, 0),
        *(("history", sid, number) for number in (1, 1, 2, 2)),
        ("question", sid, 3),
    ]
    assert [one.cited for one in turn.found] == [True, False, False, False]
    assert turn.foreign(sid) == 0
    assert turn.unknown == ()
    assert turn.total >= turn.milliseconds["ask"] > 0


def test_what_changed_since_is_not_said_to_be_what_was_sent(place: Place, sid: str) -> None:
    chat = ChatService(place.store, ShelfLibrary(), ScriptedModel(), offline=True)
    for number in range(2):
        chat.answer(sid, f"Question {number}")
    texts = {SHARED[1].id: "Written anew."}
    place.rewrite(sid, 0, lambda value: value["data"].update(content="Forged"))
    turn = turns_of(place, sid, texts)[-1]
    assert turn.prompt is not None
    states = {part.label or part.text: part.state for part in turn.prompt}
    assert states["[1] uk > Rules"] == "as sent"  # it was stored with the answer
    assert states["[2] refund > Rules"] == "changed"
    assert states["[3] window > Rules"] == "gone"
    assert [part.state for part in turn.prompt if part.origin == "history"] == ["changed", "changed"]
    # A trace that lies in another session's key says nothing of that session.
    raw = place.client.lrange(f"{place.store.protocol.keys.prefix}trace:{{{sid}}}", 0, -1)
    place.store.append("other", [HumanMessage("Hi"), AIMessage("Hello.")])
    place.client.rpush(f"{place.store.protocol.keys.prefix}trace:{{other}}", *raw)
    assert [one.prompt for one in turns_of(place, "other")] == [None]


def test_a_part_that_is_nobodys_here_is_found_where_it_was_said(place: Place, sid: str) -> None:
    chat = ChatService(place.store, ShelfLibrary(), ScriptedModel(), memory=Mixed(20), offline=True)
    chat.answer(sid, "Question")
    (turn,) = turns_of(place, sid)
    (asked, cut) = turn.unknown
    assert (asked.text, cut.state) == ("My order is THEIRS", "cut")
    assert turn.foreign(sid) == 0  # nobody is accused before it is known
    texts = [asked.text]
    assert find_owners(place.inspector.histories, texts, sid, Pace()).owners == {}
    place.store.append("theirs", [HumanMessage("My order is THEIRS"), AIMessage("Noted.")])
    found = find_owners(place.inspector.histories, texts, sid, Pace())
    assert (found.owners, found.complete) == ({"My order is THEIRS": "theirs"}, True)
    named = turn.named(found.owners)
    assert named.foreign(sid) == 1
    assert len(named.unknown) == 1
    assert replace(turn, prompt=None).named(found.owners).prompt is None
    place.store.append("third", [HumanMessage("My order is THEIRS"), AIMessage("Noted.")])
    told: list[Progress] = []
    again = find_owners(place.inspector.histories, texts, sid, Pace(), told.append)
    assert (told[-1].sessions, told[-1].found) == (3, 1)
    assert (again.owners, again.several) == ({}, frozenset(texts))
    stopped = Pace()
    stopped.stop.set()
    assert not find_owners(place.inspector.histories, texts, sid, stopped).complete


def said(*roles: str, turn: int = 0, problem: str = "") -> list[Element]:
    return [Element(0, Said(role, role, turn=turn, problem=problem), b"") for role in roles]


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ([], []),
        (said("user", "assistant", "user", "assistant"), [(1, 2), (2, 2)]),
        (said("assistant", "user", "assistant"), [(0, 1), (1, 2)]),
        (said("user", "user", "assistant", "tool", "assistant", "user"), [(1, 5), (2, 1)]),
        ([*said("user", "assistant", turn=7), *said("user", "assistant", turn=8)], [(7, 2), (8, 2)]),
        ([*said("user", "assistant", turn=7), *said("user", problem="foreign")], [(7, 3)]),
    ],
)
def test_without_traces_questions_and_answers_are_paired(elements: list[Element], expected: list[Any]) -> None:
    assert [(turn.number, len(turn.said)) for turn in paired(elements)] == expected


# --- recordings


def asked(op: int, user: str, text: str, *plants: str) -> Invoke:
    return Invoke(op, user, f"s-{user}", float(op), text, plants=plants)


def test_a_recording_shows_whose_each_part_is() -> None:
    secret = "LK-7Q2M-X9PD-4TRW8"
    log: list[Event] = [
        asked(1, "ada", f"My order is {secret}.", secret),
        Prompt(1, (Message("system", "Be brief."), Message("user", f"My order is {secret}."))),
        Ok(1, 1.5, "Noted."),
        asked(2, "ben", "Hello, I am Ben and I have a question."),
        Retrieved(2, (Document("article", "shared", "Open to all."), Document("note", "s-ada", "Ada's own."))),
        Prompt(
            2,
            (
                Message("system", "Be brief."),
                Message("user", f"My order is {secret}."),
                Message("assistant", "Noted."),
                Message("user", "Hello, I am Ben and I have a question."),
                Message("user", "Rewritten by nobody knows whom"),
                Message("assistant", f"It was about {secret}", 1),
            ),
        ),
        Ok(2, 2.5, f"Your order is {secret}."),
        asked(3, "cleo", "Noted."),
        Ok(3, 3.5, "Noted."),
        asked(4, "cleo", "Are you there?"),
        Prompt(4, (Message("user", "Noted."), Message("user", "Are you there?"))),
        Fail(4, 4.5, "timeout"),
    ]
    found = Recording.of(log)
    assert [(one.name, one.turns, one.foreign) for one in found.sessions()] == [
        ("ben", 1, 1),
        ("ada", 1, 0),
        ("cleo", 2, 0),
    ]
    assert found.people() == {"s-ada": "ada", "s-ben": "ben", "s-cleo": "cleo"}
    (turn,) = found.turns("s-ben")
    assert [part.owner for part in turn.prompt or ()] == [
        *(EVERYBODY, "s-ada"),
        None,  # two others said it
        *("s-ben", None, "s-ada"),
    ]
    assert [one.owner for one in turn.found or ()] == [EVERYBODY, "s-ada"]
    assert turn.holds == ((secret, "s-ada"),)
    assert turn.foreign("s-ben") == 4
    assert [len(one.unknown) for one in found.turns("s-cleo")] == [0, 0]
    assert found.turns("s-cleo")[1].trouble == "not answered: timeout"


def test_an_answer_that_was_made_for_somebody_else_is_told() -> None:
    log: list[Event] = [
        asked(1, "ada", "What is my order?"),
        asked(2, "ben", "When do you close?"),
        Ok(1, 2.0, "We close at six.", "Your order is on its way."),
        Ok(2, 2.0, "Your order is on its way.", "We close at six."),
    ]
    found = Recording.of(log)
    assert found.turns("s-ada")[0].holds == (("We close at six.", "s-ben"),)
    assert found.turns("s-ben")[0].holds == (("Your order is on its way.", "s-ada"),)


def test_a_long_recording_is_read_in_part_and_says_so() -> None:
    found = Recording.of(asked(number, "ada", f"Question {number}") for number in range(MOST_TURNS + 5))
    assert not found.whole
    assert sum(one.turns for one in found.sessions()) == MOST_TURNS


def test_what_strangers_write_into_a_trace_breaks_nothing(place: Place, sid: str) -> None:
    ChatService(place.store, ShelfLibrary(), ScriptedModel(), offline=True).answer(sid, "Question")
    key = f"{place.store.protocol.keys.prefix}trace:{{{sid}}}"
    good = json.loads(place.client.lrange(key, 0, 0)[0])
    changes: list[dict[str, Any]] = [
        {"history": [{"count": 10**9, "first": -5, "last": 10**12, "digest": ""}]},
        {"turn": 99},
        {"ms": {}},
    ]
    for change in changes:
        place.client.rpush(key, json.dumps({**good, **change}))
        assert read(place.store.traces(sid)[-1]) is not None
        assert len(turns_of(place, sid)) == 1


def test_examples_hold_what_they_are_said_to_hold_and_go_without_a_trace(place: Place, sid: str) -> None:
    place.said(sid, "Somebody's own question", "And its answer")
    before = place.client.dump(place.history(sid))
    ids = examples.fill(place.inspector, "inspector, tester")
    assert examples.fill(place.inspector, "inspector, tester") == ids  # twice is once
    assert examples.present(place.inspector) == len(ids)
    found = {(one.kind, one.sessions[0]) for one in place.scan(canaries=(examples.CANARY,)).findings if one.certain}
    assert {
        ("names-other", "example-ben"),
        ("half-expired", "example-dan"),
        ("no-expiry", "example-eva"),
        ("broken", "example-finn"),
        ("question-without-answer", "example-finn"),
        ("canary", "example-ada"),
    } <= found
    assert not {one for one in found if one[1] in (sid, "example-gita")}
    turn = turns_of(place, "example-cleo")[-1]
    owners = find_owners(place.inspector.histories, [part.asked for part in turn.unknown], "example-cleo", Pace())
    assert turn.named(owners.owners).foreign("example-cleo") == 2
    row = place.inspector.row("example-ada")
    assert row is not None
    assert "example" in flags(row)
    assert examples.remove(place.inspector, "inspector, tester") == len(ids)
    assert not [*place.client.scan_iter(f"{place.store.protocol.keys.prefix}*example-*")]
    assert examples.present(place.inspector) == 0
    assert place.client.dump(place.history(sid)) == before
    logged = {entry.what for entry in place.store.audit.read() if entry.session == "example-ada"}
    assert logged == {"add example", "clear"}


def traced_span(**attributes: str) -> dict[str, Any]:
    known = [{"key": name, "value": {"stringValue": value}} for name, value in attributes.items()]
    return {"startTimeUnixNano": "1000000", "endTimeUnixNano": "3000000", "attributes": known}


def traced(*spans: dict[str, Any]) -> list[Turn]:
    return traced_turns([json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()], "ada")


def test_a_trace_without_a_model_s_call_is_no_turn() -> None:
    assert traced(traced_span(**{names.OPERATION: names.RETRIEVAL, names.QUERY: "kettle"})) == []


def test_a_call_that_nobody_asked_for_has_no_question() -> None:
    given = json.dumps([{"role": "system", "content": "Sum up."}])
    told = json.dumps([{"role": "assistant", "content": "Nothing yet."}])
    (turn,) = traced(traced_span(**{names.INPUT: given, names.OUTPUT: told}))
    assert turn.questions == ()
    assert [one.said.text for one in turn.answers] == ["Nothing yet."]
    assert turn.prompt is not None
    assert [(part.origin, part.text) for part in turn.prompt] == [("rules", "Sum up.")]


def test_of_many_passages_the_first_are_listed() -> None:
    many = json.dumps([{"id": f"a#{number}", "score": "high"} for number in range(names.MOST_DOCUMENTS + 5)])
    search = traced_span(**{names.OPERATION: names.RETRIEVAL, names.DOCUMENTS: many})
    (turn,) = traced(search, traced_span(**{names.INPUT: json.dumps([{"role": "user", "content": "Hi"}])}))
    assert turn.found is not None
    assert [one.label for one in turn.found] == [f"a#{number}" for number in range(names.MOST_DOCUMENTS)]
    assert {one.score for one in turn.found} == {None}
    assert turn.milliseconds == {"retrieve": 2.0, "ask": 2.0}
