"""The server goes away and comes back in the middle of a turn: what was acknowledged is there, and turns go on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import Any

from rag.audit.checks.registry import check
from rag.audit.kit.contract import Address, NotApplicable, Said, Wrong
from rag.audit.kit.expiry import beside
from rag.audit.kit.trial import Store, Trial, short
from rag.audit.kit.wire import Wire, watched

PATIENT_WITH_SERVER = 10.0
"""Seconds until a server that was stopped has to be back."""
PAUSE = 0.02


@check(
    "lasting.server-restart",
    "A restart of the server in the middle of a turn loses nothing that was acknowledged, and the next turn works.",
    why="A restarted server has forgotten the scripts, and what it held in memory alone.",
    link="https://redis.io/docs/latest/develop/programmability/eval-intro/#evalsha-and-the-script-cache",
)
async def server_restart(trial: Trial) -> None:
    at = trial.at("one")
    async with watched(trial) as (store, wire):
        store.needs("turn")
        said = await store.say("somebody", at, "before the restart")
        server = own_server(wire, trial.folder)

        async def think(text: str, _: list[Said]) -> str:
            with wire.aside():
                await restarted(server, trial.lane)
            return f"answer to {text}"

        text = "in the middle of it"
        try:
            await store.turn("somebody", at, text, think)
            said += [("user", text), ("assistant", f"answer to {text}")]
        except NotApplicable:
            raise
        except Exception as exc:  # refused: it was not acknowledged
            trial.notes.append(f"{trial.lane}: the turn in which the server went was refused: {type(exc).__name__}")
        found = await read_in_time(store, at)
        if lost := [each for each in said if each not in found]:
            raise Wrong(f"{short(lost)} was acknowledged, and after the server's restart {at} holds {short(found)}.")
        try:
            more = await store.say("somebody", at, "after it")
        except Exception as exc:
            raise Wrong(f"After the server's restart the next turn fails: {type(exc).__name__}: {exc}"[:400]) from exc
        if (then := await store.read("somebody", at)) != [*found, *more]:
            raise Wrong(
                f"The turn after the server's restart leaves {short(then)}. Expected: {short([*found, *more])}."
            )


def own_server(wire: Wire, folder: str) -> Any:
    """A client to the store's server. Raises NotApplicable unless its data lie in this folder: it is ours then."""
    links = [each.link for each in wire.sent if each.client == "redis"]
    if not links:
        raise NotApplicable("no command to a Redis is seen: what a restart of another server does is not tried")
    with wire.aside():
        client = beside(links[-1])
        try:
            found = client.config_get("dir")
        except Exception as exc:
            raise NotApplicable(f"its server does not tell whose it is: {type(exc).__name__}") from exc
    place = next(iter(found.values()), b"")
    place = os.path.realpath(os.fsdecode(place))
    if not place.startswith(os.path.realpath(folder) + os.sep):
        raise NotApplicable("its server is not the target's own: others may use it, and it is not restarted")
    return client


async def restarted(server: Any, lane: str) -> None:
    """Make it forget its scripts and end, and wait until it is back. Raises NotApplicable if it does not come back."""
    before = server.info("server")["run_id"]
    server.script_flush()
    with contextlib.suppress(Exception):  # it ends instead of answering
        server.execute_command("SHUTDOWN")
    until = time.monotonic() + PATIENT_WITH_SERVER
    while time.monotonic() < until:
        if lane == "sync":
            time.sleep(PAUSE)
        else:
            await asyncio.sleep(PAUSE)
        with contextlib.suppress(Exception):  # not yet
            if server.info("server")["run_id"] != before:
                return
    raise NotApplicable("nobody starts its server again")


async def read_in_time(store: Store, at: Address) -> list[Said]:
    """As soon as it can be read. Raises Wrong if it cannot."""
    until = time.monotonic() + PATIENT_WITH_SERVER
    while True:
        try:
            return await store.read("somebody", at)
        except Exception as exc:
            if time.monotonic() > until:
                error = f"{type(exc).__name__}: {str(exc)[:200]}"
                raise Wrong(f"After the server's restart {at} cannot be read: {error}") from exc
            await asyncio.sleep(PAUSE)
