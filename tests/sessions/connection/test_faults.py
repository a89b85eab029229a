"""What a store does when its server, or the way there, does not: nothing twice, nothing half, and it says so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.errors import SessionStoreUnavailable, StoreFull, TurnLost
from rag.sessions import Replication, SessionStore, connect
from rag.sessions.connection.connect import Client
from tests.servers import SentinelPair, Server, wait_for
from tests.sessions.backends import AnyStore
from tests.sessions.blocking import BlockingStore, Loop
from tests.sessions.connection.proxy import Proxy

PAIR: list[BaseMessage] = [HumanMessage("question"), AIMessage("answer")]


def texts(store: AnyStore, sid: str) -> list[str]:
    return [message.text for message in store.messages(sid)]


@pytest.fixture
def proxy(valkey: Server) -> Iterator[Proxy]:
    with Proxy(valkey.socket) as proxy:
        yield proxy


@pytest.fixture(params=["sync", "async"])
def behind(proxy: Proxy, request: pytest.FixtureRequest) -> Iterator[AnyStore]:
    """A store whose server is behind the proxy."""
    if request.param == "sync":
        client = connect(proxy.url)
        yield SessionStore(client)
        client.close()
        return
    loop = Loop()
    with BlockingStore(loop, proxy.url) as store:
        yield store
    loop.close()


@pytest.mark.parametrize("lost", [1, 2])
def test_a_commit_whose_reply_is_lost_is_stored_once(
    behind: AnyStore, proxy: Proxy, client: Client, sid: str, lost: int
) -> None:
    behind.append(sid, PAIR)
    with behind.turn(sid) as turn:
        proxy.lose_replies(lost)
        assert turn.commit(PAIR) == 2
    assert proxy.left_to_lose <= 0
    assert texts(SessionStore(client), sid) == texts(behind, sid) == ["question", "answer"] * 2
    behind.append(sid, PAIR)
    assert texts(behind, sid) == ["question", "answer"] * 3


def test_a_begin_whose_reply_is_lost_holds_the_session_once(behind: AnyStore, proxy: Proxy, sid: str) -> None:
    behind.append(sid, PAIR)
    proxy.lose_replies(1)
    with behind.turn(sid, wait=0) as turn:
        assert [message.text for message in turn.messages] == ["question", "answer"]
        turn.commit(PAIR)
    assert proxy.left_to_lose <= 0
    assert texts(behind, sid) == ["question", "answer"] * 2


def test_a_lost_reply_to_another_command_is_not_taken_for_this_one(behind: AnyStore, proxy: Proxy, sid: str) -> None:
    behind.append(sid, PAIR)
    for number in range(5):
        proxy.lose_replies(1)
        assert texts(behind, sid) == ["question", "answer"]
        assert behind.messages(f"{sid}-{number}") == []


def test_a_commit_that_never_gets_through_says_so(behind: AnyStore, proxy: Proxy, client: Client, sid: str) -> None:
    with behind.turn(sid) as turn:
        proxy.lose_replies(1_000)
        with pytest.raises(SessionStoreUnavailable) as lost:
            turn.commit(PAIR)
        assert "\n" not in str(lost.value)
        proxy.lose_replies(0)
    assert len(texts(SessionStore(client), sid)) in (0, 2)  # whole or not at all


def test_a_server_that_is_killed_between_begin_and_commit(sid: str) -> None:
    with Server("--appendonly", "yes", "--appendfsync", "always") as server:
        client = connect(server.url, timeout=1)
        store = SessionStore(client, lease=1)
        store.append(sid, PAIR)
        with store.turn(sid) as turn:
            server.kill()
            with pytest.raises(SessionStoreUnavailable):
                turn.commit(PAIR)
        server.start()
        assert texts(store, sid) == ["question", "answer"]
        store.append(sid, PAIR)
        assert texts(store, sid) == ["question", "answer"] * 2
        client.close()


@pytest.mark.parametrize("kept", [("--appendonly", "yes", "--appendfsync", "always"), ()], ids=["all", "nothing"])
def test_a_server_that_comes_back_has_nobodys_turn_running(sid: str, kept: tuple[str, ...]) -> None:
    """Whether it kept what was stored, or lost it."""
    before = ["question", "answer"] if kept else []
    with Server(*kept) as server:
        client = connect(server.url, timeout=1)
        store = SessionStore(client, lease=600)
        store.append(sid, PAIR)
        with store.turn(sid) as turn:
            server.kill()
            server.start()
            with pytest.raises(TurnLost):
                turn.commit(PAIR)
        assert texts(store, sid) == before
        with store.turn(sid, wait=0) as turn:  # though the lost turn's lease would have lasted for minutes
            turn.commit(PAIR)
        assert texts(store, sid) == [*before, "question", "answer"]
        client.close()


def test_a_server_that_is_suspended(sid: str) -> None:
    with Server() as server:
        client = connect(server.url, timeout=0.3)
        store = SessionStore(client)
        store.append(sid, PAIR)
        with store.turn(sid) as turn:
            server.suspend()
            with pytest.raises(SessionStoreUnavailable):
                turn.commit(PAIR)
            server.resume()
            wait_for(client.ping, "it answers again")
        # Those of its commands that had arrived were carried out, once.
        stored = texts(store, sid)
        assert stored in (["question", "answer"], ["question", "answer"] * 2)
        store.append(sid, PAIR)
        assert texts(store, sid) == [*stored, "question", "answer"]
        client.close()


def test_a_server_that_is_full(sid: str) -> None:
    with Server() as server:
        client = connect(server.url)
        store = SessionStore(client)
        store.append(sid, PAIR)
        with store.turn(sid) as turn:
            client.config_set("maxmemory", 1)
            with pytest.raises(StoreFull) as full:
                turn.commit(PAIR)
        assert "\n" not in str(full.value)
        assert texts(store, sid) == ["question", "answer"]
        client.config_set("maxmemory", 0)
        store.append(sid, PAIR)
        assert texts(store, sid) == ["question", "answer"] * 2
        client.close()


def test_an_account_that_may_not(valkey: Server, client: Client, sid: str) -> None:
    client.acl_setuser("reader", enabled=True, passwords="+secret", keys="*", commands=["+@all", "-@scripting"])
    narrow = connect(valkey.url.replace("unix://", "unix://reader:secret@"))
    with pytest.raises(SessionStoreUnavailable, match="administrator") as refused:
        SessionStore(narrow).append(sid, PAIR)
    assert "\n" not in str(refused.value)
    narrow.close()


def test_a_failover_between_begin_and_commit(sid: str) -> None:
    with SentinelPair() as servers:
        client = connect(servers.url, timeout=2)
        store = SessionStore(client, replication=Replication(wait=1), lease=2)
        store.append(sid, PAIR)
        try:
            with store.turn(sid) as turn:
                assert texts(store, sid) == ["question", "answer"]
                servers.failover()
                assert client.set(f"{sid}-bare", "1")
                turn.commit(PAIR)
        except (SessionStoreUnavailable, TurnLost):
            expected = 1
        else:
            expected = 2
        # The replica may not have heard of the last lock: then the turn is lost, and never half.
        assert texts(SessionStore(client), sid) == ["question", "answer"] * expected
        store.append(sid, PAIR)
        assert texts(store, sid) == ["question", "answer"] * (expected + 1)
        client.close()
