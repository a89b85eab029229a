"""People who talk to whichever replica nginx chooses, and go back and forth between two sessions of their browser.

Each session states an order number of its own, and asks for it; in the operation log each is a user, so that what one
session says in another one of the same browser counts as mixed up, too.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from rag.crosstalk.log.events import Event, Fail, History, Info, Invoke, Message, Ok
from rag.crosstalk.run.people import order
from tests.servers import wait_for

PAUSE = 0.2
"""Seconds between two turns of a browser."""
STAYS = 4
"""Turns, after which it opens its other session."""
PATIENCE = 30.0
UNTOUCHED = frozenset({400, 403, 413, 415, 422, 429})
"""Statuses after which nothing can have been stored."""


@dataclass(slots=True)
class Seen:
    """What all of them saw. told: what they were told instead of an answer, and how often; unmended: how often somebody
    was not answered who asked again at once; strayed: how often an answer was of a session that was not open."""

    events: list[Event] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    unmended: int = 0
    strayed: int = 0
    answered: dict[str, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    ops: int = 0

    def all_answered_since(self, moment: float, names: Sequence[str]) -> bool:
        return all(self.answered.get(name, -1.0) > moment for name in names)


class Browser:
    """One cookie jar. `sessions`: the ids of its sessions by their numbers, as answers name them."""

    def __init__(self, name: str, site: str, seen: Seen) -> None:
        self.name, self.site, self.seen = name, site, seen
        self.sessions: dict[int, str] = {}
        self._orders = [order(random.SystemRandom()) for _ in range(2)]
        self._open, self._made, self._count, self._failed = 0, 1, 0, False
        self._client = httpx.Client(timeout=PATIENCE, verify=False)

    def talk(self, until: threading.Event) -> None:
        while not until.wait(PAUSE):
            self._turn()
            if self._count % STAYS == 0 and not self._failed:
                self._switch()

    def _turn(self) -> None:
        self._count += 1
        mine, user = self._orders[self._open], f"{self.name}/{self._open}"
        states = (self._count // 2) % 2 == 0
        text = f"Note {self._count}: my order is {mine}." if states else f"Question {self._count}: what is my order?"
        with self.seen.lock:
            self.seen.ops += 1
            op, now = self.seen.ops, time.monotonic()
            planted, expected = ((mine,), ()) if states else ((), (mine,))
            self.seen.events.append(Invoke(op, user, user, now, text, plants=planted, expects=expected))
        try:
            answer = self._client.post(f"{self.site}/api/chat", json={"message": text})
        except httpx.HTTPError as problem:
            self._not(Info(op, time.monotonic(), type(problem).__name__), f"no answer ({type(problem).__name__})")
            return
        if answer.status_code != 200:
            told = f"{answer.status_code} {title_of(answer)}"
            kind = Fail if answer.status_code in UNTOUCHED else Info
            self._not(kind(op, time.monotonic(), told), told)
            return
        body = answer.json()
        with self.seen.lock:
            self.seen.strayed += self.sessions.setdefault(self._open, body["session"]) != body["session"]
            self.seen.events.append(Ok(op, time.monotonic(), body["answer"]))
            self.seen.answered[self.name] = time.monotonic()
        self._failed = False

    def _not(self, event: Event | None, told: str) -> None:
        with self.seen.lock:
            if event is not None:
                self.seen.events.append(event)
            self.seen.told[told] += 1
            self.seen.unmended += self._failed
        self._failed = True

    def _switch(self) -> None:
        """To its other session; the first time, to a new one. Asked again if it was not answered."""
        path, form = ("new", {}) if self._made == 1 else ("open", {"number": str(1 - self._open)})
        try:
            answer = self._client.post(f"{self.site}/session/{path}", data=form)
        except httpx.HTTPError as problem:
            self._not(None, f"no other session ({type(problem).__name__})")
            return
        if answer.status_code != 303:
            self._not(None, f"no other session ({answer.status_code})")
            return
        self._made, self._open, self._failed = 2, 1 - self._open, False

    def look(self) -> None:
        """Read both histories, as their final states."""
        for _ in range(self._made):
            answer = self._client.get(f"{self.site}/api/history")
            messages = tuple(Message(one["role"], one["text"]) for one in answer.json()["messages"])
            user = f"{self.name}/{self._open}"
            self.seen.strayed += answer.json()["session"] != self.sessions.get(self._open)
            self.seen.events.append(History(user, time.monotonic(), messages))
            if self._made == 2:
                self._switch()

    def close(self) -> None:
        self._client.close()


def title_of(answer: httpx.Response) -> str:
    """Of a problem document, as people are told it."""
    try:
        return str(answer.json()["title"])
    except (ValueError, KeyError, TypeError):
        return "(no problem document)"


@contextmanager
def talking(site: str, count: int, seen: Seen) -> Iterator[list[str]]:
    """So many browsers talk while this lasts, from when each was answered; their histories are read at its end. Their
    names."""
    people = [Browser(f"user-{number}", site, seen) for number in range(count)]
    names, over = [one.name for one in people], threading.Event()
    threads = [threading.Thread(target=one.talk, args=(over,), daemon=True) for one in people]
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: seen.all_answered_since(0.0, names), "everybody's first answer", 60)
        yield names
    finally:
        over.set()
        for thread in threads:
            thread.join()
    for one in people:
        one.look()
        one.close()
