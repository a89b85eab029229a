"""A chat of one node, and two tabs that ask in the same thread at once: with nothing, a guard, and a turn held."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from langchain_core.messages import AIMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START, MessagesState, StateGraph
from savers import GuardedSaver, Overtaken, plain

from crosswire import AsyncSessionStore, connect_async


async def think(state: MessagesState) -> dict[str, Any]:
    await asyncio.sleep(0.05)  # as a model does
    return {"messages": [AIMessage(f"noted: {state['messages'][-1].text}")]}


def compiled(saver: BaseCheckpointSaver[Any]) -> Any:
    graph = StateGraph(MessagesState)
    graph.add_node("think", think)
    graph.add_edge(START, "think")
    return graph.compile(checkpointer=saver)


async def ask(graph: Any, thread: str, text: str) -> str:
    config = {"configurable": {"thread_id": thread}}
    state = await graph.ainvoke({"messages": [("user", text)]}, config)
    return str(state["messages"][-1].text)


async def ask_in_turn(store: AsyncSessionStore, graph: Any, thread: str, text: str) -> str:
    """The thread is held for the turn, in this process and all others."""
    async with store.turn(thread):
        return await ask(graph, thread, text)


async def kept(graph: Any, thread: str) -> list[str]:
    state = await graph.aget_state({"configurable": {"thread_id": thread}})
    return [message.text for message in state.values["messages"]]


async def two_tabs(graph: Any, store: AsyncSessionStore | None = None) -> tuple[list[str], list[str]]:
    """What was answered, and what is kept then."""
    texts = ("to Elm Street", "gift wrapped")
    calls = [ask_in_turn(store, graph, "ada", text) if store else ask(graph, "ada", text) for text in texts]
    came = await asyncio.gather(*calls, return_exceptions=True)
    for one in came:
        if isinstance(one, BaseException) and not isinstance(one, Overtaken):
            raise one
    return [one for one in came if isinstance(one, str)], await kept(graph, "ada")


async def main() -> None:
    client = await connect_async(os.environ.get("REDIS_URL", "embedded"))
    try:
        for name, saver, store in (
            ("LangGraph's saver", plain(), None),
            ("a guarded one", GuardedSaver(), None),
            ("a guarded one, and the turn is held", GuardedSaver(), AsyncSessionStore(client)),
        ):
            answered, stored = await two_tabs(compiled(saver), store)
            print(f"{name}: answered {answered}, kept {stored}")
    finally:
        await client.aclose()


if __name__ == "__main__":
    asyncio.run(main())
