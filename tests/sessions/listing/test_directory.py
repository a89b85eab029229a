"""The list of live sessions and the record of what was done to them. What a page costs does not depend on how many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from time import time
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.sessions import SessionStore, connect
from rag.sessions.connection.connect import Client
from rag.sessions.ids import SessionId
from rag.sessions.listing.directory import Order
from rag.sessions.names import friendly_name
from rag.sessions.protocol.index_entries import EVERY
from tests.servers import Server, wait_for

SECRET = "nobody but us"
PAIR: list[BaseMessage] = [HumanMessage(f"{SECRET}?"), AIMessage(f"{SECRET}.")]


class Clock:
    """Time that a test moves on."""

    def __init__(self) -> None:
        self.now = time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["valkey", "cluster"])
def store(request: pytest.FixtureRequest, clock: Clock) -> Iterator[SessionStore]:
    client = connect(request.getfixturevalue(request.param).url)
    store = SessionStore(client, key_prefix=f"{uuid4().hex[:8]}:", clock=clock)
    yield store
    client.close()


def fill(store: SessionStore, clock: Clock, count: int) -> list[str]:
    """So many sessions, a second apart, oldest first."""
    ids = [f"s{number:02}-{uuid4().hex[:8]}" for number in range(count)]
    for sid in ids:
        clock.now += 1
        store.append(sid, PAIR)
    return ids


def pages(store: SessionStore, order: Order, size: int) -> list[str]:
    directory = store.directory
    found: list[str] = []
    while (page := directory.page(len(found), size, order)).rows:
        found += [row.info.id for row in page.rows]
        assert page.total == directory.count()
    return found


def test_pages_in_both_orders(store: SessionStore, clock: Clock) -> None:
    ids = fill(store, clock, 7)
    assert pages(store, "oldest", 3) == ids
    assert pages(store, "newest", 3) == ids[::-1]
    clock.now += EVERY
    store.append(ids[2], PAIR)
    assert pages(store, "newest", 2)[0] == ids[2]
    assert store.directory.count() == 7


def test_a_row_says_what_is_known(store: SessionStore, clock: Clock, sid: str) -> None:
    with store.turn(sid) as turn:
        turn.commit(PAIR, title="A question")
    store.append(sid, PAIR)
    store.append(f"{sid}-pinned", PAIR)
    store.pin(f"{sid}-pinned")
    rows = {row.info.id: row for row in store.directory.page().rows}
    row = rows[sid]
    info = store.info(sid)
    assert info is not None
    assert info.ttl is not None
    assert row.info.ttl == pytest.approx(info.ttl, abs=5)
    assert replace(row.info, ttl=None) == replace(info, ttl=None)
    assert (row.name, row.pinned) == (friendly_name(sid), False)
    assert row.bytes is None or row.bytes > 200
    assert rows[f"{sid}-pinned"].pinned
    assert rows[f"{sid}-pinned"].info.ttl is None


def test_found_by_the_beginning_of_the_id_and_by_name(store: SessionStore, clock: Clock) -> None:
    ids = fill(store, clock, 6)
    directory = store.directory
    assert [row.info.id for row in directory.find("s0")] == ids
    assert [row.info.id for row in directory.find(ids[4])] == [ids[4]]
    name = friendly_name(ids[3])
    for text in (name, name.upper(), name.lower(), name[:-1], name.split()[-1]):
        assert ids[3] in [row.info.id for row in directory.find(text)]
    for text in ("*", "[", "s?", "nobody is called this", "S0", "\xff"):
        assert directory.find(text) == []
    assert len(directory.find("s0", limit=2)) == 2


@pytest.mark.parametrize("by", ["id", "name"])
def test_those_that_ended_do_not_stand_in_the_way_of_those_that_live(
    store: SessionStore, clock: Clock, by: str
) -> None:
    ids = sorted(fill(store, clock, 9))
    keys = store.protocol.keys
    if by == "name":  # as if all had the same one
        store._client.zadd(keys.find, {f"name:zz\0{sid}": 0 for sid in ids})
    for sid in ids[:-1]:
        store._client.delete(keys.session(SessionId(sid)), keys.history(SessionId(sid)))
    assert [row.info.id for row in store.directory.find("s0" if by == "id" else "zz", limit=2)] == ids[-1:]
    assert store._client.zrangebylex(keys.find, "[id:", "[id:\xff") == [f"id:{ids[-1]}".encode()]
    assert pages(store, "oldest", 2) == ids[-1:]


def test_a_session_is_counted_for_as_long_as_it_lives(client: Client, sid: str) -> None:
    store = SessionStore(client, key_prefix=f"{uuid4().hex[:8]}:", ttl=1)
    store.append(sid, PAIR)
    key, directory = store.protocol.keys.session(SessionId(sid)), store.directory
    lives = 1
    while lives:
        # What was there before and after counting was there meanwhile.
        before, count, total, lives = client.exists(key), directory.count(), directory.page().total, client.exists(key)
        assert before >= max(count, total) >= min(count, total) >= lives
    assert directory.count() == directory.page().total == 0


COUNTS: list[Callable[[SessionStore], int]] = [
    lambda store: store.directory.count(),
    lambda store: store.directory.page(1).total,
]


@pytest.mark.parametrize("count", COUNTS, ids=["count", "page"])
def test_a_session_is_not_counted_longer_because_another_clock_is_ahead(
    client: Client, sid: str, count: Callable[[SessionStore], int]
) -> None:
    clock = Clock()
    clock.now += 4
    ahead = SessionStore(client, key_prefix=f"{uuid4().hex[:8]}:", ttl=1, clock=clock)
    ahead.append(sid, PAIR)
    for key in ahead.protocol.keys.of(SessionId(sid)):
        client.pexpire(key, 10)
    wait_for(lambda: not client.exists(ahead.protocol.keys.session(SessionId(sid))), "it has ended")
    assert count(SessionStore(client, key_prefix=ahead.protocol.keys.prefix)) == 0


def test_who_is_cleared_or_has_expired_leaves_the_list(store: SessionStore, clock: Clock) -> None:
    ids = fill(store, clock, 5)
    store.clear(ids[0])
    store.expire_now(ids[1])
    assert pages(store, "oldest", 10) == ids[2:]
    client, keys = store._client, store.protocol.keys
    client.delete(keys.session(SessionId(ids[2])), keys.history(SessionId(ids[2])))  # as Redis does when it is time
    assert pages(store, "oldest", 10) == ids[3:]
    store.pin(ids[4])
    for sid in ids[3:4]:
        client.delete(keys.session(SessionId(sid)), keys.history(SessionId(sid)))
    clock.now += 3601
    assert store.directory.sweep() == [ids[3]]
    assert store.directory.sweep() == []
    assert pages(store, "oldest", 10) == ids[4:]
    assert store.directory.count() == 1
    assert store.directory.find(ids[3]) == []


def test_a_sweep_leaves_those_that_still_live(store: SessionStore, clock: Clock) -> None:
    ids = fill(store, clock, 3)
    clock.now += 7200  # this process's clock is wrong: the sessions are there
    assert store.directory.sweep() == []
    assert pages(store, "oldest", 10) == ids


def test_several_sweep_at_once_and_each_session_goes_to_one(valkey: Server, clock: Clock) -> None:
    prefix = f"{uuid4().hex[:8]}:"
    clients = [connect(valkey.url) for _ in range(4)]
    stores = [SessionStore(client, key_prefix=prefix, clock=clock) for client in clients]
    ids = fill(stores[0], clock, 200)
    keys = stores[0].protocol.keys
    ended, alive = set(ids[::2]), set(ids[1::2])
    for sid in ended:
        clients[0].delete(keys.session(SessionId(sid)), keys.history(SessionId(sid)))
    clock.now += 3601
    with ThreadPoolExecutor(4) as everybody:
        taken = list(everybody.map(lambda store: store.directory.sweep(), stores))
    assert sorted(sid for one in taken for sid in one) == sorted(ended)
    assert set(pages(stores[1], "oldest", 1000)) == alive
    for client in clients:
        client.close()


def commands(client: Client, work: Callable[[], object]) -> dict[str, int]:
    client.config_resetstat()
    work()
    stats = client.info("commandstats")
    return {name.removeprefix("cmdstat_"): value["calls"] for name, value in stats.items() if "config" not in name}


def usec(client: Client) -> int:
    return sum(int(value["usec"]) for value in client.info("commandstats").values())


def test_a_page_of_20_000_sessions_costs_what_a_page_of_100_costs() -> None:
    with Server() as server:
        client = connect(server.url)
        small, large = SessionStore(client, key_prefix="small:"), SessionStore(client, key_prefix="large:")
        costs = [_cost(client, store, count) for store, count in ((small, 100), (large, 20_000))]
        assert costs[0] == costs[1]
        assert not {"keys", "scan", "smembers", "hgetall"} & set(costs[1])
        client.close()


def _cost(client: Client, store: SessionStore, count: int) -> dict[str, int]:
    _fake(client, store, count)
    directory = store.directory
    assert len(directory.page(50, 50).rows) == 50
    cost = commands(client, lambda: directory.page(count - 50, 50))
    took = [usec(client)]
    for _ in range(2):  # the server may have had to wait for a processor
        commands(client, lambda: directory.page(count - 50, 50))
        took.append(usec(client))
    assert min(took) < 10_000
    assert directory.count() == count
    found = commands(client, lambda: directory.find("s00000", 20))
    return {name: cost.get(name, 0) + found.get(name, 0) for name in {*cost, *found}}


FAKE = """
for number = tonumber(ARGV[1]), ARGV[4] - 1 do
  local sid = string.format('s%06d', number)
  local session = ARGV[3] .. 'session:{' .. sid .. '}'
  redis.call('HSET', session, 'created', ARGV[2], 'seen', ARGV[2], 'turns', 1)
  redis.call('EXPIRE', session, 3600)
  redis.call('RPUSH', ARGV[3] .. '{' .. sid .. '}', '{}')
  redis.call('ZADD', KEYS[1], ARGV[2] + number, sid)
  redis.call('ZADD', KEYS[2], ARGV[2] + 3600 + number, sid)
  redis.call('ZADD', KEYS[3], 0, 'id:' .. sid)
