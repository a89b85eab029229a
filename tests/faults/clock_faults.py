"""Clocks that jump while users talk. Nobody's steady clock does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from email.utils import parsedate_to_datetime

import httpx

from tests.faults.clocks import CACHE_SECONDS
from tests.faults.fault import Fault, noticed
from tests.faults.world import World

AWAY = "told the wrong time"
NEAR = 30
"""Seconds."""
DAY = 24 * 3600


def _app_time(world: World) -> float:
    answer = httpx.get(f"{world.apps[0].url}/healthz", timeout=30, verify=False)
    return parsedate_to_datetime(answer.headers["Date"]).timestamp()


def _redis_time(world: World) -> float:
    with world.server.client() as client:
        return float(client.time()[0])


def _jump(name: str, seconds: int, asked: Callable[[World], float]) -> Callable[[World], AbstractContextManager[None]]:
    @contextmanager
    def make(world: World) -> Iterator[None]:
        assert world.clocks is not None
        world.clocks.set(name, seconds)
        yield
        world.noticed[AWAY] += abs(asked(world) - time.time() - seconds) < NEAR
        world.clocks.set(name, 0)
        time.sleep(CACHE_SECONDS)

    return make


FAULTS = (
    Fault("the application's clock a day ahead, and back", "clock", _jump("app", DAY, _app_time), noticed(AWAY)),
    Fault("the application's clock a day behind, and back", "clock", _jump("app", -DAY, _app_time), noticed(AWAY)),
    Fault("Redis' clock ten minutes ahead, and back", "clock", _jump("redis", 600, _redis_time), noticed(AWAY)),
    Fault("Redis' clock half an hour behind, and back", "clock", _jump("redis", -1800, _redis_time), noticed(AWAY)),
    Fault(
        "Redis' clock a day ahead, past every session's time to live, and back",
        "clock",
        _jump("redis", DAY, _redis_time),
        noticed(AWAY),
        forgets=True,
    ),
)
