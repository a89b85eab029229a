"""The rooms of this process, by their codes: bounded, and each gone when its time is over.

One thread plays the turns of all rooms as they come due. Several processes of a server share no rooms: a phone has to
reach the one in which its room was opened.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from rag.crosstalk.background.apart import Line, Place, Processes
from rag.crosstalk.checker.findings import Report
from rag.crosstalk.log.events import Event
from rag.crosstalk.room.act import PATIENCE, Turn, judge
from rag.crosstalk.room.people import Person
from rag.crosstalk.room.room import RIGHT, WRONG, Room, RoomRefused

MOST_ROOMS = 16
MOST_OF_ONE = 4
"""Rooms of one presenter. The oldest one is closed for a further one."""
LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without those that are taken for one another."""
CODE_LENGTH = 6
JUDGE_SECONDS, SHARE = 1.0, 8.0
"""An act is looked at once in so many seconds, and for no more than this part of them."""
APART = 1000
"""Events from which on a report is made in another process, where it holds up no page."""
SWEEP = 5.0
"""Seconds between two looks for rooms whose time is over."""

LOG = logging.getLogger(__name__)
Done = Callable[[Turn], None]


@dataclass(frozen=True, slots=True)
class Played:
    """An act as far as it went."""

    memory: str
    report: Report
    events: tuple[Event, ...]


