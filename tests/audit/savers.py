"""Savers as they are registered for langgraph-checkpoint-conformance, which calls both FULL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from langgraph.checkpoint.conformance import checkpointer_test
from langgraph.checkpoint.memory import InMemorySaver


class OnSelf(InMemorySaver):
    """The thread is kept on the object across an await."""

    async def aget_tuple(self, config: Any) -> Any:
        self.config = config
        await asyncio.sleep(0)
        return self.get_tuple(self.config)


class Folding(InMemorySaver):
    """Threads whose ids differ in case are one."""

    def get_tuple(self, config: Any) -> Any:
        return super().get_tuple(folded(config))

    def put(self, config: Any, *given: Any) -> Any:
        return super().put(folded(config), *given)

    def put_writes(self, config: Any, *given: Any) -> Any:
        return super().put_writes(folded(config), *given)

    def list(self, config: Any, **given: Any) -> Any:
        return super().list(folded(config), **given)

    def delete_thread(self, thread_id: str) -> None:
        super().delete_thread(thread_id.lower())


def folded(config: Any) -> Any:
    if not config or "thread_id" not in config["configurable"]:
        return config
    inner = config["configurable"]
    return {**config, "configurable": {**inner, "thread_id": str(inner["thread_id"]).lower()}}


@checkpointer_test(name="OnSelf")
async def on_self() -> AsyncIterator[Any]:
    yield OnSelf()


@checkpointer_test(name="Folding", skip_capabilities={"delete_for_runs", "list"})
async def folding() -> AsyncIterator[Any]:
    yield Folding()
