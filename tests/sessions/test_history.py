"""Inside LangChain's RunnableWithMessageHistory, with both kinds of input it knows; and made anew for each call."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any, cast
from weakref import ref

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langchain_core.runnables.history import RunnableWithMessageHistory

from rag.sessions import AsyncSessionStore, RedisChatMessageHistory, SessionStore, connect, connect_async
from rag.sessions.connection.connect import Client
from rag.sessions.ids import SessionId
from rag.sessions.protocol.keys import Keys
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
            wait_for(lambda: listening(client) == before + 1, "one listens")


def listening(client: Client) -> int:
    return sum(one["sub"] != "0" for one in client.client_list())


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
