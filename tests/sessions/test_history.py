"""Inside LangChain's RunnableWithMessageHistory, with both kinds of input it knows; and made anew for each call."""

from __future__ import annotations

import asyncio
import gc
import json
import runpy
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, cast
from weakref import ref

import pytest
import redis
from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, message_to_dict, messages_from_dict
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langchain_core.runnables.history import RunnableWithMessageHistory

from rag.sessions import (
    AsyncSessionStore,
    RedisChatMessageHistory,
    SessionStore,
    connect,
    connect_async,
    history_factory,
)
from rag.sessions.connection.connect import Client
from rag.sessions.ids import SessionId
from rag.sessions.protocol.keys import Keys
from tests import PROJECT
from tests.servers import Server, wait_for

pytestmark = pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainDeprecationWarning")


def wrapped(client: Client, inner: Runnable[Any, Any], **keys: Any) -> RunnableWithMessageHistory:
    return RunnableWithMessageHistory(inner, lambda sid: RedisChatMessageHistory(sid, redis_client=client), **keys)


def answering(*answers: str) -> GenericFakeChatModel:
    return GenericFakeChatModel(messages=iter(AIMessage(answer) for answer in answers))


def test_dict_input(client: Client, sid: str) -> None:
    prompt = ChatPromptTemplate.from_messages([MessagesPlaceholder("history"), ("human", "{question}")])
    chain = wrapped(
        client, prompt | answering("one", "two"), input_messages_key="question", history_messages_key="history"
    )
    config: RunnableConfig = {"configurable": {"session_id": sid}}
    chain.invoke({"question": "first"}, config)
    chain.invoke({"question": "second"}, config)
    history = RedisChatMessageHistory(sid, redis_client=client)
    assert [message.text for message in history.messages] == ["first", "one", "second", "two"]
    assert [message.type for message in history.messages] == ["human", "ai"] * 2
    history.clear()
    assert history.messages == []


def test_list_input(client: Client, sid: str) -> None:
    seen: list[list[str]] = []

    def reply(messages: list[BaseMessage]) -> AIMessage:
        seen.append([message.text for message in messages])
        return AIMessage(f"answer {len(seen)}")

    chain = wrapped(client, RunnableLambda(reply))
    config: RunnableConfig = {"configurable": {"session_id": sid}}
    chain.invoke([HumanMessage("first")], config)
    chain.invoke([HumanMessage("second")], config)
    assert seen == [["first"], ["first", "answer 1", "second"]]
    stored = RedisChatMessageHistory(sid, redis_client=client).messages
    assert [message.text for message in stored] == ["first", "answer 1", "second", "answer 2"]


def texts(messages: list[BaseMessage]) -> list[str]:
    return [str(message.text) for message in messages]


def talk(history: RedisChatMessageHistory, number: int) -> None:
    history.add_messages([HumanMessage(f"question {number}"), AIMessage(f"answer {number}")])


@pytest.mark.parametrize("most", [1, 4])
def test_histories_made_for_each_call_wait_outside_of_the_pool(valkey: Server, sid: str, most: int) -> None:
    with closing(connect(valkey.url, max_connections=most, pool_timeout=5)) as client:
        with ThreadPoolExecutor(60) as threads:
            work = [
                threads.submit(lambda n: talk(RedisChatMessageHistory(sid, redis_client=client), n), number)
                for number in range(60)
            ]
        assert [one.exception() for one in work] == [None] * 60
        assert len(RedisChatMessageHistory(sid, redis_client=client).messages) == 120


def test_whoever_waits_on_one_client_listens_on_one_connection(valkey: Server, client: Client, sid: str) -> None:
    with closing(connect(valkey.url)) as waiting, ThreadPoolExecutor(12) as threads:
        prefixes = [f"{sid}-{number}:" for number in range(3)]
        with ExitStack() as held:
            for prefix in prefixes:
                held.enter_context(SessionStore(client, key_prefix=prefix).turn(sid))
            before = listening(client)
            for number in range(12):
                history = RedisChatMessageHistory(sid, redis_client=waiting, key_prefix=prefixes[number % 3])
                threads.submit(talk, history, number)
            queues = [Keys(prefix).of(SessionId(sid)).queue for prefix in prefixes]
            wait_for(lambda: [client.zcard(queue) for queue in queues] == [4] * 3, "all wait")
            wait_for(lambda: len(listening(client) - before) == 1, "one listens")


