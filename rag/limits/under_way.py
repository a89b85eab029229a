"""How many turns this process works at, and for whom: a queue that is bounded, and nobody's share that is all of it.

A turn that waits for a thread is answered later, so a long queue makes everybody slow and answers nobody more. How many
wait says little: a hundred turns of two milliseconds are no queue, and three of a minute are one. What counts is how
long who is next has waited. As long as that is short everybody is let in, however many come at once: a room in which
everybody presses the button. Beyond that, more is asked than can be answered, and who comes is told at once. (CoDel,
RFC 8289, measures a queue by the time in it, too, and leaves one alone that goes away.)

Who is next tells of those who came long ago. Where more is asked for a while, whoever comes now would wait longer than
they did, the more so the more is asked; so a queue that does not go away is measured by the wait that it means for
whoever comes: its length times its pace (Little's law). However much is asked, who is let in waits no longer than when
just as much is asked as can be answered; what is more than that is refused.

Short is what is so beside an answer: who waits for a model for three seconds does not mind waiting for a thread as
long. So a wait counts as long as an answer takes, within `PATIENCE`, where that is more than LIMIT_WAIT_SECONDS.

A model that does not answer keeps its turns' threads. So no session and no address may have more under way than its
share, however empty the rest is.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable
from threading import Lock
from time import monotonic

from rag.errors import Overloaded, TooManyAtOnce
from rag.limits.networks import network_of
from rag.settings import Settings

THREADS = 64
"""Turns that wait for a model, or for another turn of their session, at once. Further ones wait for a thread."""
MOST = 1000
"""Under way in this process, whatever is set."""
RUNNING = 2 * THREADS
"""That have a thread, as many as the API has; pages have more of them, and then all of them are slow."""
STEPS = 2 * THREADS
"""Of a queue's newest steps its pace is the mean: threads that began together end together."""
NEWEST = 0.05
"""How much of what is known of how long an answer takes is the newest one's."""
PATIENCE = 5.0
"""Seconds for which people wait for a thread, however long an answer takes: a model that does not answer at all has
everybody else wait no longer."""


Who = tuple[tuple[str, str], ...]
"""A session, and an address that is somebody's."""


class Place:
    """One turn's, from when it is let in until its thread is free again: whoever asked may have gone long before."""

    def __init__(self, under_way: UnderWay, who: Who) -> None:
        self._under_way = under_way
        self.who = who

    def queue(self, waits: bool) -> None:
        """It waits for a thread from now on, or has one. Called by whoever has the turn, one after the other."""
        self._under_way.queue(self, waits)

    def leave(self) -> None:
        """May be called again."""
        self._under_way.leave(self)


class UnderWay:
    """Thread-safe. One instance counts all turns of a process, the API's and the pages'."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = monotonic) -> None:
        self._of_session, self._of_address = settings.limit_session_at_once, settings.limit_address_at_once
        self._longest = settings.limit_wait_seconds
        self._clock = clock
        self._lock = Lock()
        self._places = set[Place]()
        self._waiting: dict[Place, float] = {}
        """Since when, the longest first."""
        self._by: Counter[tuple[str, str]] = Counter()
        self._calm_at = clock()
        """When somebody who came found no more than RUNNING, for the last time."""
        self._empty_at = self._left_at = clock()
        """When somebody who came found nobody waiting, and when somebody got his thread, for the last time."""
        self._refused_at = -math.inf
        self._steps = deque[float](maxlen=STEPS)
        """Seconds from one who gets his thread to the next, while somebody waits."""
        self._begun: dict[Place, float] = {}
        """When those that do not wait got their threads."""
        self._takes: float | None = None
        """Seconds from there to the end; None: none has ended yet."""

    def enter(self, session_id: str, address: str | None) -> Place:
        """Raises TooManyAtOnce for who has his share, Overloaded if it would wait too long."""
        who = self._who(session_id, address)
        with self._lock:
            if share := self._used_up(who):
                raise TooManyAtOnce(share)
            if self._overloaded(self._clock()):
                raise Overloaded
            self._by.update(who.keys())
            place = Place(self, tuple(who))
            self._places.add(place)
            self._begun[place] = self._clock()
        return place

    def overloaded(self) -> bool:
        """Whether `enter` raises Overloaded for everybody who has not his share."""
        with self._lock:
            return self._overloaded(self._clock())

    def has_share(self, session_id: str, address: str | None) -> bool:
        """Whether `enter` raises TooManyAtOnce for this one."""
        who = self._who(session_id, address)
        with self._lock:
            return self._used_up(who) is not None

    def queue(self, place: Place, waits: bool) -> None:
        with self._lock:
            if place not in self._places:
                return
            if waits:
                self._begun.pop(place, None)
                self._waiting.setdefault(place, self._clock())
            elif place in self._waiting:
                self._moves(place)
                self._begun[place] = self._clock()

    def leave(self, place: Place) -> None:
        with self._lock:
            self._waiting.pop(place, None)
            if place in self._places:
                self._places.remove(place)
                if (begun := self._begun.pop(place, None)) is not None:
                    took = self._clock() - begun
                    self._takes = took if self._takes is None else self._takes + (took - self._takes) * NEWEST
                for one in place.who:
                    self._by[one] -= 1
                    if not self._by[one]:
                        del self._by[one]

    @property
    def turns(self) -> int:
        return len(self._places)

    def _who(self, session_id: str, address: str | None) -> dict[tuple[str, str], int]:
        """With how many each may have."""
        network = network_of(address)
        who = {("session", session_id): self._of_session}
        if network is not None:
            who["address", network] = self._of_address
        return who

    def _used_up(self, who: dict[tuple[str, str], int]) -> str | None:
        """The limit that is reached."""
        for (kind, name), most in who.items():
            if most and self._by[kind, name] >= most:
                return f"{kind}_at_once"
        return None

    def _overloaded(self, now: float) -> bool:
        longest = max(self._longest, PATIENCE if self._takes is None else min(self._takes, PATIENCE))
        if len(self._places) - len(self._waiting) <= RUNNING:
            self._calm_at = now
        if not self._waiting and now - self._refused_at > longest:  # else it is empty as it was refused
            self._empty_at = now
        waited = now - min(next(iter(self._waiting.values()), now), self._calm_at)
        stays = now - self._empty_at > longest
        would_wait = len(self._waiting) * sum(self._steps) / len(self._steps) if stays and self._steps else 0.0
        overloaded = bool(self._longest and max(waited, would_wait) > longest) or len(self._places) >= MOST
        if overloaded:
            self._refused_at = now
        return overloaded

    def _moves(self, place: Place) -> None:
        """It has waited, and has its thread. If it was not next, it stood in a line of its own: who asks a slow model
        gets the slot at once, and then waits for another thread."""
        was_next, now = next(iter(self._waiting)) is place, self._clock()
        since = self._waiting.pop(place)
        if was_next:
            if self._waiting:
                self._steps.append(now - max(self._left_at, since))
            self._left_at = now
