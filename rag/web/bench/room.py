"""`bench room`: a room full of phones, as `streamlit run app.py` serves it; seconds from a question to its answer, and
until the wall shows whose secret was in it.

Each phone is an HTTP client that does what the phone's page does: it joins, says hello, asks, waits, and looks every
few seconds at what has changed. The presenter's wall listens meanwhile. The memory is the shared one, and the model
takes the same time for each answer.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any

import httpx
import psutil

from rag.errors import CrosswireError
from rag.web.bench.serving import APP, processor_seconds, serving

LOOK = 2.5
"""Seconds between two looks of a phone, as in its page."""
THINK = 1.0, 4.0
"""Seconds between an answer and the next question."""
WITHIN = 5.0
"""Seconds in which the wall has to show what was answered."""
KEYS = ("order", "parcel", "told", "return")


@dataclass(frozen=True, slots=True)
class Row:
    """Seconds of so many of them. cpu: how much of a core the server took meanwhile; None: it was not looked at."""

    what: str
    phones: int
    count: int
    p50: float
    p95: float
    most: float
    cpu: float | None = None


@dataclass(slots=True)
class _Phone:
    client: httpx.AsyncClient
    name: str
    chance: random.Random

    async def look(self) -> dict[str, Any]:
        return await _sent(self.client.get("state"))

    async def hello(self) -> float:
        begun = perf_counter()
        await _sent(self.client.post("hello", json={}))
        return perf_counter() - begun

    async def ask(self, wall: _Wall) -> float:
        """Seconds to the answer."""
        begun = perf_counter()
        shown = await _sent(self.client.post("ask", json={"key": self.chance.choice(KEYS)}))
        now, turn = perf_counter(), shown["turns"][-1]
        if not turn["answer"]:
            raise CrosswireError(f"{self.name} got no answer.")
        if turn["leaks"]:
            wall.expected[turn["op"]] = begun
        return now - begun


@dataclass(slots=True)
class _Wall:
    """expected: turns that it has to show, with when each was asked; seen: when it did."""

    expected: dict[int, float] = field(default_factory=dict)
    seen: dict[int, float] = field(default_factory=dict)

    async def listen(self, client: httpx.AsyncClient) -> None:
        async with client.stream("GET", "live") as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    now = perf_counter()
                    for leak in json.loads(line.removeprefix("data: ")).get("leaks", ()):
                        self.seen.setdefault(leak["op"], now)

    async def caught_up(self) -> list[float]:
        """Seconds from each question to the wall. Raises CrosswireError where it misses one."""
        until = perf_counter() + WITHIN
        while missing := self.expected.keys() - self.seen.keys():
            if perf_counter() > until:
                raise CrosswireError(f"The wall does not show {len(missing)} of {len(self.expected)} leaks.")
            await asyncio.sleep(0.02)
        return [self.seen[op] - begun for op, begun in self.expected.items()]


def run(
    folder: Path, *, phones: int = 40, seconds: float = 10.0, model: float = 0.3, progress: Callable[[str], None]
) -> list[Row]:
    """folder: scratch. seconds: of chatting. model: seconds that it takes for an answer. Raises CrosswireError."""
    progress("starting the server")
    with serving("room", APP, folder) as party:
        return asyncio.run(measured(f"http://127.0.0.1:{party.port}", party.process, phones, seconds, model, progress))


async def measured(
    site: str,
    server: psutil.Process,
    count: int,
    seconds: float,
    model: float,
    progress: Callable[[str], None],
) -> list[Row]:
    """As `run`, of a server that is there. Raises CrosswireError."""
    async with AsyncExitStack() as stack:

        async def client(path: str) -> httpx.AsyncClient:
            made = httpx.AsyncClient(base_url=f"{site}{path}", timeout=30, verify=False)  # noqa: S501 - no TLS here
            return await stack.enter_async_context(made)

        code, presenter = await _opened(await client(""), model)
        presenter.base_url = httpx.URL(f"{site}/r/{code}/")
        wall = _Wall()
        beside = [asyncio.create_task(wall.listen(presenter))]
        try:
            progress(f"{count} phones join")
            clients = [await client(f"/r/{code}/") for _ in range(count)]
            begun = perf_counter()
            people = list(await asyncio.gather(*(_joined(one, number) for number, one in enumerate(clients))))
            joined = [perf_counter() - begun]
            rows = [_row("join, all at once", count, joined)]
            rows.append(_row("hello, all at once", count, await asyncio.gather(*(one.hello() for one in people))))
            beside += [asyncio.create_task(_looks(one)) for one in people]
            progress("phones only look")
            rows.append(await _timed("look at what changed", count, server, _idle(people, min(seconds, 5.0))))
            progress("phones chat")
            rows.append(await _timed("question to answer", count, server, _chat(people, wall, seconds)))
            rows.append(_row("question to the wall", count, await wall.caught_up()))
            progress("all ask at the same instant")
            wall.expected.clear()
            rows.append(await _timed("question to answer, all at once", count, server, _burst(people, wall)))
            rows.append(_row("question to the wall, all at once", count, await wall.caught_up()))
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
        return rows


async def _opened(client: httpx.AsyncClient, model: float) -> tuple[str, httpx.AsyncClient]:
    (await client.get("/", headers={"Accept": "text/html"})).raise_for_status()
    memories = {"right": "dict-with-lock", "wrong": "shared-buffer", "begin": "shared-buffer"}
    room = await _sent(client.post("/r/-/open", json={**memories, "seconds": float(model)}))
    return room["code"], client


async def _joined(client: httpx.AsyncClient, number: int) -> _Phone:
    for path in ("", "../-/phone.js", "../-/common.js", "../-/room.css"):
        (await client.get(path or str(client.base_url).rstrip("/"))).raise_for_status()
    shown = await _sent(client.post("join", json={}))
    client.headers["Authorization"] = f"Bearer {shown['token']}"
    return _Phone(client, shown["you"]["name"], random.Random(number))  # noqa: S311 - it has to be reproducible


async def _looks(phone: _Phone) -> None:
    await asyncio.sleep(phone.chance.uniform(0, LOOK))
    while True:
        await phone.look()
        await asyncio.sleep(LOOK)


async def _idle(people: Sequence[_Phone], seconds: float) -> list[float]:
    """How long a look takes while nobody asks."""
    times: list[float] = []
    until = perf_counter() + seconds
    while perf_counter() < until:
        begun = perf_counter()
        await people[len(times) % len(people)].look()
        times.append(perf_counter() - begun)
        await asyncio.sleep(LOOK / len(people))
    return times


async def _chat(people: Sequence[_Phone], wall: _Wall, seconds: float) -> list[float]:
    until = perf_counter() + seconds

    async def one(phone: _Phone) -> list[float]:
        times = []
        await asyncio.sleep(phone.chance.uniform(0, THINK[1]))
        while perf_counter() < until:
            times.append(await phone.ask(wall))
            await asyncio.sleep(phone.chance.uniform(*THINK))
        return times

    return [time for times in await asyncio.gather(*map(one, people)) for time in times]


async def _burst(people: Sequence[_Phone], wall: _Wall) -> list[float]:
    return list(await asyncio.gather(*(phone.ask(wall) for phone in people)))


async def _timed(what: str, phones: int, server: psutil.Process, doing: Awaitable[list[float]]) -> Row:
    begun, before = perf_counter(), processor_seconds(server)
    times = await doing
    return _row(what, phones, times, (processor_seconds(server) - before) / (perf_counter() - begun))


def _row(what: str, phones: int, times: Sequence[float], cpu: float | None = None) -> Row:
    if not times:
        raise CrosswireError(f"Nothing was measured: {what}. Let it chat for longer (--seconds).")
    many = quantiles([*times, times[0]], n=100, method="inclusive")
    return Row(what, phones, len(times), many[49], many[94], max(times), cpu)


async def _sent(answer: Awaitable[httpx.Response]) -> dict[str, Any]:
    """Raises CrosswireError for anything but success."""
    found = await answer
    if not found.is_success:
        raise CrosswireError(f"{found.request.url.path}: status {found.status_code}, {found.text[:200]}")
    values: dict[str, Any] = found.json()
    return values
