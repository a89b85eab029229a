"""A compiled LangGraph graph, a chain with a history and async parts, as `package.module:name` names them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Any

from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langchain_core.runnables.history import RunnableWithMessageHistory
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from tests.crosstalk.targets.protocol_servers import pieces, told


def _answered(messages: Sequence[BaseMessage]) -> AIMessage:
    return AIMessage(told([message.text for message in messages if message.type == "human"]))


def _answer(state: MessagesState) -> dict[str, Any]:
    return {"messages": [_answered(state["messages"])]}


def _graph(name: str) -> Any:
    built = StateGraph(MessagesState)
    built.add_node(name, _answer)
    built.add_edge(START, name)
    return built.compile(checkpointer=InMemorySaver())


graph = _graph("answer")


class Forgetful:
    """Wrong: whatever the thread, it is one."""

    def __init__(self) -> None:
        self._graph = _graph("answer")

    def __call__(self, session_id: str, text: str) -> Any:
        config = {"configurable": {"thread_id": "default"}}
        return self._graph.invoke({"messages": [{"role": "user", "content": text}]}, config)


one_thread = Forgetful()
_histories: dict[str, InMemoryChatMessageHistory] = defaultdict(InMemoryChatMessageHistory)
chain = RunnableWithMessageHistory(RunnableLambda(_answered), lambda session_id: _histories[session_id])
prompted = ChatPromptTemplate.from_template("You asked: {question}") | RunnableLambda(lambda given: given.to_string())
_said: dict[str, list[str]] = defaultdict(list)


async def parts(session_id: str, text: str) -> AsyncIterator[str]:
    _said[session_id].append(text)
    for part in pieces(told(_said[session_id])):
        yield part