end
"""


def _fake(client: Client, store: SessionStore, count: int) -> None:
    """What so many sessions of one turn leave behind."""
    keys = store.protocol.keys
    now = int(time())
    for first in range(0, count, 5000):  # a server that is at it for seconds does not answer in time
        client.eval(FAKE, 3, keys.live, keys.ends, keys.find, first, now, keys.prefix, min(first + 5000, count))


def test_what_is_done_to_a_session_is_recorded_and_never_what_was_said(store: SessionStore, sid: str) -> None:
    store.append(sid, PAIR)
    store.extend(sid, 100, who="anna")
    store.pin(sid, who="anna")
    store.unpin(sid)
    store.audit.add("view", sid, "inspector")
    store.audit.add("export", sid, "inspector", form="json")
    key = store.protocol.keys.history(SessionId(sid))
    store._client.rpush(key, "{")
    SessionStore(store._client, key_prefix=store.protocol.keys.prefix).messages(sid)
    store.clear(sid)
    store.append(sid, PAIR)
    store.expire_now(sid, who="anna")
    entries = store.audit.read()
    # On a cluster the entries are written after the turns, in the order of each process.
    found = sorted((entry.what, entry.who) for entry in entries)
    assert found == sorted(
        [
            *(("extend", "anna"), ("pin", "anna"), ("unpin", "inspector")),
            *(("view", "inspector"), ("export", "inspector")),
            *(("quarantine", "session"), ("clear", "session"), ("expire", "anna")),
        ]
    )
    assert {entry.session for entry in entries} == {sid}
    assert all(abs(entry.at - time()) < 60 for entry in entries)
    assert SECRET not in repr(entries)
    assert store.audit.counts() == {"crosstalk": 0, "quarantined": 1}


def test_the_record_is_read_in_parts(store: SessionStore, sid: str) -> None:
    for number in range(7):
        store.audit.add("view", sid, f"reader {number}")
    newest = store.audit.read(3)
    older = store.audit.read(10, before=newest[-1].id)
    assert [entry.who for entry in (*newest, *older)] == [f"reader {number}" for number in reversed(range(7))]


def test_a_foreign_message_counts_as_cross_talk(store: SessionStore, sid: str) -> None:
    other, keys = f"{sid}-other", store.protocol.keys
    store.append(sid, PAIR)
    store.append(other, PAIR)
    foreign = store._client.lindex(keys.history(SessionId(other)), 0)
    assert isinstance(foreign, bytes)
    store._client.rpush(keys.history(SessionId(sid)), foreign)
    assert store.messages(sid) == PAIR
    assert store.audit.counts() == {"crosstalk": 1, "quarantined": 1}
    assert [(entry.what, entry.more) for entry in store.audit.read()] == [("quarantine", {"reason": "foreign"})]


def test_the_record_is_capped(valkey: Server, sid: str) -> None:
    client = connect(valkey.url)
    store = SessionStore(client, key_prefix=f"{uuid4().hex[:8]}:")
    with client.pipeline(transaction=False) as pipe:
        for _ in range(12_000):
            pipe.xadd(store.protocol.keys.audit, {"what": "view"})
        pipe.execute()
    store.audit.add("view", sid, "inspector")
    assert client.xlen(store.protocol.keys.audit) < 10_200
    client.close()
