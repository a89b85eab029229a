"""LangGraph's `BaseCheckpointSaver`: bare, and as users run it, through a compiled graph.

Source: langgraph-checkpoint 4, `langgraph/checkpoint/base`; the owner has no place in it but the thread id.
"""

from __future__ import annotations

from typing import Any

from rag.audit.adapters.langchain_messages import message_of, message_samples, said_of
from rag.audit.kit.contract import Address, Said, Subject, Think, run_now


class LangGraphSaver(Subject):
    interface = "LangGraph BaseCheckpointSaver"
    able = frozenset({"read", "clear", "list", "search", "turn", "messages", "process"})

    def __init__(self, made: Any, lane: str) -> None:
        super().__init__(made, lane)
        self.lacks = {
            "append": "a checkpoint is written whole: adding to one is the graph's read and write",
            "owner": "a checkpoint knows a thread, and no owner",
        }

    @classmethod
    def recognises(cls, made: Any) -> bool:
        return any(kind.__name__ == "BaseCheckpointSaver" for kind in type(made).__mro__)

    async def _call(self, name: str, *given: Any, **named: Any) -> Any:
        if self.lane == "sync":
            return getattr(self.made, name)(*given, **named)
        return await getattr(self.made, f"a{name}")(*given, **named)

    def _config(self, at: Address) -> Any:
        return {"configurable": {"thread_id": at.session, "checkpoint_ns": ""}}

    async def _values(self, at: Address) -> tuple[Any, list[Any]]:
        found = await self._call("get_tuple", self._config(at))
        return found, list(found.checkpoint["channel_values"].get("messages", [])) if found else []

    async def read(self, at: Address) -> list[Said]:
        return [said_of(each) for each in (await self._values(at))[1]]

    async def append(self, at: Address, *said: Said) -> None:
        await self.keep(at, [message_of(each) for each in said])

    async def keep(self, at: Address, messages: list[Any]) -> None:
        from langgraph.checkpoint.base import empty_checkpoint

        found, before = await self._values(at)
        checkpoint = empty_checkpoint()
        version = (found.checkpoint["channel_versions"].get("messages") if found else None) or None
        version = self.made.get_next_version(version, None)
        checkpoint["channel_values"] = {"messages": [*before, *messages]}
        checkpoint["channel_versions"] = {"messages": version}
        config = found.config if found else self._config(at)
        metadata = {"source": "loop", "step": len(before), "parents": {}, "said_in": at.session}
        await self._call("put", config, checkpoint, metadata, {"messages": version})

    async def kept(self, at: Address) -> list[Any]:
        return (await self._values(at))[1]

    async def clear(self, at: Address) -> None:
        await self._call("delete_thread", at.session)

    async def listed(self, owner: str) -> list[str]:  # noqa: ARG002  # it knows no owner
        return sorted({each.config["configurable"]["thread_id"] for each in await self._tuples(None, None)})

    async def search(self, at: Address, word: str, field: str = "") -> list[Said]:
        found = await self._tuples(self._config(at), {field or "said_in": word})
        return [said_of(each) for one in found for each in one.checkpoint["channel_values"].get("messages", [])]

    async def _tuples(self, config: Any, having: dict[str, Any] | None) -> list[Any]:
        if self.lane == "sync":
            return list(self.made.list(config, filter=having))
        return [each async for each in self.made.alist(config, filter=having)]

    async def turn(self, at: Address, text: str, think: Think) -> str:
        from langgraph.graph import START, MessagesState, StateGraph

        async def answer(state: Any) -> Any:
            *before, question = [said_of(each) for each in state["messages"]]
            return {"messages": [message_of(("assistant", await think(question[1], before)))]}

        def answer_now(state: Any) -> Any:
            return run_now(answer(state))

        graph: Any = StateGraph(MessagesState)
        graph.add_node("model", answer if self.lane == "async" else answer_now)
        graph.add_edge(START, "model")
        compiled = graph.compile(checkpointer=self.made)
        config = {"configurable": {"thread_id": at.session}}
        asked = {"messages": [message_of(("user", text))]}
        done = compiled.invoke(asked, config) if self.lane == "sync" else await compiled.ainvoke(asked, config)
        return str(done["messages"][-1].content)

    def samples(self) -> list[Any]:
        return message_samples()
