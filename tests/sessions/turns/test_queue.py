"""Turns of one session follow each other as they were asked, and whoever dies holds up nobody for long."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from time import monotonic
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.errors import TurnBusy, TurnLost
from rag.sessions import SessionStore, connect, operations
from rag.sessions.connection.connect import Client
from rag.sessions.ids import SessionId
from rag.sessions.protocol import scripts
from rag.sessions.protocol.requests import Request
from tests.servers import Server, wait_for
from tests.sessions.backends import AnyStore
from tests.sessions.blocking import BlockingStore, Loop
from tests.sessions.turns.turn_process import TurnProcess

PREFIX = "queue:"
LEASE = 1.0
"""Seconds. Shorter ones ran out where a busy machine let a process wait."""


@pytest.fixture
def stores(valkey: Server) -> Iterator[list[SessionStore]]:
    """Of two processes, as far as Redis can tell."""
    with ExitStack() as opened:
        clients = [connect(valkey.url) for _ in range(2)]
        for client in clients:
            opened.callback(client.close)
        yield [SessionStore(client, key_prefix=PREFIX, lease=LEASE) for client in clients]


def pair(text: str) -> list[BaseMessage]:
    return [HumanMessage(text), AIMessage(f"answer to {text}")]


def in_line(store: SessionStore, client: Client, sid: str) -> int:
    length = client.zcard(store.protocol.keys.of(SessionId(sid)).queue)
    assert isinstance(length, int)
    return length


def waits(store: SessionStore, client: Client, sid: str, count: int) -> bool:
    return in_line(store, client, sid) == count


def ask(store: SessionStore, sid: str, text: str) -> list[str]:
    """What was asked before this."""
    with store.turn(sid, wait=30) as turn:
        turn.commit(pair(text))
        return [message.text for message in turn.messages if message.type == "human"]


def test_waiting_turns_follow_in_the_order_in_which_they_were_asked(
    stores: list[SessionStore], client: Client, sid: str
) -> None:
    names = [f"question {number}" for number in range(12)]
    with ThreadPoolExecutor(len(names)) as tabs:
        with stores[0].turn(sid):
            asked = []
            for number, name in enumerate(names):
                asked.append(tabs.submit(ask, stores[number % 2], sid, name))
                wait_for(partial(waits, stores[0], client, sid, number + 1), "it waits")
        seen = [one.result() for one in asked]
    assert seen == [names[:number] for number in range(len(names))]
    assert in_line(stores[0], client, sid) == 0


def test_who_comes_later_does_not_overtake_who_waits(stores: list[SessionStore], client: Client, sid: str) -> None:
    with ThreadPoolExecutor(1) as tab, stores[0].turn(sid) as held:
        waiter = tab.submit(ask, stores[1], sid, "waits")
        wait_for(lambda: in_line(stores[0], client, sid) == 1, "it waits")
        held.commit(pair("first"))
        # The session is free now, but not for whoever did not wait for it.
        try:
            with stores[0].turn(sid, wait=0) as turn:
                assert [message.text for message in turn.messages][2:3] == ["waits"]
        except TurnBusy:
            pass
        assert waiter.result() == ["first"]


def test_who_gives_up_waiting_holds_up_nobody(stores: list[SessionStore], client: Client, sid: str) -> None:
    with ThreadPoolExecutor(1) as tab, stores[0].turn(sid) as held:
        with pytest.raises(TurnBusy) as busy, stores[1].turn(sid, wait=0.05):
            pass
        assert busy.value.session_id == sid
        waiter = tab.submit(ask, stores[1], sid, "patient")
        wait_for(lambda: in_line(stores[0], client, sid) == 1, "only the patient one waits")
        held.commit(pair("first"))
        assert waiter.result() == ["first"]


def test_a_long_turn_stays_held(stores: list[SessionStore], sid: str) -> None:
    begun = monotonic()
    with stores[0].turn(sid) as turn:
        while monotonic() < begun + 2.5 * LEASE:
            with pytest.raises(TurnBusy), stores[1].turn(sid, wait=0.05):
                pass
        turn.commit(pair("slow"))
    assert ask(stores[1], sid, "next") == ["slow"]


def test_a_holder_that_is_killed_frees_the_session(valkey: Server, stores: list[SessionStore], sid: str) -> None:
    with TurnProcess(valkey.url, PREFIX, sid, lease=LEASE) as holder:
        assert holder.hears() == "held"
        with pytest.raises(TurnBusy), stores[0].turn(sid, wait=0):
            pass
        holder.process.kill()
        assert ask(stores[0], sid, "mine") == []


def test_a_waiter_that_is_killed_is_skipped(
    valkey: Server, stores: list[SessionStore], client: Client, sid: str
) -> None:
    with stores[0].turn(sid) as held, TurnProcess(valkey.url, PREFIX, sid, lease=LEASE) as waiter:
        assert waiter.hears() == "waits"
        with ThreadPoolExecutor(1) as tab:
            behind = tab.submit(ask, stores[1], sid, "behind")
            wait_for(lambda: in_line(stores[0], client, sid) == 2, "both wait")
            waiter.process.kill()
            waiter.process.wait()
            held.commit(pair("first"))
            assert behind.result() == ["first"]


def test_who_was_suspended_and_comes_back_late_is_told(valkey: Server, stores: list[SessionStore], sid: str) -> None:
    with TurnProcess(valkey.url, PREFIX, sid, lease=LEASE) as holder:
        assert holder.hears() == "held"
        holder.process.send_signal(signal.SIGSTOP)
        assert ask(stores[0], sid, "meanwhile") == []
        holder.process.send_signal(signal.SIGCONT)
        holder.go_on()
        assert holder.hears() == "TurnLost"
    assert [message.text for message in stores[0].messages(sid)] == [message.text for message in pair("meanwhile")]
    assert [entry.what for entry in stores[0].audit.read() if entry.session == sid] == ["fenced"]


def test_sessions_do_not_wait_for_each_other(stores: list[SessionStore], sid: str) -> None:
    everybody = threading.Barrier(20)

    def hold(number: int) -> int:
        with stores[number % 2].turn(f"{sid}-{number}", wait=0) as turn:
            everybody.wait(20)  # only passes if all hold their sessions at once
            return turn.commit(pair("mine"))

    with ThreadPoolExecutor(20) as tabs:
        assert list(tabs.map(hold, range(20))) == [1] * 20


def test_a_turn_can_be_given_up_by_clearing_while_others_wait(
    stores: list[SessionStore], client: Client, sid: str
) -> None:
    with ThreadPoolExecutor(1) as tab, stores[0].turn(sid) as held:
        waiter = tab.submit(ask, stores[1], sid, "waits")
        wait_for(lambda: in_line(stores[0], client, sid) == 1, "it waits")
        stores[1].clear(sid)
        assert waiter.result() == []
        with pytest.raises(TurnLost):
            held.commit(pair("cleared"))
    assert [message.text for message in stores[0].messages(sid)] == [message.text for message in pair("waits")]


class Counted:
    """What a store asks, by the names of the scripts."""

    def __init__(self, store: Any) -> None:
        self._sender = store._sender
        self.begins = 0
        store._sender = self

    def __call__(self, asked: Any) -> Any:
        return self._sender(asked)

    def answer(self, request: Request[Any]) -> Any:
        self.begins += request.script is scripts.BEGIN
        return self._sender.answer(request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sender, name)


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks by himself whether he is next."""
    monkeypatch.setattr(operations, "pause", lambda before: 3600.0)


