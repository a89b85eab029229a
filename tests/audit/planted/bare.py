"""A planted store as it is, by an adapter of the tests' own: for faults that no interface's own turn can have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rag.audit.kit.contract import Address, Said, Subject, Think
from tests.audit.planted.core import Core, Row


class Bare(Subject):
    interface = "a planted store"
    able = frozenset({"read", "append", "clear", "list", "search", "turn", "process"})

    @classmethod
    def recognises(cls, made: Any) -> bool:
        return isinstance(made, Both)

    @property
    def core(self) -> Core:
        return self.made.lanes[self.lane]  # type: ignore[no-any-return]  # made is Any

    def audited(self) -> list[Any]:
        return [self.core]

    async def read(self, at: Address) -> list[Said]:
        return [said(row) for row in await self.core.rows(at.session)]

    async def append(self, at: Address, *said: Said) -> None:
        await self.core.add(at.session, [{"role": role, "text": text} for role, text in said])

    async def clear(self, at: Address) -> None:
        await self.core.wipe(at.session)

    async def listed(self, owner: str) -> list[str]:  # it knows no owner
        return await self.core.sessions()

    async def search(self, at: Address, word: str, field: str = "") -> list[Said]:  # it has no fields
        return [said(row) for row in await self.core.found(at.session, word)]

    async def turn(self, at: Address, text: str, think: Think) -> str:
        async def thought(before: list[Row]) -> Row:
            return {"role": "assistant", "text": await think(text, [said(row) for row in before])}

        return str((await self.core.turn(at.session, {"role": "user", "text": text}, thought))["text"])


class Both:
    """A core for each lane."""

    def __init__(self, folder: str, core: Callable[[str, str], Core]) -> None:
        self.lanes = {lane: core(folder, lane) for lane in ("sync", "async")}


def said(row: Row) -> Said:
    return row["role"], row["text"]


def bare(core: Callable[[str, str], Core]) -> Callable[..., Any]:
    """A factory as an audit takes it."""

    def make(folder: str) -> Any:
        return Both(folder, core)

    return make
