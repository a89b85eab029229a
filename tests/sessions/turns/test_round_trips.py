"""What a turn costs on the wire: two commands, and as many bytes whatever is stored already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.sessions import SessionStore, connect
from rag.sessions.connection.connect import Client
from tests.servers import Server
from tests.sessions.backends import KEYS
from tests.sessions.blocking import BlockingStore, Loop

TWO = ["EVALSHA", "EVALSHA"]
PAIR: list[BaseMessage] = [HumanMessage("How long do I have to return it?"), AIMessage("30 days [1].")]


class Traffic(NamedTuple):
    """commands: their names, as the server got them, without what its scripts do. sent, received: bytes."""

    commands: list[str]
    sent: int
    received: int


class Meter:
    """What a client with one connection of this name sends and receives, as the server counts it."""

    def __init__(self, raw: Client, own: str) -> None:
        self._raw = raw
        self._own = own

    def of(self, work: Callable[[], object]) -> Traffic:
        with self._raw.monitor() as monitor:  # type: ignore[no-untyped-call]
            (sent, received), address = self._bytes()
            work()
            (sent_then, received_then), _ = self._bytes()
            self._raw.echo("end of metering")
            seen = list(_until(monitor, "end of metering"))
        own = [one["command"].split(" ", 1)[0] for one in seen if _source(one) == address]
        return Traffic(own, sent_then - sent, received_then - received)

    def _bytes(self) -> tuple[tuple[int, int], str]:
        (line,) = (one for one in self._raw.client_list() if one["name"] == self._own)
        return (int(line["tot-net-in"]), int(line["tot-net-out"])), str(line["addr"])


def _until(monitor: Any, mark: str) -> Iterator[dict[str, Any]]:
    while mark not in (seen := monitor.next_command())["command"]:
        yield seen


def _source(seen: dict[str, Any]) -> str:
    return f"{seen['client_address']}:{seen['client_port']}"


@pytest.fixture
def narrow(tcp_server: Server) -> Iterator[Client]:
    client = connect(f"{tcp_server.url}?client_name=metered", max_connections=1)
    yield client
    client.close()


@pytest.fixture(scope="module")
def tcp_server() -> Iterator[Server]:
    """MONITOR tells connections apart by their ports."""
    with Server(tcp=True) as server:
        yield server


@pytest.fixture
def client(tcp_server: Server) -> Iterator[Client]:
    client = connect(tcp_server.url)
    yield client
    client.close()


@pytest.fixture
def meter(client: Client) -> Meter:
    return Meter(client, "metered")


def one_turn(store: SessionStore, sid: str) -> None:
    with store.turn(sid) as turn:
        len(turn.messages)
        turn.commit(PAIR)


def cost(meter: Meter, store: SessionStore, sid: str) -> Traffic:
    return meter.of(lambda: one_turn(store, sid))


@pytest.mark.parametrize("keys", [(), KEYS], ids=["plain", "sealed"])
def test_a_turn_is_two_commands(narrow: Client, meter: Meter, sid: str, keys: tuple[bytes]) -> None:
    store = SessionStore(narrow, encryption_keys=keys)
    one_turn(store, sid)
    assert cost(meter, store, sid).commands == TWO


def test_a_first_turn_is_two_commands_too(narrow: Client, meter: Meter, sid: str) -> None:
    store = SessionStore(narrow)
    one_turn(store, sid)
    assert cost(meter, store, f"{sid}-new").commands == TWO


def test_a_turn_that_is_left_gives_the_session_back_at_once(narrow: Client, meter: Meter, sid: str) -> None:
    store = SessionStore(narrow)
    one_turn(store, sid)

    def give_up() -> None:
        with store.turn(sid):
            pass

    give_up()
    assert meter.of(give_up).commands == TWO


def test_a_warm_turn_costs_the_same_whatever_is_stored(narrow: Client, meter: Meter, sid: str) -> None:
    store = SessionStore(narrow, max_turns=10_000)
    short, long = f"{sid}-short", f"{sid}-long"
    for session_id, turns in ((short, 5), (long, 5)):
        for _ in range(turns):
            one_turn(store, session_id)
    for _ in range(5):
        store.append(long, PAIR * 999)  # 10,000 messages
    few, many = cost(meter, store, short), cost(meter, store, long)
    assert few.commands == many.commands == TWO
    # Only the digits of their numbers differ.
    assert abs(few.sent - many.sent) < 20
    assert abs(few.received - many.received) < 20


def test_a_read_costs_the_same_whatever_is_stored(narrow: Client, meter: Meter, sid: str) -> None:
    store = SessionStore(narrow)
    store.append(sid, PAIR * 2000)
    assert len(store.messages(sid)) == 4000
    traffic = meter.of(lambda: store.messages(sid))
    assert traffic.commands == ["EVALSHA"]
    assert traffic.received < 200


def test_what_others_added_is_all_that_is_read(narrow: Client, client: Client, meter: Meter, sid: str) -> None:
    store, other = SessionStore(narrow), SessionStore(client)
    store.append(sid, PAIR * 500)
    one_turn(other, sid)
    assert meter.of(lambda: store.messages(sid)).received < 2000
    assert len(store.messages(sid)) == 1002


def test_without_a_cache_everything_is_read_and_right(narrow: Client, meter: Meter, sid: str) -> None:
    store = SessionStore(narrow, cache_bytes=0)
    for number in range(3):
        with store.turn(sid) as turn:
            assert turn.messages == PAIR * number
            turn.commit(PAIR)
    assert cost(meter, store, sid).commands == TWO


def test_a_cache_that_is_too_small_forgets_and_is_right(client: Client, sid: str) -> None:
    store = SessionStore(client, cache_bytes=20_000)
    for number in range(6):
        for which in range(5):
            with store.turn(f"{sid}-{which}") as turn:
                assert turn.messages == PAIR * number
                turn.commit(PAIR)
            assert store.protocol.cache.size <= 20_000


def test_the_async_store_sends_the_same(tcp_server: Server, client: Client, sid: str) -> None:
    loop = Loop()
    with BlockingStore(loop, f"{tcp_server.url}?client_name=async-metered") as store:
        store.append(sid, PAIR)
        assert Meter(client, "async-metered").of(lambda: store.append(sid, PAIR)).commands == TWO
    loop.close()


def test_scripts_that_the_server_forgot_are_sent_again(client: Client, sid: str) -> None:
    store = SessionStore(client)
    one_turn(store, sid)
    client.script_flush()
    one_turn(store, sid)
    client.script_flush()
    assert store.messages(sid) == PAIR * 2


def test_a_turn_with_its_trace_is_two_commands_too(narrow: Client, meter: Meter, sid: str) -> None:
    store = SessionStore(narrow)

    def traced() -> None:
        with store.turn(sid) as turn:
            turn.commit(PAIR, trace="how it was answered")

    traced()
    assert meter.of(traced).commands == TWO
    assert store.traces(sid) == ["how it was answered"] * 2
