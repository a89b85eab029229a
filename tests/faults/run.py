"""One fault, made while users talk: before it, while it lasts, and until every one of them was answered again."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass

from tests.faults.fault import Fault
from tests.faults.talking import Log, User
from tests.faults.verdict import Verdict, judge
from tests.faults.world import World
from tests.servers import wait_for

QUIET = 1.5
"""Seconds of talk before the fault, and after all are well again."""
RECOVERY = 60.0
"""Seconds after which somebody who is still not answered has not recovered."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """recovered: seconds from the fault's end until everybody was answered again; None: somebody was not.
    answered_meanwhile: turns that were acknowledged while it lasted. seen: what visitors were told, and how often."""

    fault: Fault
    verdict: Verdict
    seen: Counter[str]
    answered_meanwhile: int
    recovered: float | None

    @property
    def held(self) -> bool:
        return self.recovered is not None and not self.verdict.broken(forgets=self.fault.forgets)


def run(fault: Fault, world: World, users: int = 10, seconds: float | None = None) -> Outcome:
    log, over = Log(), threading.Event()
    people = [User(f"user-{number}", world.sites, log) for number in range(users)]
    threads = [threading.Thread(target=one.talk, args=(over,), daemon=True) for one in people]
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: _answered_since(log, 0.0) == users, "everybody's first answer", RECOVERY)
        time.sleep(QUIET)
        began = time.monotonic()
        with fault.make(world):
            time.sleep(fault.seconds if seconds is None else seconds)
        ended = time.monotonic()
        recovered = _recovery(log, ended, users)
        time.sleep(QUIET)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    for one in people:
        one.look()
        one.close()
    meanwhile = sum(began <= at < ended for _, at in log.answered)
    return Outcome(fault, judge(log.events), log.seen, meanwhile, recovered)


def _recovery(log: Log, since: float, users: int) -> float | None:
    while time.monotonic() - since < RECOVERY:
        if _answered_since(log, since) == users:
            first: dict[str, float] = {}
            for user, at in tuple(log.answered):
                if at >= since:
                    first.setdefault(user, at)
            return max(first.values()) - since
        time.sleep(0.02)
    return None


def _answered_since(log: Log, since: float) -> int:
    return len({user for user, at in tuple(log.answered) if at >= since})
