"""A turn is stored whole or not at all, whatever fails in the middle of its script; and nothing has no end."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.errors import CrosswireError, SessionStoreUnavailable
from rag.sessions import SessionStore, connect
from rag.sessions.connection.connect import Client
from rag.sessions.ids import SessionId
from tests.servers import Server, wait_for
from tests.sessions.backends import AnyStore, Backend


def pair(number: int) -> list[BaseMessage]:
    return [HumanMessage(f"question {number}"), AIMessage(f"answer {number}")]


def say(store: AnyStore, sid: str, *numbers: int) -> None:
    for number in numbers:
        store.append(sid, pair(number))


def numbers(store: AnyStore, sid: str) -> list[tuple[int, str]]:
    return [(record.turn, record.message.text) for record in store.records(sid)]


def spoil(client: Client, key: str) -> None:
    """Somebody else's program uses this name."""
    kind = client.type(key)
    client.delete(key)
    if kind == b"string":
        client.rpush(key, "theirs")
    else:
        client.set(key, "theirs")


@pytest.mark.parametrize("turns", [0, 2])
@pytest.mark.parametrize("kind", ["history", "session", "turn", "queue"])
def test_a_key_that_changes_its_type_during_a_turn(backend: Backend, sid: str, kind: str, turns: int) -> None:
    store = backend.open()
    say(store, sid, *range(turns))
    key = getattr(SessionStore(backend.raw, key_prefix=backend.prefix).protocol.keys.of(SessionId(sid)), kind)
    stored = True
    with suppress(CrosswireError), store.turn(sid) as turn:
        spoil(backend.raw, key)
        stored = False
        turn.commit(pair(turns))
        stored = True
    assert kind != "turn" or not stored  # whoever lost the lock may not write
    kept = [] if kind == "history" else list(range(turns))
    said = [text for number in kept + [turns] * stored for text in (f"question {number}", f"answer {number}")]
    assert [message.text for message in backend.open().messages(sid)] == said
    say(store, sid, 7)
    found = numbers(backend.open(), sid)
    assert [text for _, text in found] == [*said, "question 7", "answer 7"]
    assert [number for number, _ in found][::2] == sorted({number for number, _ in found})
    assert all(ms > 0 for name, ms in backend.left(sid).items() if kind != "queue" or "queue:" not in name)


def test_what_asks_of_a_session_mends_it_too(backend: Backend, sid: str) -> None:
    for ask in ("info", "touch", "pin", "quarantined", "clear"):
        store, name = backend.open(), f"{sid}-{ask}"
        say(store, name, 1, 2, 3)
        for key in backend.keys(name):
            if "session:" in key or "quarantine:" in key:
                spoil(backend.raw, key)
        getattr(store, ask)(name)
        say(store, name, 4)
        assert [number for number, _ in numbers(store, name)] == (
            [1, 1] if ask == "clear" else [1, 1, 2, 2, 3, 3, 4, 4]
        )


@pytest.mark.parametrize("kind", ["live", "ends", "find", "audit"])
def test_somebody_elses_index_does_not_fail_a_turn(client: Client, sid: str, kind: str, caplog: Any) -> None:
    store = SessionStore(client, key_prefix=f"{uuid4().hex[:8]}:")
    key = getattr(store.protocol.keys, kind)
    client.rpush(key, "theirs")
    say(store, sid, 1, 2)
    assert [number for number, _ in numbers(SessionStore(client, key_prefix=store.protocol.keys.prefix), sid)] == [
        *(1, 1, 2, 2)
    ]
    assert store.pin(sid) is True
    assert store.unpin(sid) is True
    assert store.clear(sid) is True
    assert store.info(sid) is None
    assert client.lrange(key, 0, -1) == [b"theirs"]
    assert "WRONGTYPE" in caplog.text


@pytest.mark.parametrize(("denied", "stored"), [("zadd", 2), ("expire", 0), ("hset", 0), ("getdel", 0), ("rpush", 0)])
def test_an_account_that_lacks_a_command(valkey: Server, client: Client, sid: str, denied: str, stored: int) -> None:
    name = f"narrow-{denied}"
    client.acl_setuser(
        name, enabled=True, passwords="+secret", keys="*", channels="*", commands=["+@all", f"-{denied}"]
    )
    narrow = connect(valkey.url.replace("unix://", f"unix://{name}:secret@"))
    store = SessionStore(narrow)
    for number in range(2):
        if stored:
            say(store, sid, number)
            continue
        with pytest.raises(SessionStoreUnavailable, match="cannot be used") as refused:
            say(store, sid, number)
        assert "\n" not in str(refused.value)
    whole = SessionStore(client)
    assert [number for number, _ in numbers(whole, sid)] == [1, 1, 2, 2][: 2 * stored]
    say(whole, sid, 9)
    assert len(whole.messages(sid)) == 2 * stored + 2
    narrow.close()


