"""Thousands of turns that one event loop holds at once: kept while they last, by few round trips."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, closing, suppress

import pytest
from langchain_core.messages import HumanMessage

from rag.errors import TurnLost
from rag.sessions import AsyncSessionStore, connect, connect_async
from rag.sessions.connection.connect import Client
from rag.sessions.ids import SessionId
from rag.sessions.turns.lease import AsyncHeartbeat
from tests.servers import Cluster, Server

MANY, LEASE, INTERVALS = 300, 1.5, 6


@pytest.mark.parametrize("server", ["valkey", "cluster"])
def test_turns_are_kept_for_longer_than_their_lease(request: pytest.FixtureRequest, server: str, sid: str) -> None:
    where: Server | Cluster = request.getfixturevalue(server)
    many = MANY if server == "valkey" else 30
    sessions = [f"{sid}-{number}" for number in range(many)]

    async def hold(look: Client) -> int:
        client = await connect_async(where.url)
        store = AsyncSessionStore(client, lease=LEASE)
        async with AsyncExitStack() as held:
            turns = [await held.enter_async_context(store.turn(session)) for session in sessions]
            before = int(look.info("stats")["total_reads_processed"])
            for number in range(INTERVALS):
                await asyncio.sleep(LEASE / 3)
                if number == 1:
                    look.script_flush()  # each is asked for again, in full
                if number == 2:
                    await store.clear(sessions[0])
            trips = int(look.info("stats")["total_reads_processed"]) - before
            for turn in turns[1:]:
                await turn.commit([HumanMessage("hello")])
            with pytest.raises(TurnLost):
                await turns[0].commit([HumanMessage("hello")])
        counts = [len(await store.messages(session)) for session in sessions]
        assert counts == [0] + [1] * (many - 1)
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        async with asyncio.timeout(10):  # nothing is left to renew; what was told to end may still wait for its reply
            await asyncio.gather(*left, return_exceptions=True)
        await client.aclose()
        return trips

    with closing(connect(where.url)) as look:
        trips = asyncio.run(hold(look))
    if server == "valkey":
        # Each alone would be five rounds of 300; one of them was, as the scripts were gone.
        assert trips < 2.5 * MANY


async def test_a_heartbeat_ends_where_its_cancellation_is_swallowed() -> None:
    asked = asyncio.Event()

    async def renew(_: object) -> list[bool | None]:
        asked.set()
        with suppress(asyncio.CancelledError):  # as a client library may, in the middle of a command
            await asyncio.sleep(60)
        return [True]

    heartbeat = AsyncHeartbeat(renew, 0.01)
    heartbeat.hold(SessionId("a"), "token")
    await asked.wait()
    heartbeat.drop("token")
    async with asyncio.timeout(10):
        while len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0.01)