class Rooms:
    """Thread-safe. place: where long reports are made, if not in processes of their own."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, place: Place | None = None) -> None:
        self._clock = clock
        self._place = place or Processes()
        self._rooms: dict[str, tuple[Room, float]] = {}
        """Each with when it was opened."""
        self._waiting: dict[int, Done] = {}
        """Who is to be told that a turn ended, by the turn's identity."""
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def open(
        self,
        presenter: str,
        right: str = RIGHT,
        wrong: str = WRONG,
        *,
        begin: str = "",
        thinking: tuple[float, float] | None = None,
    ) -> Room:
        """presenter: session id of the browser that opens it. right, wrong: the memories that it will be switched
        between; begin: the one that it begins with, the right one if not said. thinking: seconds that the model takes,
        from and to. Raises UnknownMemory, RoomRefused."""
        with self._changed:
            self.sweep()
            older = self._of(presenter)[: 1 - MOST_OF_ONE]
            if not older and len(self._rooms) >= MOST_ROOMS:
                older = self._spare()[:1]
            if self._closed or len(self._rooms) - len(older) >= MOST_ROOMS:
                raise RoomRefused(f"There are {len(self._rooms)} rooms on this server: try again when one has ended.")
            code = next(code for code in _codes() if code not in self._rooms)
            room = Room(code, presenter, begin or right)
            room.right, room.wrong, room.thinking = right, wrong, thinking
            for one in older:
                self._drop(one)
            self._rooms[code] = room, self._clock()
            if self._thread is None:
                self._thread = threading.Thread(target=self._play, name="rooms", daemon=True)
                self._thread.start()
            return room

    def open_beside(self, presenter: str, right: str = RIGHT, wrong: str = WRONG) -> tuple[Room, Room]:
        """Two rooms for who is alone: one on the wrong memory, the other on the right one. Raises what `open` does."""
        with self._changed:
            one = self.open(presenter, right, wrong, begin=wrong)
            other = self.open(presenter, right, wrong, begin=right)
            one.beside, other.beside = other.code, one.code
            return one, other

    def beside(self, room: Room) -> Room | None:
        """The other one of two, while it lasts."""
        with self._changed:
            known = self._rooms.get(room.beside)
            return known[0] if known else None

    def of(self, presenter: str) -> list[Room]:
        """Those that this browser opened, the oldest first."""
        with self._changed:
            self.sweep()
            return self._of(presenter)

    def left(self, room: Room) -> float | None:
        """Seconds for which what has ended is kept; None: it has not ended."""
        with self._changed:
            known = self._rooms.get(room.code)
            if room.ended is None or known is None:
                return None
            return max(0.0, room.expires - (self._clock() - known[1]))

    @contextmanager
    def entered(self, code: str) -> Iterator[tuple[Room, float]]:
        """A room for as long as nobody else changes it, and its time. Raises RoomRefused."""
        with self._changed:
            found = self._rooms.get(code.upper())
            if found is None:
                raise RoomRefused("There is no such room here. Ask for its address: the room may have ended.", 404)
            room, opened = found
            yield room, self._clock() - opened
            self._changed.notify()

    @contextmanager
    def presented(self, code: str, presenter: str | None) -> Iterator[tuple[Room, float]]:
        """The same for the one who opened it. Raises RoomRefused for everybody else."""
        with self.entered(code) as (room, now):
            if not presenter or not secrets.compare_digest(room.presenter, presenter):
                raise RoomRefused("Only the browser that opened this room presents it.", 403)
            yield room, now

    def greet(self, code: str, token: str, done: Done) -> Turn:
        """As Room.greet; done: called once, in another thread, when it has ended."""
        with self.entered(code) as (room, now):
            return self._wait(room.greet(token, now), done)

    def ask(self, code: str, token: str, key: str, text: str, done: Done) -> Turn:
        """As Room.ask; done: as in `greet`."""
        with self.entered(code) as (room, now):
            return self._wait(room.ask(token, key, text, now), done)

    def join(self, code: str) -> tuple[str, Person]:
        with self.entered(code) as (room, now):
            return room.join(now)

    def judge(self, code: str, presenter: str | None) -> None:
        """Have the checker look at all that has happened in this act, if that is due, and if no leak says it all. It
        holds up nobody else."""
        with self.presented(code, presenter) as (room, now):
            act = room.act
            if act.leaks or len(act.events) == act.judged_events or now < act.judged_next:
                return
            act.judged_events, act.judged_next = len(act.events), now + PATIENCE
            events = list(act.events)
        begun = self._clock()
        verdict = judge(act.memory, events).why
        took = self._clock() - begun
        with self.entered(code) as (room, now):
            act.judged_next = now + max(JUDGE_SECONDS, SHARE * took)
            if verdict != act.verdict:
                act.verdict = verdict
                room.version += 1

    def acts(
        self, code: str, presenter: str | None, progress: Callable[[int, int], None] = lambda *_: None
    ) -> list[Played]:
        """Each act with the checker's report of it, the first one first. It holds up nobody else.

        progress: is told how many of how many acts are checked. Raises CrosswireError where a process cannot check.
        """
        with self.presented(code, presenter) as (room, _):
            played = [(act, tuple(act.events)) for act in room.acts if act.turns]
        for done, (act, events) in enumerate(played):
            progress(done, len(played))
            if act.report is None or act.report[0] != len(events):
                act.report = len(events), self._judged(act.memory, events)
        return [Played(act.memory, act.report[1], events) for act, events in played if act.report]

    def _judged(self, memory: str, events: tuple[Event, ...]) -> Report:
        if len(events) < APART:
            return judge(memory, events)
        found: list[Report] = []
        self._place.do(partial(_judge_there, memory, events), found.append, threading.Event(), lambda *_: None)
        return found[0]

    def move(self, code: str, presenter: str | None, address: str) -> None:
        """Phones find this server at another address: an origin."""
        with self.presented(code, presenter) as (room, _):
            room.version += address != room.address
            room.address = address

    def sweep(self) -> None:
        """End what has been idle for too long; let go of what has been kept for long enough."""
        with self._changed:
            for room, opened in list(self._rooms.values()):
                now = self._clock() - opened
                if now < room.expires:
                    continue
                if room.ended is None:
                    self._end(room, now)
                else:
                    self._drop(room)

    def end(self, code: str, presenter: str | None) -> None:
        with self.presented(code, presenter) as (room, now):
            self._end(room, now)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            for room, _ in list(self._rooms.values()):
                self._drop(room)
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(10)
        self._place.close()

    def _spare(self) -> list[Room]:
        """Those that give way to a further one: which nobody ever came to, then those that have ended, oldest first."""
        now = self._clock()
        unused = [room for room, opened in self._rooms.values() if room.unused(now - opened)]
        return unused + [room for room, _ in self._rooms.values() if room.ended is not None]

    def _of(self, presenter: str) -> list[Room]:
        return [room for room, _ in self._rooms.values() if room.presenter == presenter]

    def _drop(self, room: Room) -> None:
        _, opened = self._rooms.pop(room.code)
        try:
            self._end(room, self._clock() - opened)
        except Exception:
            LOG.exception("A room broke when it ended")

    def _end(self, room: Room, now: float) -> None:
        try:
            room.end(now)
        finally:  # nobody waits for what will not be answered any more
            self._tell([turn for act in room.acts for turn in act.turns.values() if id(turn) in self._waiting])

    def _wait(self, turn: Turn, done: Done) -> Turn:
        self._waiting[id(turn)] = done
        return turn

    def _tell(self, turns: list[Turn]) -> None:
        for turn in turns:
            if (done := self._waiting.pop(id(turn), None)) is not None:
                done(turn)

    def _play(self) -> None:
        with self._changed:
            while not self._closed:
                due = [self._play_one(room, opened) for room, opened in list(self._rooms.values())]
                self._changed.wait(min([SWEEP, *due]))
                self.sweep()

    def _play_one(self, room: Room, opened: float) -> float:
        """Seconds until it is due again. One that breaks ends, and no other."""
        try:
            self._tell(room.play(self._clock() - opened))
        except Exception:
            LOG.exception("A room broke")
            self._drop(room)
            return SWEEP
        return SWEEP if room.due is None else max(0.0, opened + room.due - self._clock())


def _judge_there(memory: str, events: tuple[Event, ...], line: Line) -> None:
    line.say(judge(memory, events))


def _codes() -> Iterator[str]:
    while True:
        yield "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
