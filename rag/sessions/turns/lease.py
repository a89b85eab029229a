"""Keeps the turns of this process held while they are answered, however long a model takes.

One heartbeat for all of them, and none while no turn lasts: a short turn costs nothing on the wire. A process that dies
stops renewing, so its sessions are free after one lease. It knows tokens and never what was said.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from heapq import heappop, heappush
from math import inf
from time import monotonic

from rag.errors import CrosswireError
from rag.sessions.fork import reset_in_children
from rag.sessions.ids import SessionId

_AT_ONCE = 4
"""Turns that are renewed side by side, so that one server which does not answer holds up no other."""
_TOGETHER = 256
"""Turns that an event loop renews in one go."""


@dataclass(slots=True)
class HeldTurn:
    """A turn that this process holds, renewed every `interval` seconds.

    `renew` says whether it still does; it may raise, and is then tried again soon. `lost`: it does not any more, as the
    child of a fork never did.
    """

    renew: Callable[[], bool]
    interval: float
    due: float = 0.0
    lost: bool = False


class Heartbeat:
    """Of one process: a forked child holds nothing, and keeps nothing of its parent held."""

    def __init__(self) -> None:
        self.reset_after_fork()
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        for turn in getattr(self, "_turns", {}).values():
            turn.lost = True
        self._turns: dict[int, HeldTurn] = {}
        self._changed = threading.Condition()
        self._wakes = inf
        self._thread: threading.Thread | None = None

    def hold(self, turn: HeldTurn) -> None:
        with self._changed:
            self._turns[id(turn)] = turn
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="turn-heartbeat", daemon=True)
                self._thread.start()
            self._renew_in(turn, turn.interval)

    def _renew_in(self, turn: HeldTurn, seconds: float) -> None:
        turn.due = monotonic() + seconds
        if turn.due < self._wakes:
            self._wakes = turn.due
            self._changed.notify()

    def drop(self, turn: HeldTurn) -> None:
        self._turns.pop(id(turn), None)  # one step of the interpreter: nothing to lock

    def _run(self) -> None:
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="turn-heartbeat") as workers:
            while True:
                for turn in self._wait_for_due():
                    workers.submit(self._renew, turn)

    def _wait_for_due(self) -> list[HeldTurn]:
        with self._changed:
            self._wakes = min((turn.due for turn in [*self._turns.values()]), default=inf)
            while (left := self._wakes - monotonic()) > 0:
                self._changed.wait(None if left == inf else left)
            now = monotonic()
            due = [turn for turn in [*self._turns.values()] if turn.due <= now]
            for turn in due:
                turn.due = inf
            return due

    def _renew(self, turn: HeldTurn) -> None:
        try:
            turn.lost = not turn.renew()
            pause = turn.interval
        except Exception:  # the server is away: it may be back before the lease ends
            pause = turn.interval / 4
        with self._changed:
            if turn.lost:
                self.drop(turn)
            else:
                self._renew_in(turn, pause)


HEARTBEAT = Heartbeat()
"""Of this process."""


class AsyncHeartbeat:
    """Of one store in an event loop, which may hold thousands of turns: what is due is renewed together.

    `renew` says of each whether it is still held, None if that cannot be told now; it may raise. Those are tried again
    soon.
    """

    def __init__(
        self, renew: Callable[[Sequence[tuple[SessionId, str]]], Awaitable[list[bool | None]]], interval: float
    ) -> None:
        self._renew = renew
        self._interval = interval
        self._held: dict[str, SessionId] = {}
        self._due: list[tuple[float, str]] = []
        self._task: asyncio.Task[None] | None = None

    def hold(self, session_id: SessionId, token: str) -> None:
        loop = asyncio.get_running_loop()
        self._held[token] = session_id
        heappush(self._due, (loop.time() + self._interval, token))
        if self._task is None:
            self._task = loop.create_task(self._run(loop))

    def drop(self, token: str) -> None:
        self._held.pop(token, None)
        if not self._held and self._task is not None:
            self._task.cancel()
            self._task = None
            self._due.clear()

    async def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        me = asyncio.current_task()
        while self._task is me:  # a client library may swallow that it is cancelled
            ripe = self._ripe(loop.time())
            if not ripe:
                await asyncio.sleep(self._due[0][0] - loop.time() if self._due else self._interval)
                continue
            try:
                found = await self._renew([(self._held[token], token) for token in ripe])
            except CrosswireError:  # the server is away: it may be back before the lease ends
                found = [None] * len(ripe)
            now = loop.time()
            for token, still in zip(ripe, found, strict=True):
                if still is not False and token in self._held:
                    heappush(self._due, (now + (self._interval if still else self._interval / 4), token))

    def _ripe(self, now: float) -> list[str]:
        found: list[str] = []
        while self._due and self._due[0][0] <= now and len(found) < _TOGETHER:
            token = heappop(self._due)[1]
            if token in self._held:
                found.append(token)
        return found
