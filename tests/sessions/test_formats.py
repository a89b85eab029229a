"""Histories that others wrote are read as they are, and never written to."""

from __future__ import annotations

import json
import warnings

import pytest
from langchain_core.messages import BaseMessage, message_to_dict

from rag.errors import CrosswireError
from rag.sessions import RedisChatMessageHistory, SessionStore
from rag.sessions.connection.connect import Client
from tests import needs
from tests.servers import Server
from tests.sessions.messages.test_lossless import EXAMPLES

PLAIN: list[BaseMessage] = EXAMPLES[:1] + EXAMPLES[4:6]


def test_the_classic_design(client: Client, sid: str) -> None:
    for message in PLAIN:
        client.rpush(f"chat:{sid}", json.dumps(message_to_dict(message)))
    store = SessionStore(client, fmt="classic", key_prefix="chat:")
    assert store.messages(sid) == PLAIN
    assert [record.session_id for record in store.records(sid)] == [None] * 3
    assert store.ttl(sid) is None
    client.expire(f"chat:{sid}", 100)
    assert 90 < (store.ttl(sid) or 0) <= 100


def test_langchain_communitys_class(valkey: Server, client: Client, sid: str) -> None:
    needs.package("langchain_community")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from langchain_community.chat_message_histories import RedisChatMessageHistory as Community

        theirs = Community(sid, url=valkey.url)
        theirs.add_messages(PLAIN)
    store = SessionStore(client, fmt="community", key_prefix="message_store:")
    assert store.messages(sid) == theirs.messages == PLAIN


def test_corrupt_elements_are_left_out_and_left_alone(client: Client, sid: str) -> None:
    good = json.dumps(message_to_dict(PLAIN[0]))
    client.rpush(f"chat:{sid}", good, "{", "7", good)
    store = SessionStore(client, fmt="classic", key_prefix="chat:")
    assert store.messages(sid) == PLAIN[:1] * 2
    assert client.llen(f"chat:{sid}") == 4


def test_they_are_only_read(client: Client, sid: str) -> None:
    store = SessionStore(client, fmt="classic", key_prefix="chat:")
    calls = (
        lambda: store.append(sid, PLAIN),
        lambda: store.clear(sid),
        lambda: store.touch(sid),
        lambda: store.pin(sid),
        lambda: store.expire_now(sid),
        lambda: store.set_summary(sid, "x", 1),
    )
    for call in calls:
        with pytest.raises(CrosswireError, match="only read"):
            call()
    assert client.keys(f"*{sid}*") == []


@pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainDeprecationWarning")
def test_what_the_store_wrote_has_the_classic_elements(client: Client, sid: str) -> None:
    RedisChatMessageHistory(sid, client).add_messages(PLAIN)
    (key,) = client.keys(f"chat_history:*{sid}*")
    stored = [json.loads(line) for line in client.lrange(key, 0, -1)]
    assert [{"type": one["type"], "data": one["data"]} for one in stored] == [message_to_dict(m) for m in PLAIN]
