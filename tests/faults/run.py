"""One fault, made while users talk: before it, while it lasts, and until every one of them was answered again."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Self

from tests.faults.fault import Fault
from tests.faults.people.browsers import Chromium, Visitor
from tests.faults.people.talking import BESIDE_PAGES, PAUSE, Log, Person, User
from tests.faults.people.uploading import MISSED, Uploader
from tests.faults.verdict import Verdict, judge
from tests.faults.world import World
from tests.servers import wait_for

QUIET = 1.0
"""Seconds of talk before the fault, and after all are well again."""
BEGIN = 180.0
"""Seconds for everybody's first answer, on a machine that others use."""
RECOVERY = 60.0
"""Seconds after which somebody who is still not answered has not recovered."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """shown: not unless the fault was seen to happen, and users' own order numbers in their answers.

    signs: how often the fault's own sign was seen. missed: documents that another replica did not find. recovered:
    seconds from its end until everybody who uses the API was answered again, and everybody with a page (0: nobody);
    None: somebody was not. answered_meanwhile: turns that were acknowledged while it lasted. told, read: by users of
    the API, and on pages."""

    fault: Fault
    signs: int
    missed: int
    verdict: Verdict
    told: Counter[str]
    read: Counter[str]
    answered_meanwhile: int
    recovered: tuple[float, float] | None

    @property
    def shown(self) -> bool:
        return self.signs > 0 and self.verdict.recalled > 0

    @property
    def held(self) -> bool:
        if self.missed and not self.fault.forgets_uploads:
            return False
        return self.shown and self.recovered is not None and not self.verdict.broken(forgets=self.fault.forgets)


class Crowd:
    """Who talks in a world, through one fault after the other. users: of the API; visitors: those with a page, which
    `chromium` draws."""

    def __init__(
        self, world: World, users: int, chromium: Chromium | None = None, visitors: int = 0, like: Fault | None = None
    ) -> None:
        """like: where they go, and what they do there."""
        sites = world.sticky if like and like.sticky else world.sites
        pause = BESIDE_PAGES if visitors else PAUSE
        clients = [User(f"user-{number}", sites, pause) for number in range(users)]
        self.people: list[Person] = [*clients]
        if chromium is not None and like and like.uploads:
            self.people += [
                Uploader(f"page-{number}", world.apps[number % max(1, len(world.apps) - 1)].url, world, chromium)
                for number in range(visitors)
            ]
        elif chromium is not None:
            places = [sites[number % len(sites)] for number in range(visitors)]
            self.people += [Visitor(f"page-{number}", site, sites, chromium) for number, site in enumerate(places)]
        self.names = {one.name for one in self.people}
        self.of_api = {one.name for one in clients}

    @contextmanager
    def talking(self, log: Log) -> Iterator[None]:
        """Everybody talks while it lasts, from an empty history on, and what is stored is read after it."""
        over = threading.Event()
        with ThreadPoolExecutor(len(self.people)) as threads:
            for one in self.people:
                wait_for(partial(one.begin, log), "a cleared history", RECOVERY)
            talks = [threads.submit(one.talk, over) for one in self.people]
            try:
                yield
            finally:
                over.set()
            for talk in talks:
                talk.result()
            for one in self.people:
                one.look()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self.people:
            one.close()


def run(fault: Fault, world: World, crowd: Crowd, seconds: float | None = None) -> Outcome:
    """seconds: how long the fault lasts, and at most how long all is quiet before it and afterwards."""
    log, names = Log(), crowd.names
    lasts = fault.seconds if seconds is None else seconds
    quiet = QUIET if seconds is None else min(QUIET, seconds)
    with crowd.talking(log):
        wait_for(lambda: _answered(log, 0.0).keys() == names, "everybody's first answer", BEGIN)
        time.sleep(quiet)
        signs, missed = fault.sign.count(world), world.noticed[MISSED]
        began = time.monotonic()
        with fault.make(world):
            time.sleep(lasts)
        ended = time.monotonic()
        answered = _everybody(log, ended, names)
        signs = fault.sign.count(world) - signs
        time.sleep(quiet)
    meanwhile = sum(began <= at < ended for _, at in log.answered)
    recovered = None
    if answered is not None:
        recovered = _last(answered, crowd.of_api, ended), _last(answered, names - crowd.of_api, ended)
    return Outcome(
        fault, signs, world.noticed[MISSED] - missed, judge(log.events), log.told, log.read, meanwhile, recovered
    )


def _everybody(log: Log, since: float, names: set[str]) -> dict[str, float] | None:
    """When each was answered first since then; None: somebody was not."""
    while time.monotonic() - since < RECOVERY:
        if (found := _answered(log, since)).keys() == names:
            return found
        time.sleep(0.02)
    return None


def _answered(log: Log, since: float) -> dict[str, float]:
    found: dict[str, float] = {}
    for user, at in tuple(log.answered):
        if at >= since:
            found.setdefault(user, at)
    return found


def _last(times: dict[str, float], names: Iterable[str], since: float) -> float:
    return max((times[name] - since for name in names), default=0.0)