@pytest.fixture(params=["sync", "async"])
def waiter(valkey: Server, unasked: None, request: pytest.FixtureRequest) -> Iterator[AnyStore]:
    """A store of another process."""
    if request.param == "sync":
        with closing(connect(valkey.url)) as client:
            yield SessionStore(client, key_prefix=PREFIX, lease=LEASE)
        return
    loop = Loop()
    with BlockingStore(loop, valkey.url, key_prefix=PREFIX, lease=LEASE) as store:
        yield store
    loop.close()


@pytest.mark.parametrize("end", ["commit", "release"])
def test_a_waiter_in_another_process_is_woken_by_a_message(
    stores: list[SessionStore], waiter: AnyStore, client: Client, sid: str, end: str
) -> None:
    counted = Counted(waiter if isinstance(waiter, SessionStore) else waiter._inner)
    channel = f"turns:{waiter.protocol.name}"
    with ThreadPoolExecutor(1) as tab:
        with stores[0].turn(sid) as held:
            waiting = tab.submit(waiter.append, sid, pair("waits"))
            wait_for(lambda: client.pubsub_numsub(channel)[0][1] == 1, "it waits and listens")
            if end == "commit":
                held.commit(pair("first"))
        waiting.result(20)
    assert counted.begins == 2  # it asked, and once more when it was told


@pytest.mark.usefixtures("unasked")
def test_a_waiter_in_the_same_process_is_woken_without_a_message(client: Client, sid: str) -> None:
    same, waiter = (SessionStore(client, key_prefix=PREFIX, lease=LEASE) for _ in range(2))
    published = int(client.info("commandstats").get("cmdstat_publish", {"calls": 0})["calls"])
    counted = Counted(waiter)
    with ThreadPoolExecutor(1) as tab:
        with same.turn(sid) as held:
            waiting = tab.submit(waiter.append, sid, pair("waits"))
            wait_for(lambda: in_line(same, client, sid) == 1 and waiter._sender.waiters._waiting, "it waits")
            held.commit(pair("first"))
        waiting.result(20)
    assert counted.begins == 2
    assert int(client.info("commandstats").get("cmdstat_publish", {"calls": 0})["calls"]) == published
