"""Encrypted histories: nothing readable in Redis, nothing movable, keys that rotate, and no key no text."""

from __future__ import annotations

import os
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.errors import SealBroken
from rag.sessions import SessionStore
from rag.sessions.connection.connect import Client
from rag.sessions.ids import SessionId
from rag.sessions.messages.seal import Seal, Tampered
from tests.servers import Server

OLD, NEW, OTHER = (bytes([number]) * 32 for number in (1, 2, 3))
SECRET = "the wedding dress is a surprise"
PAIR: list[BaseMessage] = [HumanMessage(SECRET, name="Zsuzsanna"), AIMessage(f"I keep it: {SECRET}", id="answer-id-77")]


def sealed(client: Client, *keys: bytes) -> SessionStore:
    return SessionStore(client, encryption_keys=keys)


def history(store: SessionStore, sid: str) -> str:
    return store.protocol.keys.of(SessionId(sid)).history


def test_nothing_readable_is_in_a_dump_of_the_server(sid: str) -> None:
    with Server("--appendonly", "yes", "--appendfsync", "always") as server, server.client() as client:
        store = sealed(client, NEW)
        with store.turn(sid) as turn:
            turn.commit(PAIR, ["private-document"], title="A surprise", summary=("They plan a wedding.", 1))
        store.set_summary(sid, "They plan a wedding.", 1)
        client.bgrewriteaof()
        client.save()
        files = [path.read_bytes() for path in server.folder.rglob("*") if path.is_file()]
        everything = b"".join(files)
        assert len(files) > 2
        assert sid.encode() in everything
        for text in (SECRET, "surprise", "Zsuzsanna", "answer-id-77", "private-document", "wedding"):
            assert text.encode() not in everything
        info = store.info(sid)
        assert info is not None
        assert (info.title, info.summary) == ("A surprise", "They plan a wedding.")
        assert sealed(client, NEW).messages(sid) == PAIR
        assert sealed(client, NEW).records(sid)[1].documents == ("private-document",)


def test_keys_rotate(client: Client, sid: str) -> None:
    sealed(client, OLD).append(sid, PAIR)
    both = sealed(client, NEW, OLD)
    assert both.messages(sid) == PAIR
    both.append(sid, PAIR)
    assert sealed(client, OLD, NEW).messages(sid) == PAIR * 2
    with pytest.raises(SealBroken):
        sealed(client, OLD).messages(sid)


@pytest.mark.parametrize("keys", [(), (OTHER,)], ids=["no key", "another key"])
def test_without_the_key_nothing_is_read_and_nothing_deleted(client: Client, sid: str, keys: tuple[bytes, ...]) -> None:
    right = sealed(client, NEW)
    with right.turn(sid) as turn:
        turn.commit(PAIR, title="A surprise")
    before = client.lrange(history(right, sid), 0, -1)
    wrong = SessionStore(client, encryption_keys=keys)
    with pytest.raises(SealBroken, match="Nothing was deleted") as broken:
        wrong.messages(sid)
    assert "\n" not in str(broken.value)
    with pytest.raises(SealBroken), wrong.turn(sid):
        pass
    with pytest.raises(SealBroken):
        wrong.info(sid)
    assert client.lrange(history(right, sid), 0, -1) == before
    assert right.quarantined(sid) == []
    with right.turn(sid, wait=0) as turn:  # the failed turn above has not kept the session
        assert turn.messages == PAIR


def test_what_was_plain_stays_readable_when_a_key_is_set(client: Client, sid: str) -> None:
    SessionStore(client).append(sid, PAIR)
    store = sealed(client, NEW)
    store.append(sid, PAIR)
    assert store.messages(sid) == PAIR * 2
    assert SECRET.encode() not in client.lrange(history(store, sid), -1, -1)[0]


def test_a_message_that_is_moved_is_not_shown(client: Client, sid: str) -> None:
    store, victim = sealed(client, NEW), f"{sid}-victim"
    store.append(sid, PAIR)
    store.append(victim, [HumanMessage("hello")])
    mine = client.lindex(history(store, sid), 0)
    assert isinstance(mine, bytes)
    renamed = mine.replace(sid.encode(), victim.encode())
    moved_in_time = client.lindex(history(store, victim), 0)
    assert isinstance(moved_in_time, bytes)
    for bad in (mine, renamed, moved_in_time.replace(b'"turn":1', b'"turn":9')):
        client.rpush(history(store, victim), bad)
    fresh = sealed(client, NEW)
    assert [message.text for message in fresh.messages(victim)] == ["hello"]
    assert sorted(one.reason for one in fresh.quarantined(victim)) == ["foreign", "tampered", "tampered"]
    assert fresh.messages(sid) == PAIR


@pytest.mark.parametrize("keys", [[], [b"short"], [NEW, b"x" * 31]])
def test_keys_of_another_length_are_refused(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Seal(keys)


@given(st.binary(), st.binary(max_size=40), st.binary(max_size=40))
def test_a_box_opens_for_what_it_was_bound_to_and_nothing_else(text: bytes, bound: bytes, other: bytes) -> None:
    seal = Seal([NEW])
    box = seal.close(text, bound)
    assert seal.open(seal.name, box, bound, "alice") == text
    if other != bound:
        with pytest.raises(Tampered):
            seal.open(seal.name, box, other, "alice")
    assert box != seal.close(text, bound)


@pytest.mark.parametrize("text", [b"text", b"texts", b"textual"])
def test_every_bit_of_a_box_matters(text: bytes) -> None:
    seal = Seal([os.urandom(32)])
    box = seal.close(text, b"alice")
    for place in range(len(box)):
        for char in string.ascii_letters + string.digits + "+/=":
            changed = box[:place] + char.encode() + box[place + 1 :]
            if changed != box:
                with pytest.raises(Tampered):
                    seal.open(seal.name, changed, b"alice", "alice")
