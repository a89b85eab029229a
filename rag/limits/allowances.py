"""What turns and uploads are charged for: a bucket of the session, and one of the address; for a session's first turn
another one of the address, since sessions take memory for as long as they live.

A session's bucket belongs to the address that it asks from, so that one script can charge both: whoever has many
addresses has as many sessions, too. Where the address is nobody's, there is only the session's. Redis is told neither:
keys have hashes of both.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from hashlib import blake2b
from time import monotonic

from rag.errors import OverLimit
from rag.limits.empty import Empty
from rag.limits.networks import network_of
from rag.sessions.allowance import Allowance, Bucket
from rag.settings import Settings

LOG = logging.getLogger("crosswire")
SAY_AGAIN = 60.0
"""Seconds between two lines on addresses that were refused."""
MINUTE = 60_000_000
"""Microseconds."""


class Limits:
    """Thread-safe. Each method says what to charge, None: nothing is limited here. address: as the server says it.

    Raises OverLimit, without asking Redis, for whom this process has found out already.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = monotonic) -> None:
        self._settings = settings
        self._empty = Empty(clock)
        self._clock = clock
        self._said_at = -math.inf

    def turn(self, session_id: str, address: str | None) -> Allowance | None:
        own, shared = self._settings.limit_session_turns, self._settings.limit_address_turns
        return self._allowance("turns", session_id, own, address, shared, self._settings.limit_address_sessions)

    def knows(self, session_id: str, address: str | None) -> bool:
        """Whether `turn` raises OverLimit for this one, at next to no cost while it does for nobody."""
        if not self._empty.anything:
            return False
        try:
            self.turn(session_id, address)
        except OverLimit:
            return True
        return False

    def upload(self, session_id: str, address: str | None) -> Allowance | None:
        own, shared = self._settings.limit_session_uploads, self._settings.limit_address_uploads
        return self._allowance("uploads", session_id, own, address, shared)

    def _allowance(
        self, what: str, session_id: str, own: int, address: str | None, shared: int, sessions: int = 0
    ) -> Allowance | None:
        """own, shared, sessions: a minute, and at most at once; 0: not limited."""
        network, session = network_of(address), _hashed("session", session_id)
        whose = session if network is None else _hashed("address", network)
        buckets, first = [], []
        if own:
            buckets.append(Bucket(f"{what}:{session}", f"session_{what}", MINUTE // own, own))
        if shared and network is not None:
            buckets.append(Bucket(what, f"address_{what}", MINUTE // shared, shared))
        if sessions and network is not None:
            first.append(Bucket("sessions", "address_sessions", MINUTE // sessions, sessions))
        for bucket in buckets:
            if left := self._empty.left(f"{whose}:{bucket.name}"):
                raise OverLimit(bucket.reason, left)

        def found_empty(bucket: Bucket, seconds: float) -> None:
            self._empty.found(f"{whose}:{bucket.name}", seconds)
            self._say(bucket)

        return Allowance(whose, tuple(buckets), tuple(first), found_empty) if buckets or first else None

    def _say(self, bucket: Bucket) -> None:
        """A proxy that does not say for whom it asks makes all visitors one address: say what to set; rarely."""
        if bucket.reason.startswith("address_") and self._clock() - self._said_at > SAY_AGAIN:
            self._said_at = self._clock()
            LOG.warning(
                "An address reached LIMIT_%s. If it is a proxy's, have it say for whom it asks (X-Forwarded-For), and "
                "name it in FORWARDED_ALLOW_IPS.",
                bucket.reason.upper(),
            )


def _hashed(kind: str, name: str) -> str:
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=12, person=kind.encode()).hexdigest()
