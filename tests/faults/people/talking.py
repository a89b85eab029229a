"""Users with cookie jars who talk to whichever replica comes next, and the operation log of what all users saw."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from rag.crosstalk.log.events import Event, Fail, History, Info, Invoke, Message, Ok
from rag.crosstalk.run.people import order
from tests.machines.people import title_of

PAUSE, BESIDE_PAGES = 0.05, 0.3
"""Seconds between two turns of a user; where others have pages, which need the processor, too."""
PATIENCE = 30.0
"""Seconds for one answer."""
UNTOUCHED = frozenset({400, 403, 413, 415, 422, 429})
"""Statuses after which nothing can have been stored."""


@dataclass(slots=True)
class Log:
    """Thread-safe. told: what users of the API were told instead of an answer, read: what the others read on the page,
    and how often. answered: user, time."""

    events: list[Event] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)
    answered: list[tuple[str, float]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ops: int = 0

    def invoke(self, user: str, text: str, plants: tuple[str, ...], expects: tuple[str, ...]) -> int:
        with self._lock:
            self._ops += 1
            now = time.monotonic()
            self.events.append(Invoke(self._ops, user, user, now, text, plants=plants, expects=expects))
            return self._ops

    def add(self, event: Event) -> None:
        with self._lock:
            self.events.append(event)

    def tell(self, where: Counter[str], words: str) -> None:
        with self._lock:
            where[words] += 1

    def ok(self, op: int, user: str, answer: str) -> None:
        with self._lock:
            now = time.monotonic()
            self.events.append(Ok(op, now, answer))
            self.answered.append((user, now))

    def keep(self, user: str, messages: Iterable[dict[str, Any]]) -> None:
        """messages: as `/api/history` has them; the user's final state."""
        found = tuple(Message(one["role"], one["text"]) for one in messages)
        self.add(History(user, time.monotonic(), found))


class Person(Protocol):
    """Somebody who talks through one fault after the other."""

    name: str

    def begin(self, log: Log) -> bool:
        """Clear the history, and write into this log from now on. Whether it could be cleared."""

    def talk(self, until: threading.Event) -> None: ...

    def look(self) -> bool:
        """Read the history into the log, as its final state. Whether it could be read."""

    def close(self) -> None: ...


class Asking:
    """What somebody says, turn by turn. order: a canary that it alone knows."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.order = order(random.SystemRandom())
        self.turns = 0
        self._states = False

    def begin(self) -> None:
        self._states = False

    def next(self, log: Log) -> tuple[int, str]:
        """The turn's number in the log, and its text: they state the order number, and ask for it, by turns."""
        self.turns += 1
        self._states = not self._states
        if self._states:
            text = f"My order is {self.order} (note {self.turns})."
            return log.invoke(self.name, text, (self.order,), ()), text
        text = f"What is my order number? (question {self.turns})"
        return log.invoke(self.name, text, (), (self.order,)), text


class User:
    """A client with a cookie jar. pause: seconds between two turns."""

    def __init__(self, name: str, sites: Sequence[str], pause: float = PAUSE) -> None:
        self.name, self.sites, self.log = name, sites, Log()
        self._pause = pause
        self._asking = Asking(name)
        self._client = httpx.Client(timeout=PATIENCE, verify=False)

    def begin(self, log: Log) -> bool:
        self.log = log
        self._asking.begin()
        with suppress(httpx.HTTPError):
            return self._client.delete(f"{self.sites[0]}/api/history").is_success
        return False

    def talk(self, until: threading.Event) -> None:
        while not until.is_set():
            self.turn()
            until.wait(self._pause)

    def turn(self) -> bool:
        """Whether it was answered."""
        op, text = self._asking.next(self.log)
        try:
            site = self.sites[self._asking.turns % len(self.sites)]
            answer = self._client.post(f"{site}/api/chat", json={"message": text})
        except httpx.HTTPError as problem:
            self._not_answered(Info, op, f"no answer ({type(problem).__name__})")
            return False
        if answer.status_code == 200:
            self.log.ok(op, self.name, answer.json()["answer"])
            return True
        kind = Fail if answer.status_code in UNTOUCHED else Info
        self._not_answered(kind, op, f"{answer.status_code} {title_of(answer)}")
        return False

    def _not_answered(self, kind: type[Fail | Info], op: int, told: str) -> None:
        self.log.add(kind(op, time.monotonic(), told))
        self.log.tell(self.log.told, told)

    def look(self) -> bool:
        for site in self.sites:
            try:
                answer = self._client.get(f"{site}/api/history")
            except httpx.HTTPError:
                continue
            if answer.status_code == 200:
                self.log.keep(self.name, answer.json()["messages"])
                return True
        return False

    def close(self) -> None:
        self._client.close()
