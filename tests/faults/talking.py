"""Users with cookie jars who talk to whichever replica comes next, and the operation log of what they saw."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from rag.crosstalk.log.events import Event, Fail, History, Info, Invoke, Message, Ok
from rag.crosstalk.run.people import order

PAUSE = 0.05
"""Seconds between two turns of a user."""
PATIENCE = 30.0
"""Seconds for one answer."""
UNTOUCHED = frozenset({400, 403, 413, 415, 422, 429})
"""Statuses after which nothing can have been stored."""


@dataclass(slots=True)
class Log:
    """Thread-safe. seen: what visitors were told instead of an answer, and how often. answered: user, time."""

    events: list[Event] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    answered: list[tuple[str, float]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ops: int = 0

    def invoke(self, user: str, text: str, plants: tuple[str, ...], expects: tuple[str, ...]) -> int:
        with self._lock:
            self._ops += 1
            now = time.monotonic()
            self.events.append(Invoke(self._ops, user, user, now, text, plants=plants, expects=expects))
            return self._ops

    def add(self, event: Event, told: str = "") -> None:
        with self._lock:
            self.events.append(event)
            if told:
                self.seen[told] += 1

    def ok(self, op: int, user: str, answer: str) -> None:
        with self._lock:
            now = time.monotonic()
            self.events.append(Ok(op, now, answer))
            self.answered.append((user, now))


class User:
    """A browser. order: a canary that it alone knows."""

    def __init__(self, name: str, sites: Sequence[str], log: Log) -> None:
        self.name, self.sites, self.log = name, sites, log
        self.order = order(random.SystemRandom())
        self._client = httpx.Client(timeout=PATIENCE, verify=False)
        self._count = 0

    def talk(self, until: threading.Event) -> None:
        while not until.is_set():
            self.turn()
            until.wait(PAUSE)

    def turn(self) -> bool:
        """Whether it was answered."""
        self._count += 1
        number = self._count
        plants: tuple[str, ...] = ()
        expects: tuple[str, ...] = ()
        if number % 2:
            text, plants = f"Note {number}: my order is {self.order}.", (self.order,)
        else:
            text, expects = f"Question {number}: what is my order number?", (self.order,)
        op = self.log.invoke(self.name, text, plants, expects)
        try:
            site = self.sites[number % len(self.sites)]
            answer = self._client.post(f"{site}/api/chat", json={"message": text})
        except httpx.HTTPError as problem:
            self.log.add(Info(op, time.monotonic(), type(problem).__name__), f"no answer ({type(problem).__name__})")
            return False
        if answer.status_code == 200:
            self.log.ok(op, self.name, answer.json()["answer"])
            return True
        kind = Fail if answer.status_code in UNTOUCHED else Info
        told = f"{answer.status_code} {_title(answer)}"
        self.log.add(kind(op, time.monotonic(), told), told)
        return False

    def look(self) -> bool:
        """Read the history into the log, as its final state. Whether it could be read."""
        for site in self.sites:
            try:
                answer = self._client.get(f"{site}/api/history")
            except httpx.HTTPError:
                continue
            if answer.status_code == 200:
                found = answer.json()["messages"]
                messages = tuple(Message(one["role"], one["text"]) for one in found)
                self.log.add(History(self.name, time.monotonic(), messages))
                return True
        return False

    def close(self) -> None:
        self._client.close()


def _title(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["title"])
    except (ValueError, KeyError, TypeError):
        return "(no problem document)"
