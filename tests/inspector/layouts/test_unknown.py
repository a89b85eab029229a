"""What nobody knows in a database: it is named, and nothing beside it is called clean."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from rag.sessions.connection.connect import Client
from tests.commands.running import Call
from tests.inspector.layouts.databases import (
    RIGHT,
    fill,
    oldest_first,
    put,
)

Fill = Callable[[Client], object]


def stream(client: Client) -> None:
    client.xadd("talk-1", {"who": "alice", "text": "Where is my parcel?"})


def ranked(client: Client) -> None:
    client.zadd("talk-1", {json.dumps({"sender": "alice", "message": "Where is my parcel?"}): 1})


def one_message_a_key(client: Client) -> None:
    client.set("talk-1", json.dumps({"role": "user", "content": "Where is my parcel?"}))


def own_hash(client: Client) -> None:
    client.hset("talk-1", mapping={"1:user": "Where is my parcel?", "2:bot": "It is on its way to you."})


def question_and_answer(client: Client) -> None:
    client.rpush("talk-1", json.dumps({"question": "Where is my parcel?", "answer": "It is on its way."}))


def transcript(client: Client) -> None:
    client.set("talk-1", "User: Where is my parcel?\nAssistant: On its way.\n")


def everybodys(client: Client) -> None:
    said = {who: [{"role": role, "content": text} for role, text in one] for who, one in RIGHT.items()}
    client.set("talk-1", json.dumps(said))


def a_field_a_person(client: Client) -> None:
    talk = [{"role": role, "content": text} for role, text in RIGHT["bob"]]
    client.hset("talk-1", mapping={f"user-{number}": json.dumps(talk) for number in range(300)})


def a_queue(client: Client) -> None:
    for who in ("alice", "bob", "carol", "dave"):
        client.rpush("talk-1", json.dumps({"session_id": who, "role": "user", "content": f"I am {who}."}))


def pickled(client: Client) -> None:
    client.set("talk-1", b"\x80\x04\x95 langchain_core.messages.human HumanMessage content Hello \x94")


def sentences(client: Client) -> None:
    client.rpush("talk-1", "Where is my parcel, please?", "It is on its way to you.")


def too_large(client: Client) -> None:
    client.set("talk-1", json.dumps([{"role": "user", "content": "x" * (5 << 20)}]))


def a_document(client: Client) -> None:
    put(client, "talk-1", {"turn": {"who": "alice", "utterance": "Where is my parcel?"}})


UNKNOWN: dict[str, Fill] = {one.__name__: one for one in (
    stream, ranked, one_message_a_key, own_hash, question_and_answer, transcript, everybodys, pickled, sentences,
    a_field_a_person, a_queue, too_large, a_document,
)}  # fmt: skip


@pytest.mark.parametrize("kind", UNKNOWN)
def test_what_nobody_knows_is_named_and_nothing_is_clean(database: Client, run: Call, kind: str) -> None:
    fill(database, oldest_first, RIGHT)
    UNKNOWN[kind](database)
    ran = run("scan", "--format", "auto")
    assert ran.returncode == 2
    assert "unknown: 2 sessions" in ran.stdout
    assert "talk-1" in ran.stdout
    report = json.loads(run("scan", "--format", "auto", "--json", "-").stdout)
    assert [one["key"] for one in report["not_read"]["some"]] == ["talk-1"]
