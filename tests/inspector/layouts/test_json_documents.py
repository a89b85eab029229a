"""langchain-redis keeps JSON documents: read from a real Redis that has a module with that type (json_module.c)."""

from __future__ import annotations

import json
from zlib import crc32

import pytest

from rag.inspector import LAYOUTS, Filter, Inspector
from rag.inspector.forensics.scan import scan
from rag.sessions import SessionStore
from rag.sessions.connection.connect import Client


@pytest.fixture
def client(database: Client) -> Client:
    return database


def write(client: Client, sid: str, count: int, prefix: str = "chat:") -> list[str]:
    """As langchain-redis 0.2 does; the keys, oldest first."""
    names = []
    for number in range(count):
        ulid = f"01J9ZK3V9W3T1R7Q5M{crc32(sid.encode()) & 0xFFFF:04X}{number:04}"
        kind = ("human", "ai")[number % 2]
        document = {
            "type": kind,
            "message_id": ulid,
            "data": {"content": f"{sid} says {number}", "additional_kwargs": {}, "type": kind},
            "session_id": sid,
            "timestamp": 1795246481.5 + number,
        }
        names.append(f"{prefix}{sid}:{ulid}")
        client.execute_command("JSON.SET", names[-1], "$", json.dumps(document))  # type: ignore[no-untyped-call]
        client.expire(names[-1], 1000)
    return names


@pytest.fixture
def inspector(client: Client) -> Inspector:
    return Inspector(client, SessionStore(client), LAYOUTS["langchain-redis"])


def test_read_in_the_order_of_time(client: Client, inspector: Inspector) -> None:
    for sid, count in (("ada", 6), ("bob:x", 4), ("Zoë", 2)):
        write(client, sid, count)
    client.set("chat:other", "no document")
    first = inspector.view("ada")  # without a walk over all keys
    assert first is not None
    assert len(first.elements) == 6
    assert inspector.view("nobody") is None
    assert {row.info.id: row.info.messages for row in inspector.page().rows} == {"ada": 6, "bob:x": 4, "Zoë": 2}
    view = inspector.view("bob:x")
    assert view is not None
    assert [(one.said.role, one.said.text, one.said.at % 10) for one in view.elements] == [
        ("user", "bob:x says 0", 1.5),
        ("assistant", "bob:x says 1", 2.5),
        ("user", "bob:x says 2", 3.5),
        ("assistant", "bob:x says 3", 4.5),
    ]
    assert view.keys[0].type == "ReJSON-RL"
    assert [row.info.id for row in inspector.search(Filter(text="zoë says 1"), "messages").rows] == ["Zoë"]
    assert scan(inspector.histories).verdict == "clean"
    found = scan(inspector.of("auto").histories)
    assert (found.layouts, found.verdict) == ({"langchain-redis": 3}, "clean")


def test_half_a_conversation_and_ids_that_are_folded(client: Client, inspector: Inspector) -> None:
    first, *_ = write(client, "half", 4)
    client.delete(first)  # as its own time to live does
    write(client, "Half", 2)
    moved = write(client, "moved", 2)[1]
    document = client.execute_command("JSON.GET", moved)  # type: ignore[no-untyped-call]
    client.execute_command("JSON.SET", moved.replace("moved", "Half"), "$", document)  # type: ignore[no-untyped-call]
    client.expire(moved.replace("moved", "Half"), 1000)
    report = scan(inspector.histories)
    assert {(one.kind, frozenset(one.sessions)) for one in report.findings} == {
        ("answer-without-question", frozenset({"half"})),
        ("ids-collide", frozenset({"half", "Half"})),
        ("names-other", frozenset({"Half", "moved"})),
        ("same-id", frozenset({"Half", "moved"})),
    }
