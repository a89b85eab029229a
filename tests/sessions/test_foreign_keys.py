"""Others write under our names what we never would: no turn fails for ever because of it, and it ends with its session.

On every server, plain and sealed, sync and async.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest

from rag.errors import CredentialEnded, TurnBusy
from rag.sessions.ids import SessionId
from rag.sessions.protocol.keys import SessionKeys
from rag.sessions.revocations import Credential
from tests.sessions.backends import AnyStore, Backend
from tests.sessions.test_contract import pair, say, texts

TYPES = dict(zip(SessionKeys._fields, ("list", "hash", "string", "zset", "zset", "list", "list"), strict=True))
WRITES: dict[str, Callable[[Any, str], object]] = {
    "string": lambda raw, key: raw.set(key, "what is this"),
    "list": lambda raw, key: raw.rpush(key, "what is this"),
    "hash": lambda raw, key: raw.hset(key, mapping={"what": "this"}),
    "set": lambda raw, key: raw.sadd(key, "what is this"),
    "zset": lambda raw, key: raw.zadd(key, {"what is this": 1}),
    "stream": lambda raw, key: raw.xadd(key, {"what": "this"}),
}


def foreign(backend: Backend, store: AnyStore, sid: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """New sessions with a turn, and what puts something of another type where one of their keys is, without an end."""
    for number, (name, kind) in enumerate(product(TYPES, WRITES)):
        if kind == TYPES[name]:
            continue
        one = f"{sid}-{number}"
        say(store, one, 1)

        def put(key: str = getattr(store.protocol.keys.of(SessionId(one)), name), kind: str = kind) -> None:
            backend.raw.delete(key)
            WRITES[kind](backend.raw, key)

        yield one, put


def test_turns_go_on_and_clearing_leaves_nothing(store: AnyStore, backend: Backend, sid: str) -> None:
    for one, put in foreign(backend, store, sid):
        put()
        say(store, one, 2)
        put()
        with store.turn(one), pytest.raises(TurnBusy), store.turn(one, wait=0.01):
            pass
        say(store, one, 3)
        assert texts(store.messages(one))[-2:] == texts(pair(3))
        put()
        store.clear(one)
        assert backend.keys(one) == set()


def test_a_session_is_free_again_when_its_turn_is_given_up(store: AnyStore, backend: Backend, sid: str) -> None:
    for name, kind in product(("queue", "alive"), ("string", "list")):
        one = f"{sid}-{name}-{kind}"
        say(store, one, 1)
        with store.turn(one):
            WRITES[kind](backend.raw, getattr(store.protocol.keys.of(SessionId(one)), name))
        say(store, one, 2)
        assert texts(store.messages(one)) == [*texts(pair(1)), *texts(pair(2))]


def test_it_ends_with_its_session(store: AnyStore, backend: Backend, sid: str) -> None:
    raw, ends = backend.raw, store.protocol.keys.ends
    for one, put in foreign(backend, store, sid):
        for key in backend.keys(one):
            raw.delete(key)  # as the end of its time to live does
        put()
        raw.zadd(ends, {one: 1.0})
        store.directory.sweep()
        assert backend.keys(one) == set()
        assert raw.zscore(ends, one) is None


def test_what_is_ours_stays_of_a_session_that_begins_anew(store: AnyStore, backend: Backend, sid: str) -> None:
    raw, ends, keys = backend.raw, store.protocol.keys.ends, store.protocol.keys.of(SessionId(sid))
    say(store, sid, 1)
    for key in backend.keys(sid):
        raw.delete(key)
    with store.turn(sid) as turn:
        with pytest.raises(TurnBusy), store.turn(sid, wait=0.01):
            pass
        raw.zadd(ends, {sid: 1.0})
        store.directory.sweep()
        assert raw.exists(keys.turn)
        turn.commit(pair(2))
    raw.set(keys.session, "what is this")  # which has no end
    raw.zadd(ends, {sid: 1.0})
    store.directory.sweep()
    assert (raw.zscore(ends, sid) or 0.0) > 1.0
    assert texts(store.messages(sid)) == texts(pair(2))
    assert min(backend.left(sid).values()) > 0


def test_a_browser_whose_key_is_none_of_ours_begins_anew(store: AnyStore, backend: Backend, sid: str) -> None:
    browser = f"browser-{sid}"
    key = store.protocol.keys.cookies(browser)
    backend.raw.rpush(key, "what is this")
    with pytest.raises(CredentialEnded), store.turn(sid, credential=Credential(browser, 7)):
        pass
    revocations: Any = store.revocations
    if backend.loop is None:
        assert revocations.first(browser) > 7
        revocations.end(browser, 9, 60)
        assert revocations.first(browser) == 9
    backend.raw.delete(key)
