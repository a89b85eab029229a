"""What somebody else put into the index does not keep the list of sessions from being shown."""

from __future__ import annotations

from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from rag.sessions import SessionStore
from rag.sessions.connection.connect import Client

STRANGERS = [b"\xff\xfe", b"a\nb", b"", b"x" * 500, b"never-was"]


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_stranger_is_left_out_and_taken_out(client: Client, sid: str, stranger: bytes) -> None:
    store = SessionStore(client, key_prefix=f"{uuid4().hex[:8]}:")
    store.append(sid, [HumanMessage("question"), AIMessage("answer")])
    keys = store.protocol.keys
    client.zadd(keys.live, {stranger: 5e9})
    client.zadd(keys.ends, {stranger: 1})
    client.zadd(keys.find, {b"id:" + stranger: 0, b"name:\0" + stranger: 0})
    for order in ("newest", "oldest", "ending", "lasting"):
        assert [row.info.id for row in store.directory.page(order=order).rows] == [sid]
    assert store.directory.count() == 1
    assert [row.info.id for row in store.directory.find(sid[:8])] == [sid]
    assert store.directory.find("x") == []


def test_a_session_that_others_sealed_is_listed_without_its_title(client: Client, sid: str) -> None:
    prefix = f"{uuid4().hex[:8]}:"
    theirs = SessionStore(client, key_prefix=prefix, encryption_keys=[b"k" * 32])
    ours = SessionStore(client, key_prefix=prefix)
    for store, name in ((theirs, f"{sid}-theirs"), (ours, f"{sid}-ours")):
        with store.turn(name) as turn:
            turn.commit([HumanMessage("question"), AIMessage("answer")], title="What about it?")
    rows = ours.directory.page(order="oldest").rows
    assert {row.info.id: row.info.title for row in rows} == {f"{sid}-theirs": "", f"{sid}-ours": "What about it?"}