def listening(client: Client) -> set[str]:
    """Ids of connections. Another test's may end at any time, as its client is collected."""
    return {one["id"] for one in client.client_list() if one["sub"] != "0"}


def test_a_history_made_anew_reads_only_what_is_new(valkey: Server, client: Client, sid: str) -> None:
    RedisChatMessageHistory(sid, redis_client=client).add_messages([HumanMessage("x" * 10**6)])
    with closing(connect(valkey.url)) as other:
        cold = sent(client, lambda: RedisChatMessageHistory(sid, redis_client=other).messages)
        warm = sent(client, lambda: RedisChatMessageHistory(sid, redis_client=other).messages)
        apart = sent(client, lambda: RedisChatMessageHistory(sid, redis_client=other, ttl=60).messages)
    assert cold > 10**6
    assert warm < 10**5
    assert apart > 10**6


def sent(client: Client, work: Callable[[], object]) -> int:
    """Bytes that the server sends meanwhile, to everybody."""
    before = client.info("stats")["total_net_output_bytes"]
    work()
    return int(client.info("stats")["total_net_output_bytes"]) - int(before)


def test_what_histories_share_goes_with_their_client(valkey: Server, sid: str) -> None:
    client = connect(valkey.url)
    talk(RedisChatMessageHistory(sid, redis_client=client), 1)
    history = RedisChatMessageHistory(sid, redis_client=client)
    assert len(history.messages) == 2
    store = history._sync
    gone: list[ref[Any]] = [
        ref(client),
        ref(store.protocol),
        ref(store._sender.waiters),
        ref(cast(Any, client).connection_pool),
    ]
    client.close()
    del client, history, store
    gc.collect()
    assert [one() for one in gone] == [None] * 4


def test_native_async_methods(valkey: Server, client: Client, sid: str) -> None:
    async def work() -> list[list[str]]:
        native = await connect_async(valkey.url, max_connections=4)

        def history() -> RedisChatMessageHistory:
            return RedisChatMessageHistory(sid, async_client=native)

        assert await history().aget_messages() == []
        await history().aadd_messages([])
        await asyncio.gather(
            *(history().aadd_messages([HumanMessage(f"question {n}"), AIMessage(f"answer {n}")]) for n in range(30))
        )
        found = [texts(await history().aget_messages())]
        with pytest.raises(TypeError, match="async client only"):
            _ = history().messages
        of_store = AsyncSessionStore(native).history(sid)
        assert len(await of_store.aget_messages()) == 60
        await of_store.aclear()
        found.append(texts(await history().aget_messages()))
        await native.aclose()
        return found

    said, cleared = asyncio.run(work())
    assert sorted(said[::2], key=lambda text: int(text.split()[1])) == [f"question {n}" for n in range(30)]
    assert said[1::2] == [text.replace("question", "answer") for text in said[::2]]
    assert cleared == texts(RedisChatMessageHistory(sid, redis_client=client).messages) == []


def test_async_methods_without_an_async_client(client: Client, sid: str) -> None:
    history = RedisChatMessageHistory(sid, redis_client=client)

    async def work() -> list[str]:
        await history.aadd_messages([HumanMessage("question"), AIMessage("answer")])
        found = texts(await history.aget_messages())
        await history.aclear()
        return found

    assert asyncio.run(work()) == ["question", "answer"]
    assert history.messages == []


class Classic(BaseChatMessageHistory):
    """As people write it for themselves."""

    def __init__(self, session_id: str, redis_client: Any, ttl: int = 3600, key_prefix: str = "chat_history:") -> None:
        self.redis_client, self.ttl, self.key = redis_client, ttl, key_prefix + session_id

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]
        return messages_from_dict([json.loads(line) for line in self.redis_client.lrange(self.key, 0, -1)])

    def add_message(self, message: BaseMessage) -> None:
        self.redis_client.rpush(self.key, json.dumps(message_to_dict(message)))
        self.redis_client.expire(self.key, self.ttl)

    def clear(self) -> None:
        self.redis_client.delete(self.key)


