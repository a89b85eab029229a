"""Crosswire's `SessionStore` and `AsyncSessionStore`: turns that are begun and committed, in a lane each."""

from __future__ import annotations

import inspect
from typing import Any

from rag.audit.adapters.langchain_messages import message_of, message_samples, said_of
from rag.audit.kit.contract import Address, Said, Subject, Think


class CrosswireStore(Subject):
    interface = "Crosswire SessionStore"
    able = frozenset({"read", "append", "clear", "list", "turn", "messages", "process"})

    def __init__(self, made: Any, lane: str) -> None:
        super().__init__(made, lane)
        self.lacks = {
            "owner": "a session has an id, and no owner",
            "search": "what is in a conversation is not searched",
        }

    @classmethod
    def recognises(cls, made: Any) -> bool:
        return any(kind.__name__ in ("TurnStore", "AsyncTurnStore") for kind in type(made).__mro__)

    async def probe(self) -> None:
        found = self.made.ping()
        if inspect.isawaitable(found):
            await found
        if inspect.isawaitable(found) != (self.lane == "async"):
            raise TypeError(f"this store has no {self.lane} calls")

    async def _done(self, found: Any) -> Any:
        return await found if self.lane == "async" else found

    async def read(self, at: Address) -> list[Said]:
        return [said_of(each) for each in await self.kept(at)]

    async def kept(self, at: Address) -> list[Any]:
        return list(await self._done(self.made.messages(at.session)))

    async def append(self, at: Address, *said: Said) -> None:
        await self.keep(at, [message_of(each) for each in said])

    async def keep(self, at: Address, messages: list[Any]) -> None:
        await self._done(self.made.append(at.session, messages))

    async def clear(self, at: Address) -> None:
        await self._done(self.made.clear(at.session))

    async def listed(self, owner: str) -> list[str]:  # noqa: ARG002  # it knows no owner
        found: list[str] = []
        while True:
            page = await self._done(self.made.directory.page(len(found), 500))
            found += [row.info.id for row in page.rows]
            if not page.rows or len(found) >= page.total:
                return sorted(found)

    async def turn(self, at: Address, text: str, think: Think) -> str:
        if self.lane == "sync":
            with self.made.turn(at.session) as turn:
                answer = await self._thought(turn, text, think)
                turn.commit([message_of(("user", text)), message_of(("assistant", answer))])
        else:
            async with self.made.turn(at.session) as turn:
                answer = await self._thought(turn, text, think)
                await turn.commit([message_of(("user", text)), message_of(("assistant", answer))])
        return answer

    async def _thought(self, turn: Any, text: str, think: Think) -> str:
        return await think(text, [said_of(each) for each in turn.messages])

    def samples(self) -> list[Any]:
        return message_samples()