@pytest.mark.parametrize("odd", ["a lone surrogate: \ud800", "not a number"])
def test_trimming_keeps_turns_whole_whatever_they_say(backend: Backend, sid: str, odd: str) -> None:
    store = backend.open(max_turns=3)
    for number in range(5):
        extra: dict[str, Any] = {"nan": float("inf"), "turn": 99, "text": '"turn":99'}
        store.append(sid, [HumanMessage(f'{odd} "turn":{number}'), AIMessage(odd, additional_kwargs=extra)])
    assert [record.turn for record in backend.open().records(sid)] == [3, 3, 4, 4, 5, 5]


@pytest.mark.parametrize("lost", ["history", "session"])
def test_a_server_that_evicted_half_a_session(client: Client, sid: str, lost: str) -> None:
    store = SessionStore(client)
    say(store, sid, 1, 2, 3)
    client.delete(getattr(store.protocol.keys.of(SessionId(sid)), lost))
    say(store, sid, 4)
    turns = [record.turn for record in SessionStore(client).records(sid)]
    assert turns == ([4, 4] if lost == "history" else [1, 1, 2, 2, 3, 3, 4, 4])


# --- how long it lives


@pytest.mark.parametrize("seconds", [0, -1, 10**18, 1.5, None, "60", True])
def test_a_time_to_live_that_cannot_be_is_refused_before_it_does_harm(store: AnyStore, sid: str, seconds: Any) -> None:
    say(store, sid, 1)
    with pytest.raises(ValueError, match="expected a whole number of 1 to 315360000 seconds"):
        store.extend(sid, seconds)
    say(store, sid, 2)
    assert len(store.messages(sid)) == 4
    assert 3590 < (store.ttl(sid) or 0) <= 3600


@pytest.mark.parametrize(
    ("option", "value"),
    [("ttl", 0), ("ttl", -5), ("ttl", None), ("ttl", 10**18), ("max_turns", 0), ("cache_bytes", -1), ("lease", 0)],
)
def test_a_store_says_which_of_its_numbers_cannot_be(client: Client, option: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{option} is {value!r}: expected .* to .* (seconds|turns|bytes)$"):
        SessionStore(client, **{option: value})


@pytest.mark.parametrize("garbage", ["1000000000000000000", "-5", "soon", "1.5", "nan"])
def test_what_others_write_for_its_time_to_live_does_not_end_a_session(client: Client, sid: str, garbage: str) -> None:
    store = SessionStore(client)
    say(store, sid, 1)
    client.hset(store.protocol.keys.of(SessionId(sid)).session, "ttl", garbage)
    say(store, sid, 2)
    assert len(store.messages(sid)) == 4
    assert 3590 < (store.ttl(sid) or 0) <= 3600


def test_the_quarantine_lives_as_long_as_its_session(backend: Backend, sid: str, caplog: Any) -> None:
    store = backend.open(ttl=3000)
    say(store, sid, 1)
    backend.raw.rpush(backend.history(sid), b"garbage")
    assert len(store.messages(sid)) == 2

    def kept() -> bool:
        left = {key: ms for key, ms in backend.left(sid).items() if "turn:" not in key}
        return len(left) == 3 and all(ms > 2_900_000 for ms in left.values())

    backend.expire(sid, 2000)
    with store.turn(sid) as turn:
        assert kept()
        backend.expire(sid, 2000)
        turn.commit(pair(2))
    assert kept()
    with backend.open(ttl=3000, lease=1).turn(sid):
        for key in backend.keys(sid):
            if "turn:" not in key:
                backend.raw.pexpire(key, 2000)
        wait_for(kept, "the heartbeat to keep all of it")
    assert len(store.quarantined(sid)) == 1
    backend.raw.delete(next(key for key in backend.keys(sid) if "quarantine:" in key))
    say(store, sid, 3)
    assert not any("quarantine:" in key for key in backend.keys(sid))
    assert "could not be written" not in caplog.text


def test_a_session_outlives_a_slow_answer_whatever_the_clocks_of_its_writers_say(client: Client, sid: str) -> None:
    ahead = SessionStore(client, ttl=3000, clock=lambda: 4e9)
    say(ahead, sid, 1)
    store = SessionStore(client, ttl=3000)
    keys = store.protocol.keys.of(SessionId(sid))
    for key in (keys.history, keys.session):
        client.pexpire(key, 5000)
    with store.turn(sid) as turn:
        assert client.pttl(keys.history) > 2_900_000
        assert client.pttl(keys.session) > 2_900_000
        turn.commit(pair(2))
