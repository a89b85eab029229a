"""A planted store behind interfaces that people use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage, message_to_dict, messages_from_dict
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, Checkpoint, CheckpointMetadata, CheckpointTuple

from rag.audit.kit.contract import run_now
from tests.audit.planted.bare import bare
from tests.audit.planted.core import Core
from tests.audit.planted.store import store

MakeCore = Callable[[str, str], Core]
"""From a folder and a lane."""


class History(BaseChatMessageHistory):
    """LangChain's history: a blocking half, and an async one of its own."""

    def __init__(self, session_id: str, folder: str, core: MakeCore) -> None:
        self.session_id = session_id
        self._blocking = core(folder, "sync")
        self._async = core(folder, "async")

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]  # as the stores of langchain-community do
        return messages_from_dict(run_now(self._blocking.rows(self.session_id)))

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        run_now(self._blocking.add(self.session_id, [message_to_dict(each) for each in messages]))

    def clear(self) -> None:
        run_now(self._blocking.wipe(self.session_id))

    async def aget_messages(self) -> list[BaseMessage]:
        return messages_from_dict(await self._async.rows(self.session_id))

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        await self._async.add(self.session_id, [message_to_dict(each) for each in messages])

    async def aclear(self) -> None:
        await self._async.wipe(self.session_id)


class Session:
    """The OpenAI Agents SDK's session."""

    def __init__(self, session_id: str, folder: str, core: MakeCore) -> None:
        self.session_id = session_id
        self._core = core(folder, "async")

    async def get_items(self, limit: int | None = None) -> list[Any]:
        rows = await self._core.rows(self.session_id)
        return rows if limit is None else rows[-limit:]

    async def add_items(self, items: list[Any]) -> None:
        await self._core.add(self.session_id, items)

    async def pop_item(self) -> Any:
        rows = await self._core.rows(self.session_id)
        await self._core.replace(self.session_id, rows[:-1], len(rows))
        return rows[-1]

    async def clear_session(self) -> None:
        await self._core.wipe(self.session_id)


class Saver(BaseCheckpointSaver[int]):
    """LangGraph's saver: the messages of a thread's newest checkpoint. A write over a newer one is refused."""

    def __init__(self, folder: str, core: MakeCore) -> None:
        super().__init__()
        self._blocking = core(folder, "sync")
        self._async = core(folder, "async")

    async def _get(self, core: Core, config: RunnableConfig) -> CheckpointTuple | None:
        thread = config["configurable"]["thread_id"]
        rows = await core.rows(thread)
        if not rows:
            return None
        head = rows[0]
        messages = [row for row in rows if "checkpoint" not in row]  # what a wrong read brings has heads, too
        checkpoint: Checkpoint = head["checkpoint"]
        checkpoint["channel_values"] = {**checkpoint["channel_values"], "messages": messages_from_dict(messages)}
        at: RunnableConfig = {
            "configurable": {"thread_id": thread, "checkpoint_ns": "", "checkpoint_id": checkpoint["id"]}
        }
        return CheckpointTuple(at, checkpoint, head["metadata"], None, [])

    async def _put(
        self, core: Core, config: Any, checkpoint: Checkpoint, metadata: CheckpointMetadata
    ) -> RunnableConfig:
        thread = config["configurable"]["thread_id"]
        values = dict(checkpoint["channel_values"])
        messages = [message_to_dict(each) for each in values.pop("messages", [])]
        head = {"checkpoint": {**checkpoint, "channel_values": {}}, "metadata": dict(metadata)}
        rows = await core.rows(thread)
        if rows and core.stale(rows[0]["checkpoint"]["id"], config["configurable"].get("checkpoint_id")):
            raise RuntimeError("somebody else wrote to this thread meanwhile")
        await core.replace(thread, [head, *messages], len(rows))
        core.wrote(checkpoint["id"])
        return {"configurable": {"thread_id": thread, "checkpoint_ns": "", "checkpoint_id": checkpoint["id"]}}

    async def _list(self, core: Core, config: Any, having: Any) -> list[CheckpointTuple]:
        wanted = dict(having or {})
        injected = core.unquoted and any("') OR ('" in field for field in wanted)
        everywhere = injected or not config
        threads = await core.sessions() if everywhere else [config["configurable"]["thread_id"]]
        found = [await self._get(core, {"configurable": {"thread_id": each}}) for each in threads]
        return [
            each
            for each in found
            if each and (injected or all(each.metadata.get(key) == value for key, value in wanted.items()))
        ]

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return run_now(self._get(self._blocking, config))

    def put(self, config: RunnableConfig, checkpoint: Checkpoint, metadata: Any, new_versions: Any) -> RunnableConfig:
        return run_now(self._put(self._blocking, config, checkpoint, metadata))

    def put_writes(self, config: RunnableConfig, writes: Any, task_id: str, task_path: str = "") -> None:
        """Nothing: an unfinished step is not resumed here."""

    def list(
        self, config: Any, *, filter: Any = None, before: Any = None, limit: Any = None
    ) -> Iterator[CheckpointTuple]:
        yield from run_now(self._list(self._blocking, config, filter))

    def delete_thread(self, thread_id: str) -> None:
        run_now(self._blocking.wipe(thread_id))

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return await self._get(self._async, config)

    async def aput(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: Any, new_versions: Any
    ) -> RunnableConfig:
        return await self._put(self._async, config, checkpoint, metadata)

    async def aput_writes(self, config: RunnableConfig, writes: Any, task_id: str, task_path: str = "") -> None:
        await asyncio.sleep(0)

    async def alist(
        self, config: Any, *, filter: Any = None, before: Any = None, limit: Any = None
    ) -> AsyncIterator[CheckpointTuple]:
        for each in await self._list(self._async, config, filter):
            yield each

    async def adelete_thread(self, thread_id: str) -> None:
        await self._async.wipe(thread_id)

    def get_next_version(self, current: int | None, channel: None) -> int:
        return (current or 0) + 1


def history(core: MakeCore) -> Callable[..., Any]:
    """A factory as an audit takes it; so are the next two."""

    def make(session_id: str, folder: str) -> Any:
        return History(session_id, folder, core)

    return make


def session(core: MakeCore) -> Callable[..., Any]:
    def make(session_id: str, folder: str) -> Any:
        return Session(session_id, folder, core)

    return make


def saver(core: MakeCore) -> Callable[..., Any]:
    def make(folder: str) -> Any:
        return Saver(folder, core)

    return make


FACES: dict[str, Callable[[type[Core]], Callable[..., Any]]] = {
    "bare": bare,
    "history": history,
    "session": session,
    "saver": saver,
    "store": store,
}
"""By name; `bare` is an adapter of the tests' own."""
