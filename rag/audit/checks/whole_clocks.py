"""Clocks that stand still or go back: the order of a conversation does not stand on them."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path

from rag.audit.checks.registry import check
from rag.audit.checks.whole_appends import keeps_order
from rag.audit.kit.clocks import Clock, clock_set
from rag.audit.kit.contract import CannotTell, NotApplicable, Wrong
from rag.audit.kit.trial import Trial

TICKS = 12
"""Turns that are added while a clock is wrong."""


async def orders_under(trial: Trial, what: str, passes: Callable[[Clock], None]) -> None:
    async with trial.store() as store:
        store.needs("read")
        try:
            await keeps_order(store, "clock-runs", TICKS)
        except Wrong as exc:
            raise NotApplicable(f"it does not keep the order under a clock that runs either: {exc}") from exc
        with clock_set(time.time()) as clock:
            try:
                await keeps_order(store, "clock-wrong", TICKS, lambda: passes(clock))
            except Wrong as exc:
                raise Wrong(f"While the clock {what}: {exc}") from exc
        if not clock.told and not keeps_outside(trial.folder):
            raise NotApplicable("it asks no clock, and keeps nothing outside this process")
    if not clock.told:
        raise CannotTell(
            "It keeps the order, and asks no clock of this process: one of its server's or of a C library cannot be "
            "set from here. Set that one to tell."
        )
    trial.notes.append(f"{trial.lane}: the clock {what} for {', '.join(sorted(clock.told))}")


def keeps_outside(folder: str) -> bool:
    """Whether there is a file in the store's folder, or a connection to something that may have a clock of its own."""
    if any(Path(folder).iterdir()):
        return True
    for number in map(int, os.listdir("/dev/fd")):  # noqa: PTH208  # names alone
        with contextlib.suppress(OSError):  # closed meanwhile, or connected to nothing
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                with socket.socket(fileno=os.dup(number)) as one:
                    if one.getpeername():  # of a pair within this process it is empty
                        return True
    return False


@check("whole.equal-stamps", "A clock that stands still changes no order.", why="Stamps of one tick are equal.")
async def equal_stamps(trial: Trial) -> None:
    def stands(_: Clock) -> None:
        """It tells the same."""

    await orders_under(trial, "stands still", stands)


@check("whole.clock-back", "A clock that goes back changes no order.", why="Clocks are set, and machines' differ.")
async def clock_back(trial: Trial) -> None:
    def back(clock: Clock) -> None:
        clock.now -= 60

    await orders_under(trial, "goes back", back)