@pytest.fixture(params=["bytes", "text"])
def any_client(valkey: Server, request: pytest.FixtureRequest) -> Iterator[Client]:
    """One of this package's own, or one that decodes replies, as most people make it."""
    if request.param == "bytes":
        client = connect(valkey.url)
    else:
        client = redis.Redis.from_url(valkey.url, decode_responses=True)
    yield client
    client.close()


def test_it_takes_the_place_of_the_classic_form(any_client: Client, sid: str) -> None:
    classic = Classic(sid, any_client)
    classic.add_messages([HumanMessage("older", name="Ada"), AIMessage("yes")])
    any_client.expire(classic.key, 60)
    history = RedisChatMessageHistory(sid, any_client, 3600, "chat_history:")
    assert history.messages == classic.messages
    talk(history, 1)
    assert texts(history.messages) == ["older", "yes", "question 1", "answer 1"]
    assert texts(RedisChatMessageHistory(sid, any_client).messages) == ["older", "yes", "question 1", "answer 1"]
    assert texts(classic.messages) == ["older", "yes"]  # whoever goes back finds it
    assert any_client.ttl(classic.key) > 3500
    assert any_client.ttl(history.key) > 3500
    assert (history.ttl, history.redis_client) == (3600, any_client)
    history.clear()
    assert history.messages == classic.messages == []
    talk(classic_again := RedisChatMessageHistory(sid, any_client), 2)
    assert texts(classic_again.messages) == ["question 2", "answer 2"]


def test_nobody_elses_list_is_read(client: Client, sid: str) -> None:
    talk(RedisChatMessageHistory(sid, client), 1)
    for other in (f"{{{sid}}}", f"other-{sid}", sid.upper()):
        assert RedisChatMessageHistory(other, client).messages == []
    key = f"chat_history:{sid}"
    line = message_to_dict(HumanMessage("not his"))
    client.rpush(key, json.dumps({**line, "session_id": "somebody else"}), "no json", json.dumps(line))
    assert texts(RedisChatMessageHistory(sid, client).messages) == ["not his", "question 1", "answer 1"]
    client.delete(key)
    client.set(key, "another program's")
    history = RedisChatMessageHistory(sid, client)
    assert texts(history.messages) == ["question 1", "answer 1"]
    history.clear()
    assert client.get(key) == b"another program's"


def test_the_classic_form_is_read_by_the_async_methods(valkey: Server, client: Client, sid: str) -> None:
    Classic(sid, client).add_messages([HumanMessage("older"), AIMessage("yes")])

    async def use() -> list[BaseMessage]:
        other = await connect_async(valkey.url)
        history = history_factory(async_client=other)(sid)
        await history.aadd_messages([HumanMessage("newer"), AIMessage("yes")])
        found = await history.aget_messages()
        await history.aclear()
        assert await history.aget_messages() == []
        await other.aclose()
        return found

    assert texts(asyncio.run(use())) == ["older", "yes", "newer", "yes"]
    assert not client.exists(f"chat_history:{sid}")


def test_a_text_client_does_all_that_another_does(valkey: Server, sid: str) -> None:
    with closing(redis.Redis.from_url(valkey.url, decode_responses=True)) as client, ThreadPoolExecutor(2) as tabs:
        store = SessionStore(client, key_prefix=f"{sid}:")
        with store.turn(sid) as turn:
            waiting = tabs.submit(store.append, sid, [HumanMessage("second"), AIMessage("yes")])
            turn.commit([HumanMessage("first"), AIMessage("yes")])
        waiting.result(20)
        assert [record.turn for record in store.records(sid)] == [1, 1, 2, 2]
        assert [row.info.id for row in store.directory.page().rows] == [sid]
        assert store.directory.find(sid[:9])
        store.pin(sid)
        assert [entry.what for entry in store.audit.read()] == ["pin"]
        assert store.info(sid) is not None
        assert store.eviction() is not None


def test_the_example_runs_a_chat_through_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STATE_DIR", raising=False)
    runpy.run_path(str(PROJECT / "docs" / "examples" / "langchain_history.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert printed.count("You: ") == 2
    assert "4 messages in 2 turns" in printed
    assert (tmp_path / ".crosswire" / "redis").is_dir()  # where it was started, and nowhere else
