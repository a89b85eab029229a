"""Inside LangChain's RunnableWithMessageHistory, with both kinds of input it knows."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langchain_core.runnables.history import RunnableWithMessageHistory

from rag.sessions import RedisChatMessageHistory
from rag.sessions.connect import Client

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
