"""Keeps the turns of this process held while they are answered, however long a model takes.

One thread for all of them, and none while no turn lasts: a short turn costs nothing on the wire. A process that dies
stops renewing, so its sessions are free after one lease.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic


@dataclass(slots=True)
class Held:
    """A turn that this process holds. `renew` says whether it still does; it may raise, and is then tried again."""

    renew: Callable[[], bool]
    due: float = 0.0
    lost: bool = False


@dataclass(slots=True)
class Leases:
    """`lease` in seconds; each held turn is renewed three times in that time."""

    lease: float
    _turns: dict[int, Held] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _thread: threading.Thread | None = None

    def hold(self, turn: Held) -> None:
        turn.due = monotonic() + self.lease / 3
        with self._changed:
            self._turns[id(turn)] = turn
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="turn-leases", daemon=True)
                self._thread.start()
            elif len(self._turns) == 1:
                self._changed.notify()

    def drop(self, turn: Held) -> None:
        with self._changed:
            self._turns.pop(id(turn), None)

    def _run(self) -> None:
        while True:
            for turn in self._wait_for_due():
                self._renew(turn)

    def _wait_for_due(self) -> list[Held]:
        with self._changed:
            while not self._turns:
                self._changed.wait()
            first = min(turn.due for turn in self._turns.values())
            self._changed.wait(max(0.0, first - monotonic()))
            now = monotonic()
            return [turn for turn in self._turns.values() if turn.due <= now]

    def _renew(self, turn: Held) -> None:
        try:
            turn.lost = not turn.renew()
        except Exception:  # the server is away: it may be back before the lease ends
            turn.due = monotonic() + self.lease / 10
            return
        turn.due = monotonic() + self.lease / 3
        if turn.lost:
            self.drop(turn)
