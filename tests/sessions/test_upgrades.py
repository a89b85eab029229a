"""What older versions stored is read and continued; what a later one stored is left alone, and said to be so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from rag.errors import CrosswireError, NewerCookie, NewerFormat
from rag.sessions import SessionStore
from rag.sessions.connection.connect import Client
from rag.sessions.ids import SessionId
from tests.servers import Server

STORED = sorted(Path(__file__).with_name("stored").glob("v*.json"))
KEY = bytes([7]) * 32
SAID = (("How long may I return it? 🙂 żółw", "30 days [1]."), ("And shoes?", "The same\n– 30 days."))
TITLE, SUMMARY = "Returns", "They ask about returns."


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_kept_store_opens_and_goes_on(path: Path) -> None:
    with Server() as server, server.client() as client:
        for command in json.loads(path.read_text(encoding="utf-8")):
            client.execute_command(*command)
        for sid, keys in (("plain", ()), ("sealed", (KEY,))):
            store = SessionStore(client, encryption_keys=keys)
            with store.turn(sid) as turn:
                assert [str(message.text) for message in turn.messages] == [text for pair in SAID for text in pair]
                turn.commit([HumanMessage("more"), AIMessage("yes")])
            records = SessionStore(client, encryption_keys=keys).records(sid)
            assert [record.turn for record in records] == [1, 1, 2, 2, 3, 3]
            assert records[1].documents == ("returns/window",)
            assert records[3].message.response_metadata == {"n": [1, 2.5, None]}
            info = store.info(sid)
            assert info is not None
            assert (info.title, info.summary) == (TITLE, SUMMARY)
            assert store.quarantined(sid) == []
        assert {row.info.id for row in store.directory.page().rows} == {"plain", "sealed"}


def test_there_is_one() -> None:
    assert [path.stem for path in STORED] == ["v1"]


def test_what_a_later_version_wrote_is_neither_read_nor_put_aside(client: Client, sid: str) -> None:
    """Two versions side by side: the older one refuses the turn, and the later one finds its history as it was."""
    store = SessionStore(client)
    store.append(sid, [HumanMessage("before"), AIMessage("yes")])
    key = store.protocol.keys.of(SessionId(sid)).history
    client.rpush(key, json.dumps({"v": 2, "session": sid, "said": "in another form"}))
    before = client.lrange(key, 0, -1)
    older = SessionStore(client)
    with pytest.raises(NewerFormat, match="later version") as refused:
        older.messages(sid)
    assert "\n" not in str(refused.value)
    with pytest.raises(NewerFormat), older.turn(sid):
        pass
    assert (client.lrange(key, 0, -1), older.quarantined(sid)) == (before, [])
    client.rpop(key)
    client.rpush(key, json.dumps({"v": "x", "session_id": sid}))
    assert [str(message.text) for message in SessionStore(client).messages(sid)] == ["before", "yes"]
    assert [one.reason for one in older.quarantined(sid)] == ["corrupt"]


def test_a_session_of_a_later_version_is_neither_answered_nor_changed(client: Client, sid: str) -> None:
    store = SessionStore(client)
    store.append(sid, [HumanMessage("before"), AIMessage("yes")])
    keys = store.protocol.keys.of(SessionId(sid))
    client.hset(keys.session, "v", "2")
    before = client.hgetall(keys.session), client.lrange(keys.history, 0, -1)
    older = SessionStore(client)
    for act in (older.messages, older.info, lambda sid: older.turn(sid).__enter__()):
        with pytest.raises(NewerFormat, match="later version") as refused:
            act(sid)
        assert "\n" not in str(refused.value)
    assert (client.hgetall(keys.session), client.lrange(keys.history, 0, -1)) == before
    assert client.exists(keys.turn) == 0, "and nobody is kept from it"
    assert [row.info.id for row in older.directory.page().rows if row.info.id == sid] == [sid]
    client.hset(keys.session, "v", "1")
    assert [str(message.text) for message in SessionStore(client).messages(sid)] == ["before", "yes"]


def test_which_cookies_count_is_left_as_a_later_version_wrote_it(client: Client) -> None:
    client.set("cookies:b", "2;of a later version")
    revocations = SessionStore(client).revocations
    with pytest.raises(NewerCookie):
        revocations.first("b")
    with pytest.raises(CrosswireError):
        revocations.end("b", 7, 60)
    assert client.get("cookies:b") == b"2;of a later version"
