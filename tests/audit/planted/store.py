"""A planted store behind LangGraph's `BaseStore`: items of owners, under prefixes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from langgraph.store.base import BaseStore, GetOp, ListNamespacesOp, PutOp, SearchItem, SearchOp

from rag.audit.kit.contract import run_now
from tests.audit.planted.core import Core, Row


class Store(BaseStore):
    """Namespaces of two parts, an owner and a session; each item is a row."""

    def __init__(self, folder: str, prefix: str, core: type[Core]) -> None:
        self._folder = folder
        self._prefix = prefix
        self._core = core

    def _at(self, lane: str, owner: str, session: str = "") -> tuple[Core, str]:
        """The file that it is in, and its id there."""
        file, id_ = self._core.place(self._prefix, owner, session)
        home = Path(self._folder, file)
        home.mkdir(exist_ok=True)
        return self._core(str(home), lane), id_

    def batch(self, ops: Iterable[Any]) -> list[Any]:
        return run_now(self._done(ops, "sync"))

    async def abatch(self, ops: Iterable[Any]) -> list[Any]:
        return await self._done(ops, "async")

    async def _done(self, ops: Iterable[Any], lane: str) -> list[Any]:
        """What each gives. What is put into one namespace is kept together."""
        found: list[Any] = []
        puts: dict[tuple[str, ...], list[PutOp]] = {}
        for op in ops:
            match op:
                case PutOp():
                    puts.setdefault(op.namespace, []).append(op)
                    found.append(None)
                case SearchOp():
                    found.append(await self._searched(op, lane))
                case ListNamespacesOp():
                    found.append(await self._listed(op, lane))
                case GetOp():
                    raise NotImplementedError("nobody gets one item here")
        for namespace, those in puts.items():
            await self._put(*self._at(lane, *namespace), those)
        return found

    async def _put(self, core: Core, session: str, puts: list[PutOp]) -> None:
        there = await core.rows(session)
        named = {op.key for op in puts}
        kept = [row for row in there if row["key"] not in named]
        new = [self._row(op) for op in puts if op.value is not None]
        if len(kept) == len(there):
            await core.add(session, new)
        elif kept or new:
            await core.replace(session, [*kept, *new], len(there))
        else:
            await core.wipe(session)

    def _row(self, op: PutOp) -> Row:
        return {"owner": op.namespace[0], "key": op.key, "value": op.value}

    async def _searched(self, op: SearchOp, lane: str) -> list[SearchItem]:
        core, session = self._at(lane, *op.namespace_prefix)
        wanted = op.filter or {}
        injected = core.unquoted and any("') OR ('" in field for field in wanted)
        rows = await self._everything(lane) if injected else await core.rows(session)
        now = datetime.now(UTC)
        return [
            SearchItem(op.namespace_prefix, row["key"], row["value"], now, now)
            for row in rows
            if injected or all(row["value"].get(field) == value for field, value in wanted.items())
        ][: op.limit]

    async def _everything(self, lane: str) -> list[Row]:
        cores = [self._core(str(each), lane) for each in Path(self._folder).iterdir()]
        return [row for core in cores for each in await core.sessions() for row in await core.rows(each)]

    async def _listed(self, op: ListNamespacesOp, lane: str) -> list[tuple[str, ...]]:
        ((_, (owner,)),) = op.match_conditions or ()
        core, _ = self._at(lane, str(owner))
        return [(str(owner), each) for each in await core.listed(str(owner))]


def store(core: type[Core]) -> Callable[..., Any]:
    """A factory as an audit takes it."""

    def make(folder: str, prefix: str = "") -> Any:
        return Store(folder, prefix, core)

    return make
