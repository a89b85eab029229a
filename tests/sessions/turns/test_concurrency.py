"""Sealed with few connections, sync beside async, readers beside writers: turns stay whole and in order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.sessions import SessionStore, connect
from tests.servers import Server
from tests.sessions.backends import AnyStore
from tests.sessions.blocking import BlockingStore, Loop


class Seen(NamedTuple):
    """A turn that was acknowledged: what it said, and how many messages it saw before."""

    sid: str
    number: int
    said: str
    before: int


@pytest.fixture
def prefix() -> str:
    return f"{uuid4().hex[:8]}:"


def pair(text: str) -> list[BaseMessage]:
    return [HumanMessage(text), AIMessage(f"answer to {text}")]


def talk(store: AnyStore, sids: list[str], turns: int, name: str) -> list[Seen]:
    """Turns through all these sessions, one after the other."""
    done = []
    for number in range(turns):
        sid, said = sids[number % len(sids)], f"{name}-{number}"
        with store.turn(sid, wait=60) as turn:
            seen = len(turn.messages)
            done.append(Seen(sid, turn.commit(pair(said)), said, seen))
    return done


def check(store: SessionStore, acknowledged: list[Seen]) -> None:
    by_session: defaultdict[str, list[Seen]] = defaultdict(list)
    for one in acknowledged:
        by_session[one.sid].append(one)
    assert max(Counter(one.said for one in acknowledged).values()) == 1
    for sid, turns in by_session.items():
        turns.sort(key=lambda one: one.number)
        assert [one.number for one in turns] == list(range(1, len(turns) + 1))
        assert [one.before for one in turns] == list(range(0, 2 * len(turns), 2))
        expected = [message.text for one in turns for message in pair(one.said)]
        assert [message.text for message in store.messages(sid)] == expected
        assert [record.turn for record in store.records(sid)] == [n for one in turns for n in (one.number, one.number)]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


def test_more_threads_than_connections_over_sealed_sessions(server: Server, prefix: str) -> None:
    client = connect(server.url, max_connections=8)
    store = SessionStore(client, key_prefix=prefix, encryption_keys=[bytes(32)])
    sids = [f"s{number}" for number in range(20)]
    with ThreadPoolExecutor(40) as everybody:
        work = [everybody.submit(talk, store, sids[n % 20 :] + sids[: n % 20], 40, f"t{n}") for n in range(40)]
        done = [seen for one in work for seen in one.result()]
    assert len(done) == 1600
    check(SessionStore(client, key_prefix=prefix, encryption_keys=[bytes(32)]), done)
    check(store, done)
    assert store.directory.count() == 20
    client.close()


def test_sync_and_async_together_on_one_session(server: Server, prefix: str) -> None:
    client, loop = connect(server.url), Loop()
    store = SessionStore(client, key_prefix=prefix)
    with BlockingStore(loop, server.url, key_prefix=prefix) as other, ThreadPoolExecutor(10) as everybody:
        work = [everybody.submit(talk, store, ["one"], 10, f"sync-{n}") for n in range(5)]
        work += [everybody.submit(talk, other, ["one"], 10, f"async-{n}") for n in range(5)]
        done = [seen for one in work for seen in one.result()]
    assert len(done) == 100
    check(SessionStore(client, key_prefix=prefix), done)
    loop.close()
    client.close()


def test_readers_never_see_half_a_turn(server: Server, prefix: str) -> None:
    client = connect(server.url)
    writer, reader = SessionStore(client, key_prefix=prefix, max_turns=20), SessionStore(client, key_prefix=prefix)
    with ThreadPoolExecutor(1) as other:
        work = other.submit(talk_on, writer)
        reads = 0
        while not work.done():
            found = [message.text for message in reader.messages("one")]
            assert len(found) % 2 == 0
            assert len(found) <= 40
            assert [f"answer to {question}" for question in found[::2]] == found[1::2]
            reads += 1
        work.result()
    assert reads > 10
    client.close()


def talk_on(store: SessionStore) -> None:
    for number in range(300):
        store.append("one", pair(str(number)))
