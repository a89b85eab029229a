"""Real replicas: what is waited for and what is read there, and what happens while one is paused, behind or away."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from langchain_core.messages import AIMessage, HumanMessage
from redis.exceptions import SlotNotCoveredError

from rag.errors import BadSetting, TurnUnconfirmed
from rag.sessions import Replication, SessionStore, connect, connect_async
from rag.sessions.connection import replication
from rag.sessions.connection.replication import NONE, ReplicaReads, link_of
from rag.sessions.opening import open_store
from rag.settings import Settings
from tests.servers import Cluster, SentinelPair, Server, wait_for
from tests.sessions.backends import AnyStore
from tests.sessions.blocking import BlockingStore, Loop

PAIR = [HumanMessage("question"), AIMessage("answer")]
BRIEF = Replication(wait=1, seconds=0.05)


@dataclass
class Pair:
    """A master, its replica, and stores that know both."""

    url: str
    master: Server
    replica: Server
    loop: Loop | None
    opened: ExitStack

    def store(self, asked: Replication = BRIEF, *, reading: bool = False) -> AnyStore:
        if self.loop is None:
            client = connect(self.url)
            self.opened.callback(client.close)
            if reading:
                asked = replace(asked, reads=connect(self.url, timeout=0.3, replicas=True))
            store = SessionStore(client, replication=asked)
            self.opened.callback(store.close)
            return store
        if reading:
            asked = replace(asked, reads=self.loop.run(connect_async(self.url, timeout=0.3, replicas=True)))
        if asked.reads is not None:
            self.opened.callback(lambda: self.loop and self.loop.run(asked.reads.aclose()))
        return self.opened.enter_context(BlockingStore(self.loop, self.url, replication=asked))

    def calls(self, server: Server, name: str = "evalsha") -> int:
        with server.client() as client:
            return int(client.info("commandstats").get(f"cmdstat_{name}", {"calls": 0})["calls"])


@contextmanager
def cut_off(replica: redis.Redis) -> Iterator[None]:
    """It answers with what it has, and hears nothing new: its master does not take its password."""
    replica.config_set("masterauth", "wrong")
    replica.client_kill_filter(_type="master")
    try:
        yield
    finally:
        replica.config_set("masterauth", "")
        wait_for(lambda: replica.info("replication")["master_link_status"] == "up", "the replica")


def reads(client: redis.Redis) -> int:
    """How often the server has read from its clients: what is sent together counts once."""
    return int(client.info("stats")["total_reads_processed"])


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, tuple[str, Server, Server]]]:
    with SentinelPair(down_after_ms=60_000) as pair, Cluster(1, replicas=1) as cluster:
        yield {
            "sentinel": (pair.url, pair.servers[0], pair.servers[1]),
            "cluster": (cluster.url, *cluster.servers),  # type: ignore[dict-item]
        }


@pytest.fixture(params=["sentinel-sync", "sentinel-async", "cluster-sync", "cluster-async"])
def pair(
    request: pytest.FixtureRequest, servers: dict[str, tuple[str, Server, Server]], async_loop: Loop
) -> Iterator[Pair]:
    kind, library = request.param.split("-")
    with ExitStack() as opened:
        yield Pair(*servers[kind], async_loop if library == "async" else None, opened)


def test_a_paused_replica_is_told_of_and_keeps_nobody_from_talking(
    pair: Pair, sid: str, caplog: pytest.LogCaptureFixture
) -> None:
    warned, strict = pair.store(), pair.store(replace(BRIEF, strict=True))
    for store in (warned, strict):
        with store.turn(sid) as turn:
            turn.commit(PAIR)
        assert turn.replicas == 1
    caplog.set_level(logging.WARNING)
    assert not caplog.records
    pair.replica.suspend()
    try:
        with warned.turn(sid) as turn:
            assert turn.commit(PAIR) == 3
        assert turn.replicas == 0
        assert "only 0 of 1 replicas had it after 0.05 s" in caplog.text
        with pytest.raises(TurnUnconfirmed, match="stored, but only 0 of 1 replicas"), strict.turn(sid) as turn:
            turn.commit(PAIR)
        # It was stored, once, and the session is free: nothing else follows from it.
        assert (turn.number, turn.replicas) == (4, 0)
        with warned.turn(sid, wait=0) as turn:
            assert len(turn.messages) == 8
    finally:
        pair.replica.resume()
    with strict.turn(sid) as turn:
        turn.commit(PAIR)
    assert turn.replicas == 1


def test_a_turn_that_waits_is_two_round_trips_and_a_read_is_one_of_the_replicas(pair: Pair, sid: str) -> None:
    store, trips = pair.store(Replication(wait=1), reading=True), []
    with closing(pair.master.client()) as look:
        for number in range(6):
            before = pair.calls(pair.master), pair.calls(pair.master, "wait"), reads(look)
            with store.turn(sid) as turn:
                assert len(turn.messages) == 2 * number
                turn.commit(PAIR)
            trips.append(reads(look) - before[2] - 1)
            assert turn.replicas == 1
            if number:  # with the first one, connections are made and scripts loaded
                after = pair.calls(pair.master), pair.calls(pair.master, "wait")
                assert after == (before[0] + 2, before[1] + 1)
    # The third is the replica, which says that it has the turn. A cluster's index is not written for each of them.
    assert min(trips) == 2 + 1
    other = pair.store(reading=True)
    assert len(other.messages(sid)) == 12  # loads the script there
    at_master, at_replica = pair.calls(pair.master), pair.calls(pair.replica)
    assert len(other.messages(sid)) == 12
    assert (info := other.info(sid)) is not None
    assert info.turns == 6
    assert pair.calls(pair.master) == at_master
    assert pair.calls(pair.replica) >= at_replica + 2
    assert len(other.records(sid, newest=True)) == 12
    assert pair.calls(pair.master) == at_master + 1


def test_what_a_replica_does_not_know_yet_is_read_from_the_master(
    pair: Pair, sid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, others, looking = pair.store(NONE, reading=True), pair.store(NONE), pair.store(NONE, reading=True)
    ours.append(sid, PAIR)
    wait_for(lambda: len(looking.messages(sid)) == 2, "the replica")
    with pair.replica.client() as replica, cut_off(replica):
        ours.append(sid, PAIR)
        at_replica = pair.calls(pair.replica)
        assert len(ours.messages(sid)) == 4  # changed a moment ago
        assert pair.calls(pair.replica) == at_replica
        monkeypatch.setattr(replication, "RECENT", 0.0)
        assert len(ours.messages(sid)) == 4  # the replica was asked, and is behind
        assert (info := ours.info(sid)) is not None
        assert info.turns == 2
        assert pair.calls(pair.replica) >= at_replica + 2
        assert len(looking.messages(sid)) == 2  # knows no better
        with others.turn(sid) as turn:  # who answers does, always
            assert len(turn.messages) == 4
        with looking.turn(sid) as turn:
            assert len(turn.messages) == 4
        assert len(looking.messages(sid)) == 4
        monkeypatch.undo()
        ours.clear(sid)
        assert ours.messages(sid) == []
        assert len(pair.store(NONE, reading=True).messages(sid)) == 2  # the replica has it still


def test_a_replica_that_does_not_answer_is_left_alone_for_a_while(
    pair: Pair, sid: str, caplog: pytest.LogCaptureFixture
) -> None:
    store, writer = pair.store(NONE, reading=True), pair.store(NONE)
    writer.append(sid, PAIR)
    store.messages(sid)
    pair.replica.suspend()
    try:
        at_master = pair.calls(pair.master)
        for _ in range(3):
            assert len(store.messages(sid)) == 2
        assert pair.calls(pair.master) == at_master + 3
    finally:
        pair.replica.resume()
    told = [record.getMessage() for record in caplog.records if "replica" in record.getMessage()]
    assert len(told) == 1
    assert "For 5 s the master is asked instead." in told[0]


def test_after_a_failover_of_a_cluster_turns_are_confirmed_by_the_other_one(
    servers: dict[str, tuple[str, Server, Server]], sid: str, async_loop: Loop
) -> None:
    url, first, second = servers["cluster"]
    with ExitStack() as opened:
        pairs = [Pair(url, first, second, loop, opened) for loop in (None, async_loop)]
        stores = [pair.store(Replication(wait=1, seconds=2), reading=True) for pair in pairs]
        for store in stores:
            store.append(sid, PAIR)
        for old, new in ((first, second), (second, first)):
            with new.client() as client, old.client() as other:
                client.execute_command("CLUSTER", "FAILOVER", "TAKEOVER")
                wait_for(lambda: client.info("replication")["role"] == "master", "the takeover")
                wait_for(lambda: other.info("replication").get("master_link_status") == "up", "the old one to follow")
            for store in stores:
                with store.turn(sid) as turn:
                    turn.commit(PAIR)
                assert turn.replicas == 1
                assert len(store.messages(sid)) == 2 * (turn.number or 0)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"redis_wait_replicas": 1}, "REDIS_WAIT_REPLICAS is '1': expected 0, as the embedded server has none."),
        (
            {"redis_url": "redis://x?socket_timeout=0.5", "redis_wait_replicas": 1},
            "REDIS_WAIT_SECONDS is '1': expected less than the 0.5 s that a reply may take.",
        ),
        ({"redis_reads": "replicas"}, "expected master, as embedded names one server and no replicas."),
    ],
)
def test_settings_that_contradict_each_other(settings: dict[str, object], told: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting) as refused:
        open_store(Settings(state_dir=tmp_path, **settings))  # type: ignore[arg-type]
    assert str(refused.value).endswith(told)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"wait": 17}, "wait is 17: expected 0 to 16 replicas"),
        ({"wait": -1}, "wait is -1: expected 0 to 16 replicas"),
        ({"seconds": 0.0}, r"seconds is 0\.0: expected 0\.01 to 60"),
        ({"seconds": 61.0}, r"seconds is 61\.0: expected 0\.01 to 60"),
    ],
)
def test_what_cannot_be_waited_for_is_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=f"^{told}$"):
        Replication(**settings)


def test_a_session_that_has_just_changed_is_read_from_the_master_and_soon_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(replication, "time", SimpleNamespace(monotonic=lambda: now[0]))
    reads = ReplicaReads(None)
    reads.changed("sessions:{ada}:history")
    assert [reads.possible(f"sessions:{{{one}}}") for one in ("ada", "ben")] == [False, True]
    now[0] += replication.RECENT + 1
    reads.changed("sessions:{ben}")
    assert [reads.possible(f"sessions:{{{one}}}") for one in ("ada", "ben")] == [True, False]
    reads.failed("it is away")
    assert not reads.possible("sessions:{ada}")


def test_a_slot_that_no_master_has_is_told() -> None:
    class Uncovered(redis.RedisCluster):
        def __init__(self) -> None:
            self.nodes_manager: Any = SimpleNamespace(slots_cache={1: []})

        def keyslot(self, key: str) -> int:
            return len(key)

        def __del__(self) -> None:
            """There is nothing to close."""

    for key in ("a", "ab"):
        with pytest.raises(SlotNotCoveredError, match=f"no master has the slot of '{key}'"):
            link_of(Uncovered(), key)


def test_the_settings_arrive(servers: dict[str, tuple[str, Server, Server]], sid: str) -> None:
    more = {"redis_wait_replicas": 2, "redis_wait_seconds": 0.05, "redis_wait_short": "fail", "redis_reads": "replicas"}
    client, store = open_store(Settings(redis_url=servers["sentinel"][0], **more))  # type: ignore[arg-type]
    with closing(client), closing(store):
        with pytest.raises(TurnUnconfirmed, match="only 1 of 2 replicas"):
            store.append(sid, PAIR)
        assert store._sender._reads is not None
        assert len(store.messages(sid)) == 2
