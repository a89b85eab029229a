"""On Redis: Crosswire's store, LangChain's, a plain list, and a stream of events that is replayed for every read."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any, cast

import redis
from langchain_core.messages import BaseMessage

from rag.sessions import SessionStore, connect
from rag.web.bench.servers import redis_server
from rag.web.bench.stores.base import LAST, Answer, Bench, Store, dumped, langchain, loaded, one_each

TTL = 3600


def stores(bench: Bench) -> Iterator[Store]:
    """Raises NotInstalled."""
    server = bench.stack.enter_context(redis_server(bench.folder))
    url = f"redis://127.0.0.1:{server.port}/0"
    client = cast(redis.Redis, bench.stack.enter_context(closing(connect(url))))
    name = f"Redis {client.info('server')['redis_version']}"
    flushed = cast(dict[str, str], client.config_get("appendfsync"))
    said = {"everysec": "each second", "always": "before the answer"}.get(_text(flushed), "by the system")
    yield _crosswire(SessionStore(client, TTL), name, said)
    yield _langchain(url, name, said)
    yield _list(client, name, said)
    yield _stream(client, name, said)


def _text(found: dict[Any, Any]) -> str:
    (value,) = found.values()
    return value.decode() if isinstance(value, bytes) else str(value)


def _crosswire(store: SessionStore, version_of: str, flushed: str) -> Store:
    def turn(session: str, answer: Answer) -> None:
        with store.turn(session) as held:
            held.commit(answer(list(held.messages[-LAST:])))

    found = Store("Crosswire", version_of, flushed, lambda session: store.messages(session)[-LAST:], store.append)
    found.turn = turn
    return found


def _langchain(url: str, version_of: str, flushed: str) -> Store:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from langchain_community.chat_message_histories import RedisChatMessageHistory
    make = partial(RedisChatMessageHistory, url=url, ttl=TTL)
    return langchain("langchain-community", version_of, flushed, one_each(make))


def _list(client: redis.Redis, version_of: str, flushed: str) -> Store:
    def write(session: str, messages: Sequence[BaseMessage]) -> None:
        pipe = client.pipeline(transaction=False)
        pipe.rpush(f"list:{session}", *map(dumped, messages))
        pipe.expire(f"list:{session}", TTL)
        pipe.execute()

    def read(session: str) -> list[BaseMessage]:
        return loaded(cast(list[bytes], client.lrange(f"list:{session}", -LAST, -1)))

    return Store("plain list", version_of, flushed, read, write)


def _stream(client: redis.Redis, version_of: str, flushed: str) -> Store:
    """Event sourcing: what happened is appended, and a session is what all its events make of it."""

    def write(session: str, messages: Sequence[BaseMessage]) -> None:
        pipe = client.pipeline(transaction=False)
        for message in messages:
            pipe.xadd(f"events:{session}", {"event": json.dumps({"kind": "said", "message": dumped(message)})})
        pipe.expire(f"events:{session}", TTL)
        pipe.execute()

    def read(session: str) -> list[BaseMessage]:
        state: list[str] = []
        for _, fields in cast(list[Any], client.xrange(f"events:{session}")):
            event = json.loads(fields[b"event"])
            if event["kind"] == "said":
                state.append(event["message"])
            elif event["kind"] == "cleared":
                state.clear()
        return loaded(state[-LAST:])

    return Store("events, replayed", version_of, flushed, read, write)
