"""Mem0's `Memory` and `AsyncMemory`: memories by user and run; here what was said is kept as it is (`infer=False`).

Source: mem0ai 2, `mem0/memory/main.py`.
"""

from __future__ import annotations

import inspect
from typing import Any

from rag.audit.kit.contract import Address, Said, Subject

MOST_MEMORIES = 100_000
"""That are asked for at once: a look finds twenty unless it is told."""


class Mem0Memory(Subject):
    interface = "Mem0 Memory"
    able = frozenset({"read", "append", "clear", "search", "owner", "process"})

    def __init__(self, made: Any, lane: str) -> None:
        super().__init__(made, lane)
        self.lacks = {
            "list": "runs are not listed",
            "turn": "what a turn recalls and keeps is the application's",
            "messages": "a memory is a text",
        }

    @classmethod
    def recognises(cls, made: Any) -> bool:
        return any(kind.__name__ == "MemoryBase" and kind.__module__.startswith("mem0.") for kind in type(made).__mro__)

    async def probe(self) -> None:
        if inspect.iscoroutinefunction(self.made.add) != (self.lane == "async"):
            raise TypeError(f"this memory has no {self.lane} calls")
        await super().probe()

    async def _call(self, name: str, *given: Any, **named: Any) -> Any:
        found = getattr(self.made, name)(*given, **named)
        return await found if self.lane == "async" else found

    def _named(self, at: Address) -> dict[str, str]:
        return {"user_id": at.owner or "somebody", "run_id": at.session}

    async def read(self, at: Address) -> list[Said]:
        found = await self._call("get_all", filters=self._named(at), top_k=MOST_MEMORIES)
        return _remembered(found)

    async def append(self, at: Address, *said: Said) -> None:
        told = [{"role": role, "content": text} for role, text in said]
        await self._call("add", told, **self._named(at), infer=False)

    async def clear(self, at: Address) -> None:
        await self._call("delete_all", **self._named(at))

    async def search(self, at: Address, word: str, field: str = "") -> list[Said]:
        having = {**self._named(at), **({field: word} if field else {})}
        found = await self._call("search", word, filters=having, top_k=MOST_MEMORIES, threshold=0.0)
        return _remembered(found)


def _remembered(found: Any) -> list[Said]:
    inorder = sorted(found["results"], key=lambda each: each["created_at"])
    return [(each.get("role", "?"), each["memory"]) for each in inorder]
