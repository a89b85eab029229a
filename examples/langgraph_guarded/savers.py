"""LangGraph's saver, and one that writes a checkpoint only right behind the one that its turn began with."""

from __future__ import annotations

import threading
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.memory import InMemorySaver


class Overtaken(Exception):
    """Another turn of this thread was first. Nothing was written: ask again."""


class GuardedSaver(InMemorySaver):
    """The same can be had of any saver whose store can write on a condition."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        place: dict[str, Any] = config["configurable"]
        thread: dict[str, Any] = {name: place[name] for name in ("thread_id", "checkpoint_ns") if name in place}
        with self._lock:
            newest = self.get_tuple({"configurable": thread})
            if newest is not None and newest.checkpoint["id"] != place.get("checkpoint_id"):
                raise Overtaken(f"thread {place['thread_id']!r}: another turn was first, ask again")
            return super().put(config, checkpoint, metadata, new_versions)


def plain() -> InMemorySaver:
    return InMemorySaver()


def guarded() -> GuardedSaver:
    return GuardedSaver()
