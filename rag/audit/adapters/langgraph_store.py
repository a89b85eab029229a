"""LangGraph's `BaseStore`: items in namespaces; here (owner, session) is a conversation, an item a message.

Source: langgraph-checkpoint 4, `langgraph/store/base`. A namespace has no order: the keys carry it.
"""

from __future__ import annotations

import uuid
from typing import Any

from rag.audit.kit.contract import Address, Said, Subject

MOST_ITEMS = 100_000
"""That are asked for at once: a search finds ten unless it is told."""


class LangGraphStore(Subject):
    interface = "LangGraph BaseStore"
    able = frozenset({"read", "clear", "list", "search", "owner", "messages", "process"})

    def __init__(self, made: Any, lane: str) -> None:
        super().__init__(made, lane)
        self.lacks = {
            "append": "items have no order: where the next one belongs is known by reading",
            "turn": "what a turn loads and keeps of a store of items is the application's",
        }

    @classmethod
    def recognises(cls, made: Any) -> bool:
        return any(
            (kind.__module__, kind.__name__) == ("langgraph.store.base", "BaseStore") for kind in type(made).__mro__
        )

    async def _call(self, name: str, *given: Any, **named: Any) -> Any:
        if self.lane == "sync":
            return getattr(self.made, name)(*given, **named)
        return await getattr(self.made, f"a{name}")(*given, **named)

    def _namespace(self, at: Address) -> tuple[str, ...]:
        return (at.owner or "somebody", at.session)

    async def _items(self, at: Address, **having: Any) -> list[Any]:
        found = await self._call("search", self._namespace(at), limit=MOST_ITEMS, **having)
        return sorted(found, key=lambda item: item.key)

    async def read(self, at: Address) -> list[Said]:
        return [(each.get("role", "?"), str(each.get("text", each))) for each in await self.kept(at)]

    async def kept(self, at: Address) -> list[Any]:
        return [item.value for item in await self._items(at)]

    async def append(self, at: Address, *said: Said) -> None:
        await self.keep(at, [{"role": role, "text": text} for role, text in said])

    async def keep(self, at: Address, messages: list[Any]) -> None:
        from langgraph.store.base import PutOp

        before = await self._items(at)
        first = f"{int(before[-1].key[:9]) + 1 if before else 0:09}-{uuid.uuid4().hex}"
        await self._call(
            "batch", [PutOp(self._namespace(at), f"{first}-{n:06}", each) for n, each in enumerate(messages)]
        )

    async def clear(self, at: Address) -> None:
        from langgraph.store.base import PutOp

        await self._call("batch", [PutOp(self._namespace(at), item.key, None) for item in await self._items(at)])

    async def listed(self, owner: str) -> list[str]:
        found = await self._call("list_namespaces", prefix=(owner or "somebody",), limit=MOST_ITEMS)
        return sorted(namespace[1] for namespace in found)

    async def search(self, at: Address, word: str, field: str = "") -> list[Said]:
        return [
            (item.value["role"], item.value["text"]) for item in await self._items(at, filter={field or "text": word})
        ]

    def samples(self) -> list[Any]:
        return [
            {"role": "user", "text": "Ünïcode 🙂\n\ttab"},
            {"role": "assistant", "text": "", "more": [1, 2.5, {"two": None}, True, []]},
            {"$eq": 7, "a.b": {"c": "dots and dollars in names"}, "": "no name"},
        ]
