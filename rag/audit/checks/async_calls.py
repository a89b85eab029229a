"""Async is async: while a store waits, the event loop serves others."""

from __future__ import annotations

import threading
from collections.abc import Coroutine
from typing import Any

from rag.audit.checks.registry import check
from rag.audit.kit.awaits import count_awaits
from rag.audit.kit.contract import CannotTell, Wrong
from rag.audit.kit.trial import Trial
from rag.audit.kit.wire import watched

_WHY = "A blocking client in an async method stops every other user of the process for as long as the server takes."


@check("async.not-blocking", "An async call gives the event loop back while it waits.", why=_WHY, lanes=("async",))
async def not_blocking(trial: Trial) -> None:
    async with watched(trial) as (store, wire):
        at, here = trial.at("one"), threading.get_ident()

        async def tried(what: str, call: Coroutine[Any, Any, Any]) -> bool:
            """Whether something shows that the call went anywhere."""
            wire.sent.clear()
            wire.opened.clear()
            awaits, came = await count_awaits(call)
            if isinstance(came, Exception):
                raise came
            mine = [each for each in wire.sent if each.thread == here]
            files = [thread for thread, _ in wire.opened if thread == here]
            if not awaits and (mine or files):
                did = f"sends {mine[0].client}'s {mine[0].what}" if mine else "opens a file"
                raise Wrong(f"{what} {did} in the event loop's own thread, and never gives the loop back.")
            blocked = [each for each in mine if each.client == "sqlite3"]
            if blocked:
                trial.notes.append(
                    f"{what}: gives the loop back {awaits} times; {len(blocked)} statements of sqlite3, which is "
                    f"blocking, ran in the loop's thread between"
                )
            return bool(awaits or wire.sent or wire.opened)

        await store.say("somebody", at, "the first")
        went = [
            await tried("Adding a turn", store.say("somebody", at, "the second")),
            await tried("Reading", store.read("somebody", at)),
        ]
        if any(went):
            return
        store.used.clear()  # it has to be there when the store is opened again
    async with trial.store() as again:
        again.used.add(at)
        if await again.read("somebody", at):
            raise CannotTell(
                "Its calls never give the loop back, and what they send is not seen: a client would tell whose "
                "commands can be (redis-py, valkey-py, sqlite3, psycopg, SQLAlchemy)."
            )
    trial.notes.append("nothing is sent and no file is opened: it keeps conversations in memory")
