"""Python's garbage collector, kept from stopping everybody.

It looks now and then through every object there is, and no thread does anything meanwhile: 100 ms with some thousands
of remembered histories, every few seconds under load. So what it has looked through is set aside (`gc.freeze`): it then
looks through what is new, 10 to 20 ms. What is set aside goes as ever when nothing refers to it; only a circle of
objects that refer to each other stays, until a quiet moment in which all is looked through.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any

EVERY = 5.0
"""Seconds between two times that something is set aside: what is just then in use, and in a circle, stays with it."""
WHOLE = 300.0
"""Seconds between two quiet moments in which all is looked through."""
_TICK = 0.05


class _SetAside:
    """Of one process. `any`: whether there is something beside what `settle` set aside."""

    def __init__(self) -> None:
        self.any = False
        self._at = monotonic()

    def looked_through(self, phase: str, info: dict[str, Any]) -> None:
        """Called by the collector."""
        if phase == "stop" and info["generation"] == 2 and monotonic() - self._at > EVERY:
            gc.freeze()
            self.any, self._at = True, monotonic()


_SET_ASIDE = _SetAside()


def settle() -> None:
    """What is loaded by now is set aside."""
    gc.collect()
    gc.freeze()
    gc.enable()  # app.py loads without it
    _SET_ASIDE.any = False


def collect_all() -> bool:
    """All is looked through, which takes as long as at the start; False if nothing new was set aside since then."""
    if not _SET_ASIDE.any:
        return False
    gc.unfreeze()
    settle()
    return True


async def collect_forever(busy: Callable[[], bool], every: float = WHOLE) -> None:
    """Set aside what is looked through, and look through all of it in moments in which nothing is under way; where
    there is none for as long again, in any."""
    gc.callbacks.append(_SET_ASIDE.looked_through)
    try:
        while True:
            await asyncio.sleep(every)
            with suppress(TimeoutError):
                async with asyncio.timeout(every):
                    while busy():
                        await asyncio.sleep(_TICK)
            collect_all()
    finally:
        gc.callbacks.remove(_SET_ASIDE.looked_through)
